"""What the strategies of trees share: data for training, and the strategy around an exported ensemble."""

from pathlib import Path

import numpy as np

import training

# Thresholds of a feature at most, and one: all of them fit into ranks of 8 bits.
BINS = 255


def data(market, terms):
    """Inputs, their values on the training data, and the target in pips."""
    train = training.simulated(market, training.TRAIN_ROWS, training.TRAIN_SEED)
    inputs = training.Inputs.plain(train, terms)
    return inputs, inputs.of(train.features), train.target


def binned(z):
    """Each column rounded down to one of its quantiles, for a library that would try every value as a threshold."""
    columns = []
    for x in z.T:
        edges = np.unique(np.quantile(x, np.linspace(0.0, 1.0, BINS), method="lower"))
        columns.append(edges[np.searchsorted(edges, x, side="right") - 1])
    return np.stack(columns, axis=1).astype(np.float32)


def write(folder, market, inputs, model, trees, depth, rank_bits=8):
    """Writes `model.onnx` and the strategy around it."""
    (Path(folder) / "model.onnx").write_bytes(model.SerializeToString())
    shape = {"trees": trees, "depth": depth, "rank-bits": rank_bits}
    training.finish(folder, market, inputs, 1.0, shape=shape)
