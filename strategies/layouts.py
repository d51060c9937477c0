"""What a market's features are called, the range in which they count, and the integers that the chain records."""

from dataclasses import dataclass

import numpy as np

LOG2_STEPS = 1 << 22
LOG2_10 = np.log2(10.0)
# Decimals of the pair that the hold-out rows are written for, as of wrapped ether and a dollar token.
BASE_DECIMALS, QUOTE_DECIMALS = 18, 6
# log2 of what decimals add to an amount of each token.
BASE_SHIFT, QUOTE_SHIFT = BASE_DECIMALS * LOG2_10, QUOTE_DECIMALS * LOG2_10


@dataclass(frozen=True)
class Layout:
    """Features of a market and of a slot, as natural values: log2 of whole tokens, seconds, milliseconds."""

    # Name in a manifest.
    name: str
    # Least and greatest value of each feature, in the order of the columns.
    ranges: dict

    @property
    def features(self):
        """Names in the order of the columns."""
        return list(self.ranges)

    def column(self, rows, name):
        """One feature of an array of rows."""
        return rows[:, self.features.index(name)]

    def saturate(self, rows):
        """Cuts features to their ranges, as the integer model does."""
        lo, hi = np.array(list(self.ranges.values())).T
        return np.clip(rows, lo, hi)

    def raw(self, rows):
        """Natural features as the chain would record them: integers."""
        direction = self.column(rows, "slot.direction")
        columns = []
        for name, x in zip(self.features, rows.T):
            shift = shift_of(name, direction)
            columns.append(np.round(x) if shift is None else np.floor((x + shift) * LOG2_STEPS))
        return np.stack(columns, axis=1).astype(np.int64)

    def natural(self, raw):
        """The inverse of `raw`."""
        direction = self.column(raw, "slot.direction")
        columns = []
        for name, x in zip(self.features, raw.T.astype(float)):
            shift = shift_of(name, direction)
            columns.append(x if shift is None else x / LOG2_STEPS - shift)
        return self.saturate(np.stack(columns, axis=1))


def shift_of(name, direction):
    """What decimals add to a logarithmic feature, for rows of these directions; None for counts."""
    feature = name.split(".")[1]
    if feature == "size":
        return np.where(direction > 0.5, QUOTE_SHIFT, BASE_SHIFT)
    if feature == "price" or feature.startswith(("price-", "tick-")):
        return QUOTE_SHIFT - BASE_SHIFT
    # The depth of a concentrated pool is its liquidity in raw units: natural and recorded value are the same.
    logs = {"base-depth": BASE_SHIFT, "quote-depth": QUOTE_SHIFT, "volatility": 0.0, "base-fee": 0.0, "depth": 0.0}
    return logs.get(feature)


# Features that the chain feed and a slot have in every market.
SHARED_RANGES = {
    "chain.base-fee": (0.0, 48.0),
    "chain.block-interval": (0.0, 15000.0),
    # until 2029-10
    "chain.timestamp": (80e6, 185e6),
    "slot.direction": (0.0, 1.0),
    "slot.size": (-6.0, 18.0),
    "slot.deadline": (80e6, 185e6),
}

ORACLE_RANGES = {"chainlink.price": (9.5, 13.5), "chainlink.age": (0.0, 3600.0)}

V2 = Layout(
    "uniswap-v2",
    {
        "uniswap-v2.price": (9.5, 13.5),
        "uniswap-v2.price-recent": (9.5, 13.5),
        "uniswap-v2.volatility": (0.0, 0.0625),
        "uniswap-v2.base-depth": (4.0, 20.0),
        "uniswap-v2.quote-depth": (15.0, 31.0),
        "uniswap-v2.age": (0.0, 300.0),
        **ORACLE_RANGES,
        **SHARED_RANGES,
    },
)

TICKS = [f"uniswap-v3.tick-{i}" for i in range(16)]

V3 = Layout(
    "uniswap-v3",
    {
        "uniswap-v3.price": (9.5, 13.5),
        "uniswap-v3.price-recent": (9.5, 13.5),
        "uniswap-v3.volatility": (0.0, 0.0625),
        "uniswap-v3.depth": (40.0, 72.0),
        "uniswap-v3.age": (0.0, 300.0),
        **{tick: (9.5, 13.5) for tick in TICKS},
        **ORACLE_RANGES,
        **SHARED_RANGES,
    },
)
