"""A network of 32 inputs and 64 and 64 hidden channels. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import market_simulation
from inputs import AGES, BASIC, GAPS, LEVELS, PRICE, gated
from networks import write_dense

SIZE = BASIC["log2 of the size in base tokens"]
SHARE = BASIC["log2 of the size as a share of the pool"]
ORACLE, RECENT, BETWEEN = GAPS.values()
BLEND = {"chainlink.price": 0.7, "uniswap-v2.price-recent": 0.3, "uniswap-v2.price": -1.0}

write_dense(
    HERE,
    market_simulation,
    {
        **BASIC,
        **GAPS,
        **AGES,
        **LEVELS,
        **gated("oracle against reference", ORACLE, 0.01),
        **gated("recent against reference", RECENT, 0.01),
        **gated("oracle against recent", BETWEEN, 0.01),
        **gated("size", SIZE, 4.0),
        **gated("share", SHARE, 4.0),
        "blended fair price against reference": BLEND,
        **gated("blended fair price against reference", BLEND, 0.01),
        **gated("volatility", BASIC["volatility"], 0.005),
        "seconds until the deadline": {"slot.deadline": 1.0, "chain.timestamp": -1.0},
        "log2 of the pool's quote": {"uniswap-v2.quote-depth": 1.0},
        "log2 of the base fee against the size": {
            "chain.base-fee": 1.0,
            "slot.size": -1.0,
            "slot.direction": PRICE,
        },
        "volatility against the price gap": {**ORACLE, "uniswap-v2.volatility": 1.0},
    },
    hidden=(64, 64),
)
