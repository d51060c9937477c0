"""The market on which the example strategies are trained.

One simulated round a row. A pair trades around 2500 quote per base with stochastic volatility and jumps. The reference
price is the time-weighted average of an automated market maker whose price follows the fair price with a lag, inside
its fee band; an oracle posts the fair price when it has moved by a threshold or a heartbeat passed; the solver sees both
only through the market's features. A trader sells base or quote in a size that is log-normal.

The target is the improvement on the reference price, in pips (1e-6), that a solver can afford:

    target = value of the flow + edge - cost of size - cost of risk - gas

- value of the flow: what it saves the solver to take the trade in here, and not to fetch it from the pool (a share of
  the pool's fee), more when it brings an inventory back to where it should be;
- edge: fair price against the reference price, in the trade's direction, as of the time of the fill;
- cost of size: grows with the share of the pool's depth;
- cost of risk: volatility over a few blocks until the fill, and a little for every second that the order stays valid,
  during which the trader may cancel for free;
- gas: the base fee against the size.

Fair price, volatility and inventory are hidden; a model sees features only, so a part of the target is noise to it.
Everything is drawn from one seeded generator. Prices, depths and sizes are natural: log2 of whole tokens.
"""

from dataclasses import dataclass

import numpy as np

PIPS = 1e6
LN2 = np.log(2.0)
LOG2_STEPS = 1 << 22
# Decimals of the pair that the hold-out rows are written for, as of wrapped ether and a dollar token.
BASE_DECIMALS, QUOTE_DECIMALS = 18, 6
LOG2_10 = np.log2(10.0)

FEATURES = [
    "uniswap-v2.price",
    "uniswap-v2.price-recent",
    "uniswap-v2.volatility",
    "uniswap-v2.base-depth",
    "uniswap-v2.quote-depth",
    "uniswap-v2.age",
    "chainlink.price",
    "chainlink.age",
    "chain.base-fee",
    "chain.block-interval",
    "chain.timestamp",
    "slot.direction",
    "slot.size",
    "slot.deadline",
]

# Where saturation sets in, in natural units.
RANGES = {
    "uniswap-v2.price": (9.5, 13.5),
    "uniswap-v2.price-recent": (9.5, 13.5),
    "uniswap-v2.volatility": (0.0, 0.0625),
    "uniswap-v2.base-depth": (4.0, 20.0),
    "uniswap-v2.quote-depth": (15.0, 31.0),
    "uniswap-v2.age": (0.0, 300.0),
    "chainlink.price": (9.5, 13.5),
    "chainlink.age": (0.0, 3600.0),
    "chain.base-fee": (0.0, 48.0),
    "chain.block-interval": (0.0, 15000.0),
    # until 2029-10
    "chain.timestamp": (80e6, 185e6),
    "slot.direction": (0.0, 1.0),
    "slot.size": (-6.0, 18.0),
    "slot.deadline": (80e6, 185e6),
}


@dataclass
class Rows:
    """Natural features, one column each in the order of FEATURES, and the target in pips."""

    features: np.ndarray
    target: np.ndarray

    def column(self, name):
        return self.features[:, FEATURES.index(name)]


