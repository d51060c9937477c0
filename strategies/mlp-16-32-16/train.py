"""A network of 16 inputs and 32 and 16 hidden channels. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from inputs import AGES, BASIC, GAPS, LEVELS, gated
from training import write_strategy

ORACLE = GAPS["oracle against reference"]

write_strategy(
    Path(__file__).resolve().parent,
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
    min_quote=-2000,
    max_quote=3000,
    max_slots=24,
)
