"""A linear spread: from a level down with size, volatility, gas and age. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import market_simulation
from inputs import AGES, BASIC, GAPS
from networks import write_dense

write_dense(
    HERE,
    market_simulation,
    {**BASIC, **{name: GAPS[name] for name in ("oracle against reference",)}, **AGES},
    hidden=(),
    epochs=4,
)
