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


torch.manual_seed(7)
# A quarter of the usual rounds: steps through time are slow.
train = training.simulated(tick_simulation, training.TRAIN_ROWS // 4, training.TRAIN_SEED)
inputs = training.Inputs.standard(train, {**TICKS, **AROUND_TICKS}, together=TICKS)
scale = training.significant(train.target.std())
z = inputs.of(train.features)
quoter = networks.fit(TickQuoter(len(AROUND_TICKS)), z, train.target / scale, epochs=20, rate=1e-2, batch=2048)
networks.export(quoter, HERE / "model.onnx", z.shape[1], any_batch=False)
training.finish(HERE, tick_simulation, inputs, scale)
