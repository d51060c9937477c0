"""A linear spread: from a level down with size, volatility, gas and age. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from inputs import AGES, BASIC, GAPS
from training import write_strategy

write_strategy(
    Path(__file__).resolve().parent,
    {**BASIC, **{name: GAPS[name] for name in ("oracle against reference",)}, **AGES},
    hidden=(),
    min_quote=-2000,
    max_quote=3000,
    max_slots=32,
)
