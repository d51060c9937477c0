"""What every strategy's training shares: data, inputs, the out-of-sample report, `strategy.toml` and `holdout.csv`.

A strategy's `train.py` says which inputs it wants (linear combinations of features) and fits a model with its own
library. Nothing in the build or the tests runs this; the files that it writes are committed.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
from Crypto.Hash import keccak

import layouts

TRAIN_ROWS, TRAIN_SEED = 240_000, 1
TEST_ROWS, TEST_SEED = 60_000, 2
HOLDOUT_ROWS, HOLDOUT_SEED = 1_000, 3

# Models are trained to say what a solver can afford with this probability to have quoted too much: the rest is margin.
QUANTILE = 0.25
POLICY = {"min-quote": -2000, "max-quote": 3000, "max-slots": 32}


def simulated(market, count, seed):
    """Rounds with features as the chain would record them, back in natural units."""
    rows = market.simulate(count, seed)
    rows.features = rows.layout.natural(rows.layout.raw(rows.features))
    return rows


@dataclass
class Inputs:
    """A network's inputs: `(features @ combine - offset) / scale`."""

    layout: object
    # Factors of features by the input's description.
    terms: dict
    offset: np.ndarray = None
    scale: np.ndarray = None
    # Where the sums were seen, wider by a fifth to each side.
    ranges: list = field(default_factory=list)

    @classmethod
    def plain(cls, rows, terms):
        """Inputs that are sums of features and no more, as trees want them: their comparisons stay exact."""
        return cls(rows.layout, terms, np.zeros(len(terms)), np.ones(len(terms))).seen(rows)

    @classmethod
    def standard(cls, rows, terms, together=()):
        """Inputs with mean 0 and deviation 1, as networks want them; those named in `together` share both."""
        made = cls(rows.layout, terms)
        sums = rows.features @ made.combine
        offset, scale = sums.mean(axis=0), sums.std(axis=0)
        group = [i for i, name in enumerate(terms) if name in together]
        if group:
            offset[group], scale[group] = offset[group].mean(), np.sqrt(np.mean(scale[group] ** 2))
        made.offset = np.array([significant(x) for x in offset])
        made.scale = np.array([significant(x) for x in scale])
        return made.seen(rows)

    @property
    def combine(self):
        """Factors as a matrix from features to inputs."""
        matrix = np.zeros((len(self.layout.features), len(self.terms)))
        for column, terms in enumerate(self.terms.values()):
            for name, factor in terms.items():
                matrix[self.layout.features.index(name), column] = factor
        return matrix

    def seen(self, rows):
        """Notes the ranges on data."""
        sums = rows.features @ self.combine
        lo, hi = sums.min(axis=0), sums.max(axis=0)
        margin = 0.2 * (hi - lo)
        self.ranges = [(significant(a), significant(b)) for a, b in zip(lo - margin, hi + margin)]
        return self

    def of(self, features):
        """The network's inputs for rows of natural features, in single precision."""
        return ((features @ self.combine - self.offset) / self.scale).astype(np.float32)


def significant(x):
    """Four significant digits, so that the manifest says exactly what was trained."""
    return float(f"{x:.4g}")


def run(path, z):
    """A model's outputs by onnxruntime; row by row where the model has a batch of one."""
    session = onnxruntime.InferenceSession(str(path))
    entry = session.get_inputs()[0]
    batches = [z] if entry.shape[0] != 1 else z[:, None]
    parts = [session.run(None, {entry.name: batch})[0].reshape(-1) for batch in batches]
    return np.concatenate(parts).astype(float)


def finish(folder, market, inputs, output_scale, ceilings=None, shape=None):
    """Reports on unseen rounds and writes the manifest and the hold-out rows of a folder with a `model.onnx`."""
    folder = Path(folder)

    def quotes(features):
        pips = run(folder / "model.onnx", inputs.of(features)) * output_scale
        return np.clip(pips, POLICY["min-quote"], POLICY["max-quote"])

    test = simulated(market, TEST_ROWS, TEST_SEED)
    report(folder.name, test.target, quotes(test.features))
    write_manifest(folder, inputs, output_scale, ceilings, shape)
    # Parity is on the features that the chain would record: integers.
    raw = inputs.layout.raw(market.simulate(HOLDOUT_ROWS, HOLDOUT_SEED).features)
    write_rows(folder / "holdout.csv", inputs.layout, raw, quotes(inputs.layout.natural(raw)))


def pinball(target, quotes):
    """Mean cost of quoting too much and too little, in the proportion that makes the quantile the best quote."""
    rest = target - quotes
    return np.mean(np.maximum(QUANTILE * rest, (QUANTILE - 1.0) * rest))


