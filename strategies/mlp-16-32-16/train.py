"""A network of 16 inputs and 32 and 16 hidden channels. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import market_simulation
from inputs import AGES, BASIC, GAPS, LEVELS, gated
from networks import write_dense

ORACLE = GAPS["oracle against reference"]

write_dense(
    HERE,
    market_simulation,
    {
        **BASIC,
        **GAPS,
        **AGES,
        **LEVELS,
        **gated("oracle against reference", ORACLE, 0.01),
        "recent against reference, lowered when quote is sold": {
            **GAPS["recent against reference"],
            "slot.direction": -0.01,
        },
    },
    hidden=(32, 16),
)
