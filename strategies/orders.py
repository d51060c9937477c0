"""Orders, the chain, the oracle, and what a solver can afford: the same in every simulated market.

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
"""

from dataclasses import dataclass

import numpy as np

PIPS = 1e6
LN2 = np.log(2.0)
YEAR = 365 * 86400


@dataclass
class Rows:
    """Natural features, one column each in the order of the layout, and the target in pips."""

    layout: object
    features: np.ndarray
    target: np.ndarray

    def column(self, name):
        return self.layout.column(self.features, name)


@dataclass
class Pool:
    """What the pool shows and what is true. Prices and depths are log2 of whole tokens."""

    # The reference price, and the true one.
    price: np.ndarray
    fair: np.ndarray
    # log2 of the base tokens that a trade meets.
    base_depth: np.ndarray
    # True volatility per square root of a second.
    sigma: np.ndarray
    # Seconds since the pool's last observation.
    age: np.ndarray
    # Rounds without movement.
    quiet: np.ndarray


def volatilities(rng, count):
    """Annual volatility is log-normal around two fifths."""
    return np.exp(rng.normal(np.log(0.4), 0.55, count)) / np.sqrt(YEAR)


def oracle(rng, fair, sigma, jump):
    """An oracle that posts the fair price on a deviation or a heartbeat: its last answer, and how old that is."""
    count = len(fair)
    threshold = np.exp(rng.uniform(np.log(0.0003), np.log(0.002), count))
    age = np.minimum(rng.exponential(1.0, count) * (threshold / sigma) ** 2, 3600.0)
    moved = rng.normal(0.0, 1.0, count) * sigma * np.sqrt(age) / LN2 + 0.2 * jump
    gap = np.clip(moved, -1.2 * threshold / LN2, 1.2 * threshold / LN2)
    return fair - gap + rng.normal(0.0, 0.00008, count) / LN2, age


def chain_and_slot(rng, pool):
    """Features of chain and slot by name, and the size in base tokens."""
    count = len(pool.price)
    direction = (rng.random(count) < 0.5).astype(float)
    # Mostly 0.1 to 20 base tokens, and less than a fifth of the pool.
    size_base = np.minimum(rng.normal(0.5, 2.0, count), pool.base_depth - 2.5)
    timestamp = rng.uniform(85e6, 180e6, count)
    lifetime = np.exp(rng.uniform(np.log(15.0), np.log(250_000.0), count))
    features = {
        "chain.base-fee": np.where(pool.quiet, rng.uniform(0.0, 31.0, count), rng.uniform(24.0, 37.0, count)),
        "chain.block-interval": rng.choice([250.0, 1000.0, 2000.0, 12000.0], count) * rng.uniform(0.9, 1.1, count),
        "chain.timestamp": timestamp,
        "slot.direction": direction,
        "slot.size": size_base + direction * pool.price,
        "slot.deadline": timestamp + lifetime,
    }
    return features, size_base


def affordable(rng, pool, features, size_base):
    """The target in pips."""
    side = 1.0 - 2.0 * features["slot.direction"]
    edge = side * (pool.fair - pool.price) * LN2 * PIPS
    # The inventory leans one way for a while; models cannot see it.
    lean = side * rng.normal(0.0, 25.0, len(side))
    share = np.exp2(size_base - pool.base_depth)
    size_cost = 1100.0 * np.sqrt(share) + 2500.0 * share
    exposure = 4.0 + 5.0 * features["chain.block-interval"] / 1000.0 + 0.1 * pool.age
    lifetime = features["slot.deadline"] - features["chain.timestamp"]
    risk_cost = 0.25 * pool.sigma * np.sqrt(exposure) * PIPS + np.minimum(0.005 * lifetime, 60.0)
    # 250,000 gas, in a currency worth one base token, of the order's size; small orders are subsidised up to a point.
    fees = 250_000 * np.exp2(features["chain.base-fee"]) * 1e-18
    gas_cost = np.minimum(fees * np.exp2(-size_base) * PIPS * 0.2, 150.0)
    return np.clip(570.0 + edge + lean - size_cost - risk_cost - gas_cost, -1900.0, 2900.0)


def rows(rng, layout, pool, pool_features):
    """Adds chain and slot to the pool's features, computes the target, and puts the columns in order."""
    others, size_base = chain_and_slot(rng, pool)
    features = {**pool_features, **others}
    target = affordable(rng, pool, features, size_base)
    return Rows(layout, layout.saturate(np.stack([features[name] for name in layout.features], axis=1)), target)
