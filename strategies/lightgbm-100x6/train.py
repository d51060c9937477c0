"""100 boosted trees of depth 6 by LightGBM. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import lightgbm
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

import market_simulation
import trees
from inputs import TREES
from training import QUANTILE

inputs, z, y = trees.data(market_simulation, TREES)
model = lightgbm.LGBMRegressor(
    objective="quantile", alpha=QUANTILE, n_estimators=100, max_depth=6, num_leaves=64, max_bin=trees.BINS,
    learning_rate=0.12, min_child_samples=100, n_jobs=2, deterministic=True, force_row_wise=True, seed=7, verbose=-1,
).fit(z, y)  # fmt: skip
onnx = convert_lightgbm(model, initial_types=[("features", FloatTensorType([None, z.shape[1]]))], target_opset=13)
trees.write(HERE, market_simulation, inputs, onnx, trees=100, depth=6)
