"""The market of the strategies that read a Uniswap V2 pool: one simulated round a row.

A pair trades around 2500 quote per base with stochastic volatility and jumps. The reference price is the time-weighted
average of an automated market maker whose price follows the fair price with a lag, inside its fee band; an oracle posts
the fair price when it has moved by a threshold or a heartbeat passed. The solver sees both only through the market's
features. `orders.py` says what it can afford. Everything is drawn from one seeded generator.
"""

import numpy as np

from layouts import V2
from orders import LN2, Pool, oracle, rows, volatilities


def simulate(count, seed):
    """Draws `count` rounds."""
    rng = np.random.default_rng(seed)
    sigma = volatilities(rng, count)
    fair = np.log2(2500.0) + rng.normal(0.0, 0.25, count)

    # A path backwards from now: moves in windows before the opening, with jumps.
    window = np.exp(rng.uniform(np.log(4.0), np.log(60.0), count))
    recent = window * rng.uniform(0.07, 0.5, count)
    age = rng.exponential(1.0, count) * np.minimum(window, 60.0) * 0.4
    jump = (rng.random(count) < 0.03) * rng.normal(0.0, 0.002, count) / LN2

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
    answer, answer_age = oracle(rng, fair, sigma, jump)

    # Development chains have quiet pools: keep a part of the rounds without any movement.
    quiet = rng.random(count) < 0.15
    price_recent = np.where(quiet, price + rng.normal(0, 2e-5, count), price_recent)
    answer = np.where(quiet, price + rng.normal(0, 3e-4, count), answer)
    fair = np.where(quiet, price + rng.normal(0, 1e-4, count), fair)
    volatility = np.where(quiet, volatility * rng.uniform(0, 0.1, count), volatility)
    answer_age = np.where(quiet, rng.uniform(0.0, 3600.0, count), answer_age)
    age = np.where(quiet, rng.uniform(0.0, 300.0, count), age)

    base_depth = rng.uniform(6.0, 14.0, count)
    features = {
        "uniswap-v2.price": price,
        "uniswap-v2.price-recent": price_recent,
        "uniswap-v2.volatility": volatility,
        "uniswap-v2.base-depth": base_depth,
        "uniswap-v2.quote-depth": base_depth + price,
        "uniswap-v2.age": age,
        "chainlink.price": answer,
        "chainlink.age": answer_age,
    }
    return rows(rng, V2, Pool(price, fair, base_depth, sigma, age, quiet), features)