def simulate(count, seed):
    """Draws `count` rounds."""
    rng = np.random.default_rng(seed)

    # Volatility per square root of a second; a year has 5.6e3 square roots of seconds.
    annual = np.exp(rng.normal(np.log(0.5), 0.6, count))
    sigma = annual / np.sqrt(365 * 86400)
    fair = np.log2(2500.0) + rng.normal(0.0, 0.25, count)

    # A path backwards from now: moves in windows before the opening, with jumps.
    window = np.exp(rng.uniform(np.log(4.0), np.log(120.0), count))
    recent = window * rng.uniform(0.07, 0.5, count)
    age = rng.exponential(1.0, count) * np.minimum(window, 60.0) * 0.4
    jumps = rng.random(count) < 0.03
    jump = jumps * rng.normal(0.0, 0.002, count) / LN2

    def move(seconds):
        return rng.normal(0.0, 1.0, count) * sigma * np.sqrt(seconds) / LN2

    since_observation = move(age) + 0.5 * jump
    in_recent = move(recent) + 0.3 * jump
    in_window = move(window)
    # The pool follows the fair price inside its fee band of 5 basis points.
    band = np.clip(rng.normal(0.0, 0.0002, count), -0.0005, 0.0005) / LN2
    price_recent = fair - since_observation - 0.5 * in_recent + band
    price = price_recent - 0.5 * in_recent - 0.5 * in_window + 0.25 * band * rng.normal(0.0, 1.0, count)
    volatility = sigma * np.sqrt(recent) / LN2 * np.exp(rng.normal(-0.2, 0.35, count))

    # The oracle posts on a deviation or a heartbeat.
    threshold = np.exp(rng.uniform(np.log(0.0003), np.log(0.002), count))
    oracle_age = np.minimum(rng.exponential(1.0, count) * (threshold / sigma) ** 2, 3600.0)
    oracle_gap = np.clip(move(oracle_age) + 0.2 * jump, -1.2 * threshold / LN2, 1.2 * threshold / LN2)
    oracle = fair - oracle_gap + rng.normal(0.0, 0.00008, count) / LN2

    # Development chains have quiet pools: keep a part of the rounds without any movement.
    quiet = rng.random(count) < 0.15
    price_recent = np.where(quiet, price + rng.normal(0, 2e-5, count), price_recent)
    oracle = np.where(quiet, price + rng.normal(0, 3e-4, count), oracle)
    fair = np.where(quiet, price + rng.normal(0, 1e-4, count), fair)
    volatility = np.where(quiet, volatility * rng.uniform(0, 0.1, count), volatility)
    oracle_age = np.where(quiet, rng.uniform(0.0, 3600.0, count), oracle_age)
    age = np.where(quiet, rng.uniform(0.0, 300.0, count), age)

    base_depth = rng.uniform(7.0, 17.0, count)
    quote_depth = base_depth + price
    direction = (rng.random(count) < 0.5).astype(float)
    # The order's size in base tokens: mostly 0.1 to 20, and less than a fifth of the pool.
    size_base = np.minimum(rng.normal(0.5, 2.0, count), base_depth - 2.5)
    size = size_base + direction * price
    timestamp = rng.uniform(85e6, 180e6, count)
    lifetime = np.exp(rng.uniform(np.log(15.0), np.log(250_000.0), count))
    base_fee = np.where(quiet, rng.uniform(0.0, 31.0, count), rng.uniform(24.0, 37.0, count))
    interval = rng.choice([250.0, 1000.0, 2000.0, 12000.0], count) * rng.uniform(0.9, 1.1, count)

    side = 1.0 - 2.0 * direction
    edge = side * (fair - price) * LN2 * PIPS
    # The inventory leans one way for a while; models cannot see it.
    lean = side * rng.normal(0.0, 25.0, count)
    share = np.exp2(size_base - base_depth)
    size_cost = 1100.0 * np.sqrt(share) + 2500.0 * share
    exposure = 4.0 + 5.0 * interval / 1000.0 + 0.1 * age
    risk_cost = 0.25 * sigma * np.sqrt(exposure) * PIPS + np.minimum(0.005 * lifetime, 60.0)
    # 250,000 gas, in a currency worth one base token, of the order's size; small orders are subsidised up to a point.
    gas_cost = np.minimum(250_000 * np.exp2(base_fee) * 1e-18 * np.exp2(-size_base) * PIPS * 0.2, 150.0)
    target = 450.0 + edge + lean - size_cost - risk_cost - gas_cost
    target = np.clip(target, -1900.0, 2900.0)

    columns = [
        price, price_recent, volatility, base_depth, quote_depth, age, oracle, oracle_age, base_fee, interval,
        timestamp, direction, size, timestamp + lifetime,
    ]  # fmt: skip
    return Rows(saturate(np.stack(columns, axis=1)), target)


def saturate(features):
    """Cuts features to their ranges, as the integer model does."""
    lo, hi = np.array([RANGES[name] for name in FEATURES]).T
    return np.clip(features, lo, hi)


def shifts(direction):
    """What decimals add to each logarithmic feature; `direction` is a column."""
    base, quote = BASE_DECIMALS * LOG2_10, QUOTE_DECIMALS * LOG2_10
    return {
        "uniswap-v2.price": quote - base,
        "uniswap-v2.price-recent": quote - base,
        "uniswap-v2.volatility": 0.0,
        "uniswap-v2.base-depth": base,
        "uniswap-v2.quote-depth": quote,
        "chainlink.price": quote - base,
        "chain.base-fee": 0.0,
        "slot.size": np.where(direction > 0.5, quote, base),
    }


def raw(rows):
    """Features as the chain would record them: int32."""
    shift = shifts(rows.column("slot.direction"))
    columns = []
    for name in FEATURES:
        x = rows.column(name)
        columns.append(np.floor((x + shift[name]) * LOG2_STEPS) if name in shift else np.round(x))
    return np.stack(columns, axis=1).astype(np.int64)


def natural(raw_features):
    """The inverse of `raw`."""
    shift = shifts(raw_features[:, FEATURES.index("slot.direction")])
    columns = []
    for name, x in zip(FEATURES, raw_features.T.astype(float)):
        columns.append(x / LOG2_STEPS - shift[name] if name in shift else x)
    return saturate(np.stack(columns, axis=1))
