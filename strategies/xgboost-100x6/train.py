"""100 boosted trees of depth 6 by XGBoost. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np
import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

import market_simulation
import trees
from inputs import TREES
from training import QUANTILE

inputs, z, y = trees.data(market_simulation, TREES)
# A base score of our own: XGBoost would otherwise store one that the converter has to guess.
model = xgboost.XGBRegressor(
    objective="reg:quantileerror", quantile_alpha=QUANTILE, base_score=float(np.quantile(y, QUANTILE)),
    n_estimators=100, max_depth=6, max_bin=trees.BINS, tree_method="hist", learning_rate=0.15, min_child_weight=50,
    n_jobs=2, random_state=7,
).fit(z, y)  # fmt: skip
onnx = convert_xgboost(model, initial_types=[("features", FloatTensorType([None, z.shape[1]]))], target_opset=13)
trees.write(HERE, market_simulation, inputs, onnx, trees=100, depth=6)
