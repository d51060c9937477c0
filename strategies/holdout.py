"""Writes any number of hold-out rows of an example strategy, for `sotto strategy parity --data`.

    python holdout.py mlp-16-32-16 --rows 10000 --out /tmp/holdout.csv

A `.csv` has the raw features by name and onnxruntime's quotes in pips (`float-pips`). A `.npz` has what a notebook has:
the model's inputs `X` in its order and its outputs `y`. The rows are a draw of their own, not that of training.
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np

import market_simulation
import tick_simulation
import training

MARKETS = {"uniswap-v2": market_simulation, "uniswap-v3": tick_simulation}
SEED = 4


def load(folder):
    """A strategy's manifest and its inputs."""
    manifest = tomllib.loads((folder / "strategy.toml").read_text())
    layout = MARKETS[manifest.get("market", "uniswap-v2")].simulate(1, SEED).layout
    terms = {str(i): entry["terms"] for i, entry in enumerate(manifest["input"])}
    offset = np.array([entry["offset"] for entry in manifest["input"]])
    scale = np.array([entry["scale"] for entry in manifest["input"]])
    return manifest, training.Inputs(layout, terms, offset, scale)


def write(folder, rows, seed, out):
    """Draws rows, runs the model on them, and writes both."""
    manifest, inputs = load(folder)
    raw = inputs.layout.raw(MARKETS[manifest.get("market", "uniswap-v2")].simulate(rows, seed).features)
    z = inputs.of(inputs.layout.natural(raw))
    y = training.run(folder / "model.onnx", z)
    if out.suffix == ".npz":
        np.savez_compressed(out, X=z, y=y)
        return
    policy = manifest["policy"]
    quotes = np.clip(y * manifest["output"]["scale"], policy["min-quote"], policy["max-quote"])
    training.write_rows(out, inputs.layout, raw, quotes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strategy", help="name of a folder beside this file")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=SEED, help="of the draw; another one to calibrate with")
    parser.add_argument("--out", type=Path, required=True, help="a .csv or .npz file")
    args = parser.parse_args()
    write(Path(__file__).resolve().parent / args.strategy, args.rows, args.seed, args.out)


if __name__ == "__main__":
    main()
