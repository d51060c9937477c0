"""Training of PyTorch networks: a quantile instead of a mean, and the export to ONNX."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

import training

OPSET = 13


def dense(widths):
    """Linear layers with ReLU between them."""
    layers = []
    for width, next_width in zip(widths, widths[1:]):
        layers += [nn.Linear(width, next_width), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def pinball(outputs, targets):
    """The loss whose best answer is the quantile `training.QUANTILE` of the target."""
    rest = targets - outputs
    return torch.maximum(training.QUANTILE * rest, (training.QUANTILE - 1.0) * rest).mean()


def fit(network, z, y, epochs, rate=4e-3, batch=2048, seed=7, after_step=lambda: None):
    """Trains in place with Adam and a rate that falls along a cosine. Calls `after_step` after each step."""
    torch.manual_seed(seed)
    z, y = torch.from_numpy(z), torch.from_numpy(y.astype(np.float32))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=1e-6)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        order = torch.randperm(len(z))
        for rows in order.split(batch):
            optimiser.zero_grad()
            pinball(network(z[rows])[:, 0], y[rows]).backward()
            optimiser.step()
            after_step()
        schedule.step()
    return network.eval()


def export(network, path, width, any_batch=True):
    """Writes ONNX; with a batch of one where the graph would otherwise compute with its own shape."""
    axes = {"features": {0: "batch"}, "output": {0: "batch"}} if any_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(1, width),), str(path), input_names=["features"], output_names=["output"],
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip


def ceilings(network, z):
    """Greatest value of each hidden channel on the training data, and half as much again."""
    tops, values = [], torch.from_numpy(z)
    with torch.no_grad():
        for layer in network:
            values = layer(values)
            if isinstance(layer, nn.ReLU):
                top = 1.5 * values.max(dim=0).values.numpy()
                # A channel that never woke up gets a small range, should it do so.
                tops.append([training.significant(x) for x in np.maximum(top, 0.01 * top.max())])
    return tops


def write_dense(folder, market, terms, hidden, epochs=12):
    """Trains a dense network and writes its strategy."""
    torch.manual_seed(7)
    train = training.simulated(market, training.TRAIN_ROWS, training.TRAIN_SEED)
    inputs = training.Inputs.standard(train, terms)
    scale = training.significant(train.target.std())
    z = inputs.of(train.features)
    network = fit(dense([z.shape[1], *hidden, 1]), z, train.target / scale, epochs)
    export(network, Path(folder) / "model.onnx", z.shape[1])
    training.finish(folder, market, inputs, scale, ceilings=ceilings(network, z))
