"""The market of the strategies that read a Uniswap V3 pool: one simulated round a row.

The fair price moves in small steps over 16 windows of equal length. Its volatility wanders, it trends a little, and it
sometimes jumps. Arbitrage pulls the pool's tick to the edge of its fee band whenever the fair price has left the band,
so the pool lags behind in a way that the shape of its path gives away. The feed reports the mean tick of each window,
their mean (the reference price), the last one, the mean difference of neighbours (volatility) and the liquidity in range.
`orders.py` says what a solver can afford. Everything is drawn from one seeded generator.
"""

import numpy as np

from layouts import TICKS, V3, BASE_SHIFT, QUOTE_SHIFT
from orders import LN2, Pool, oracle, rows, volatilities

STEPS_PER_WINDOW = 4
# Half of a fee tier of 5 basis points, as log2.
BAND = 0.00025 / LN2


def simulate(count, seed):
    """Draws `count` rounds."""
    rng = np.random.default_rng(seed)
    sigma = volatilities(rng, count)
    quiet = rng.random(count) < 0.15
    # Seconds in a window; 16 of them make the reference's time.
    window = np.exp(rng.uniform(np.log(1.0), np.log(6.0), count))
    start = np.log2(2500.0) + rng.normal(0.0, 0.25, count)
    ticks, fair, sigma, jump = path(rng, start, np.where(quiet, 0.02, 1.0) * sigma, window)

    # What happened since the newest observation.
    age = np.where(quiet, rng.uniform(0.0, 300.0, count), rng.exponential(1.0, count) * np.minimum(4.0 * window, 30.0))
    fair = fair + rng.normal(0.0, 1.0, count) * sigma * np.sqrt(age) / LN2
    answer, answer_age = oracle(rng, fair, np.maximum(sigma, 1e-6), jump)
    answer_age = np.where(quiet, rng.uniform(0.0, 3600.0, count), answer_age)

    price = ticks.mean(axis=1)
    depth = rng.uniform(8.0, 16.0, count)
    features = {
        "uniswap-v3.price": price,
        "uniswap-v3.price-recent": ticks[:, -1],
        "uniswap-v3.volatility": np.abs(np.diff(ticks, axis=1)).mean(axis=1),
        # Liquidity is the root of the product of both sides, in raw units.
        "uniswap-v3.depth": depth + 0.5 * price + 0.5 * (BASE_SHIFT + QUOTE_SHIFT),
        "uniswap-v3.age": age,
        **dict(zip(TICKS, ticks.T)),
        "chainlink.price": answer,
        "chainlink.age": answer_age,
    }
    return rows(rng, V3, Pool(price, fair, depth, sigma, age, quiet), features)


def path(rng, start, sigma, window):
    """Mean tick of each window, and at the end the fair price, its volatility and the size of the jump."""
    count = len(start)
    seconds = window / STEPS_PER_WINDOW
    fair, pool = start.copy(), start + rng.uniform(-BAND, BAND, count)
    # Volatility per root second wanders; a trend adds a part of it to every step.
    trend = rng.normal(0.0, 0.15, count)
    jump_at = np.where(rng.random(count) < 0.05, rng.integers(0, 16 * STEPS_PER_WINDOW, count), -1)
    jump = np.where(jump_at >= 0, rng.normal(0.0, 0.0015, count) / LN2, 0.0)
    means = []
    for _ in range(16):
        total = np.zeros(count)
        for _ in range(STEPS_PER_WINDOW):
            step = len(means) * STEPS_PER_WINDOW
            sigma = sigma * np.exp(rng.normal(0.0, 0.05, count))
            fair = fair + (rng.normal(0.0, 1.0, count) + trend) * sigma * np.sqrt(seconds) / LN2
            fair = fair + np.where(jump_at == step, jump, 0.0)
            # Arbitrage closes most of what lies beyond the band.
            beyond = fair - np.clip(fair, pool - BAND, pool + BAND)
            pool = pool + 0.7 * beyond
            total += pool
        means.append(total / STEPS_PER_WINDOW)
    return np.stack(means, axis=1), fair, sigma, jump