def report(name, target, quotes):
    """Prints the out-of-sample result as a table."""
    rest = target - quotes
    constant = pinball(target, np.quantile(target, QUANTILE))
    spread = ", ".join(f"{q:.0f}" for q in np.percentile(quotes, [5, 25, 50, 75, 95]))
    rows = {
        "target": f"mean {target.mean():.0f}, standard deviation {target.std():.0f}",
        "margin: target less quote, mean and median": f"{rest.mean():.0f}, {np.median(rest):.0f}",
        "R², the mean margin taken out": f"{1.0 - rest.var() / target.var():.3f}",
        "pinball loss (that of the best constant quote)": f"{pinball(target, quotes):.1f} ({constant:.1f})",
        "quotes at the 5th, 25th, 50th, 75th, 95th percentile": spread,
        "quotes above zero": f"{np.mean(quotes > 0):.1%}",
        "quotes above what the solver can afford": f"{np.mean(rest < 0):.1%}",
        "the same by over 100 pips": f"{np.mean(rest < -100):.1%}",
    }
    print(f"{name}: {len(quotes)} rows out of sample\n\n| | |\n|---|---|")
    print("\n".join(f"| {what} | {value} |" for what, value in rows.items()))


def number(x):
    """A TOML float."""
    text = repr(float(x))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def write_manifest(folder, inputs, output_scale, ceilings, shape):
    """Writes `strategy.toml`."""
    digest = keccak.new(digest_bits=256, data=(folder / "model.onnx").read_bytes()).hexdigest()
    lines = [
        f'name = "{folder.name}"',
        f'market = "{inputs.layout.name}"',
        "",
        "[model]",
        'file = "model.onnx"',
        "# Pins the file: another one is refused.",
        f'keccak256 = "0x{digest}"',
        "",
        "# Decimals of the market's tokens; all values below are in whole tokens.",
        "[tokens]",
        f"base-decimals = {layouts.BASE_DECIMALS}",
        f"quote-decimals = {layouts.QUOTE_DECIMALS}",
        "",
        "# The model's output times scale is an improvement on the reference price in pips (1e-6).",
        "[output]",
        'unit = "pips"',
        f"scale = {number(output_scale)}",
        "",
        "[policy]",
        f"min-quote = {POLICY['min-quote']}",
        f"max-quote = {POLICY['max-quote']}",
        "# Most bids in one direction of a round.",
        f"max-slots = {POLICY['max-slots']}",
        "",
        *feature_lines(inputs),
        *(["", "# Room for a re-trained model of the same class.", "[shape]", *(f"{k} = {v}" for k, v in shape.items())] if shape else []),
        *calibration_lines(ceilings),
        *input_lines(inputs),
    ]
    (folder / "strategy.toml").write_text("\n".join(lines) + "\n")


def feature_lines(inputs):
    """The table of features that some input reads."""
    yield "# Features that are read, with the range in which they count: log2 of prices, depths and sizes, seconds, and"
    yield "# milliseconds for the block interval. Values outside saturate."
    yield "[features]"
    for name, (lo, hi) in inputs.layout.ranges.items():
        if any(name in terms for terms in inputs.terms.values()):
            yield f'"{name}" = {{ range = [{number(lo)}, {number(hi)}] }}'


def calibration_lines(ceilings):
    """The table of ranges inside the network."""
    if not ceilings:
        return
    yield from ("", "# Where the hidden channels saturate: half as much again as on the training data.", "[calibration]", "hidden = [")
    for layer in ceilings:
        yield "    [" + ", ".join(number(top) for top in layer) + "],"
    yield "]"


def input_lines(inputs):
    """The inputs of the network."""
    yield from ("", "# Inputs of the network, in its order: (sum of terms - offset) / scale. The sum was seen in range.")
    for i, (name, terms) in enumerate(inputs.terms.items()):
        body = ", ".join(f'"{feature}" = {number(f)}' for feature, f in terms.items())
        lo, hi = inputs.ranges[i]
        yield from ("", "[[input]]", f'name = "{name}"', f"terms = {{ {body} }}")
        yield f"offset = {number(inputs.offset[i])}"
        yield f"scale = {number(inputs.scale[i])}"
        yield f"range = [{number(lo)}, {number(hi)}]"


def write_rows(path, layout, raw, quotes):
    """Writes raw features with the quotes that onnxruntime gives."""
    header = ",".join([*layout.features, "float-pips"])
    rows = [",".join(map(str, features)) + f",{q:.4f}" for features, q in zip(raw, quotes)]
    path.write_text("\n".join([header, *rows]) + "\n")
