"""A gated recurrent unit over the 16 ticks of a V3 pool, by PyTorch. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import torch
from torch import nn

import networks
import tick_simulation
import training
from inputs import AROUND_TICKS, TICKS

UNITS, HIDDEN = 16, 32
# What one tick may add to a gate's argument at most. Gates are saturated by then, and the integer model has all its steps for
# what lies within.
REACH = 20.0


class TickQuoter(nn.Module):
    """Reads the ticks in order, then combines what it remembers with the rest of the inputs."""

    def __init__(self, around):
        super().__init__()
        self.recurrent = nn.GRU(1, UNITS)
        self.head = networks.dense([UNITS + around, HIDDEN, 1])

    def forward(self, features):
        ticks, around = features[:, : len(TICKS)], features[:, len(TICKS) :]
        _, state = self.recurrent(ticks.transpose(0, 1).unsqueeze(2))
        return self.head(torch.cat([state[0], around], dim=1))

    def bound(self, farthest):
        """Keeps the weights of ticks within `REACH` for ticks of up to `farthest`; that of the candidate state, a
        hyperbolic tangent, within half of it."""
        with torch.no_grad():
            reset_and_update, candidate = self.recurrent.weight_ih_l0.split([2 * UNITS, UNITS])
            for weights, reach in [(reset_and_update, REACH), (candidate, REACH / 2)]:
                weights.clamp_(-reach / farthest, reach / farthest)


torch.manual_seed(7)
# A quarter of the usual rounds: steps through time are slow.
train = training.simulated(tick_simulation, training.TRAIN_ROWS // 4, training.TRAIN_SEED)
inputs = training.Inputs.standard(train, {**TICKS, **AROUND_TICKS}, together=TICKS)
scale = training.significant(train.target.std())
z = inputs.of(train.features)
quoter = TickQuoter(len(AROUND_TICKS))
farthest = max(abs(x - inputs.offset[i]) / inputs.scale[i] for i in range(len(TICKS)) for x in inputs.ranges[i])
networks.fit(
    quoter, z, train.target / scale, epochs=20, rate=1e-2, batch=2048, after_step=lambda: quoter.bound(farthest)
)
networks.export(quoter, HERE / "model.onnx", z.shape[1], any_batch=False)
training.finish(HERE, tick_simulation, inputs, scale)
print("\nnow calibrate it: see README.md")
