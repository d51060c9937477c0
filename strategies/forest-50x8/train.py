"""A random forest of 50 trees of depth 8 by scikit-learn. Run with the requirements of ../requirements.txt."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestRegressor

import market_simulation
import trees
from inputs import TREES
from training import QUANTILE


def leaves_to_quantiles(forest, z, y):
    """Makes every leaf say the quantile of the rounds in it, where training left their mean."""
    for tree in forest.estimators_:
        at = tree.apply(z)
        for leaf in np.unique(at):
            tree.tree_.value[leaf, 0, 0] = np.quantile(y[at == leaf], QUANTILE)


inputs, z, y = trees.data(market_simulation, TREES)
z = trees.binned(z)
forest = RandomForestRegressor(
    n_estimators=50, max_depth=8, max_features=1.0, max_samples=0.3, min_samples_leaf=100, n_jobs=2, random_state=7
).fit(z, y)
leaves_to_quantiles(forest, z, y)
onnx = to_onnx(forest, z[:1], target_opset={"": 13, "ai.onnx.ml": 3})
trees.write(HERE, market_simulation, inputs, onnx, trees=50, depth=8, rank_bits=9)
