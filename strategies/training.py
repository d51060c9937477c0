"""Trains a dense network on the simulated market, exports it to ONNX and writes `strategy.toml` and `holdout.csv`.

A strategy's `train.py` says which inputs it wants (linear combinations of features) and how wide the network is; the rest
is here. Nothing in the build or the tests runs this; the files that it writes are committed.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from Crypto.Hash import keccak
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

import market_simulation as market

TRAIN_ROWS, TRAIN_SEED = 240_000, 1
TEST_ROWS, TEST_SEED = 60_000, 2
HOLDOUT_ROWS = 1_000


def write_strategy(folder, inputs, hidden, min_quote, max_quote, max_slots, seed=7):
    """Trains and writes everything. `inputs` maps a name to factors of features; `hidden` are widths, none for linear."""
    folder = Path(folder)
    combine = combination(inputs)
    train = market.simulate(TRAIN_ROWS, TRAIN_SEED)
    test = market.simulate(TEST_ROWS, TEST_SEED)

    sums = train.features @ combine
    offset = np.array([significant(x) for x in sums.mean(axis=0)])
    scale = np.array([significant(x) for x in sums.std(axis=0)])
    output_scale = significant(train.target.std())
    layers = fit((sums - offset) / scale, train.target / output_scale, hidden, seed)
    export(folder / "model.onnx", layers)

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))

    def quotes(features):
        z = ((features @ combine - offset) / scale).astype(np.float32)
        pips = session.run(None, {"features": z})[0][:, 0].astype(float) * output_scale
        return np.clip(pips, min_quote, max_quote)

    report(folder.name, test, quotes(test.features))
    ceilings = greatest(layers, (sums - offset) / scale)
    policy = (min_quote, max_quote, max_slots)
    write_manifest(folder, inputs, offset, scale, widened(sums), output_scale, policy, ceilings)
    # Parity is on the features that the chain would record: integers.
    held = market.simulate(HOLDOUT_ROWS, TEST_SEED + 1)
    raw = market.raw(held)
    write_holdout(folder / "holdout.csv", raw, quotes(market.natural(raw)))


def combination(inputs):
    """Factors as a matrix from FEATURES to inputs."""
    matrix = np.zeros((len(market.FEATURES), len(inputs)))
    for column, terms in enumerate(inputs.values()):
        for name, factor in terms.items():
            matrix[market.FEATURES.index(name), column] = factor
    return matrix


def significant(x):
    """Four significant digits, so that the manifest says exactly what was trained."""
    return float(f"{x:.4g}")


def widened(sums):
    """Range of each input in training, a fifth wider to each side."""
    lo, hi = sums.min(axis=0), sums.max(axis=0)
    margin = 0.2 * (hi - lo)
    return [(significant(a), significant(b)) for a, b in zip(lo - margin, hi + margin)]


def greatest(layers, z):
    """Greatest value of each hidden channel on the training data, and half as much again."""
    ceilings = []
    for weights, biases in layers[:-1]:
        z = np.maximum(z @ weights.T + biases, 0.0)
        tops = 1.5 * z.max(axis=0)
        # A channel that never woke up gets a small range, should it do so.
        ceilings.append([significant(top) for top in np.maximum(tops, 0.01 * tops.max())])
    return ceilings


def fit(z, y, hidden, seed):
    """Layers as (weights [outputs, inputs], biases)."""
    if not hidden:
        line = LinearRegression().fit(z, y)
        return [(line.coef_.reshape(1, -1), np.array([line.intercept_]))]
    network = MLPRegressor(
        hidden_layer_sizes=hidden, alpha=1e-4, batch_size=1024, learning_rate_init=2e-3, max_iter=40,
        early_stopping=True, validation_fraction=0.1, n_iter_no_change=8, random_state=seed,
    ).fit(z, y)  # fmt: skip
    return [(w.T, b) for w, b in zip(network.coefs_, network.intercepts_)]


def export(path, layers):
    """Writes the network as Gemm and Relu nodes, float32, operator set 13."""
    nodes, tensors, value = [], [], "features"
    for i, (weights, biases) in enumerate(layers):
        last = i + 1 == len(layers)
        tensors.append(numpy_helper.from_array(weights.astype(np.float32), f"weights_{i}"))
        tensors.append(numpy_helper.from_array(biases.astype(np.float32), f"biases_{i}"))
        out = "output" if last else f"dense_{i}"
        nodes.append(helper.make_node("Gemm", [value, f"weights_{i}", f"biases_{i}"], [out], f"dense_{i}", transB=1))
        value = out
        if not last:
            nodes.append(helper.make_node("Relu", [value], [f"active_{i}"], f"relu_{i}"))
            value = f"active_{i}"
    width = layers[0][0].shape[1]
    graph = helper.make_graph(
        nodes,
        "strategy",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", width])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def report(name, test, quotes):
    """Prints the out-of-sample result."""
    error = quotes - test.target
    variance = 1.0 - np.mean(error**2) / np.var(test.target)
    quartiles = np.percentile(quotes, [5, 25, 50, 75, 95])
    print(f"{name}: {len(quotes)} rows out of sample")
    print(f"  target: mean {test.target.mean():.0f}, standard deviation {test.target.std():.0f} pips")
    print(f"  error: rms {np.sqrt(np.mean(error**2)):.0f}, mean absolute {np.mean(np.abs(error)):.0f} pips, R2 {variance:.3f}")
    print("  quotes at 5, 25, 50, 75, 95 %: " + ", ".join(f"{q:.0f}" for q in quartiles))
    print(f"  quotes above zero: {np.mean(quotes > 0):.1%}, above what the solver can afford by over 100 pips: "
          f"{np.mean(error > 100):.1%}")  # fmt: skip


def number(x):
    """A TOML float."""
    text = repr(float(x))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def write_manifest(folder, inputs, offset, scale, ranges, output_scale, policy, ceilings):
    digest = keccak.new(digest_bits=256, data=(folder / "model.onnx").read_bytes()).hexdigest()
    used = [name for name in market.FEATURES if any(name in terms for terms in inputs.values())]
    lines = [
        f'name = "{folder.name}"',
        "",
        "[model]",
        'file = "model.onnx"',
        "# Pins the file: another one is refused.",
        f'keccak256 = "0x{digest}"',
        "",
        "# Decimals of the market's tokens; all values below are in whole tokens.",
        "[tokens]",
        f"base-decimals = {market.BASE_DECIMALS}",
        f"quote-decimals = {market.QUOTE_DECIMALS}",
        "",
        "# The network's output times scale is an improvement on the reference price in pips (1e-6).",
        "[output]",
        'unit = "pips"',
        f"scale = {number(output_scale)}",
        "",
        "[policy]",
        f"min-quote = {policy[0]}",
        f"max-quote = {policy[1]}",
        "# Most bids in one direction of a round.",
        f"max-slots = {policy[2]}",
        "",
        "# Features that are read, with the range in which they count: log2 of prices, depths and sizes, seconds, and",
        "# milliseconds for the block interval. Values outside saturate.",
        "[features]",
    ]
    for name in used:
        lo, hi = market.RANGES[name]
        lines.append(f'"{name}" = {{ range = [{number(lo)}, {number(hi)}] }}')
    if ceilings:
        lines += ["", "# Where the hidden channels saturate: half as much again as on the training data.", "[calibration]", "hidden = ["]
        lines += ["    [" + ", ".join(number(top) for top in layer) + "]," for layer in ceilings]
        lines += ["]"]
    lines += ["", "# Inputs of the network, in its order: (sum of terms - offset) / scale. The sum was seen in range."]
    for (name, terms), shift, factor, (lo, hi) in zip(inputs.items(), offset, scale, ranges):
        body = ", ".join(f'"{feature}" = {number(f)}' for feature, f in terms.items())
        lines += [
            "",
            f"# {name}",
            "[[input]]",
            f"terms = {{ {body} }}",
            f"offset = {number(shift)}",
            f"scale = {number(factor)}",
            f"range = [{number(lo)}, {number(hi)}]",
        ]
    (folder / "strategy.toml").write_text("\n".join(lines) + "\n")


def write_holdout(path, raw, quotes):
    header = ",".join([*market.FEATURES, "float-pips"])
    rows = [",".join(map(str, features)) + f",{q:.4f}" for features, q in zip(raw, quotes)]
    path.write_text("\n".join([header, *rows]) + "\n")
