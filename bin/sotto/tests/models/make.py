"""Writes the models and data of this folder: `python make.py`, with numpy, onnx and pyarrow."""

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)


def model(file, nodes, weights, dims):
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, file)


weights = {
    "w0": rng.normal(size=(5, 8)) / 2,
    "b0": rng.normal(size=8) / 4,
    "w1": rng.normal(size=(8, 1)) * 120,
    "b1": np.array([40.0]),
}
model(
    "mlp.onnx",
    [
        helper.make_node("Gemm", ["x", "w0", "b0"], ["h"]),
        helper.make_node("Relu", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "w1", "b1"], ["y"]),
    ],
    weights,
    ["batch", 5],
)


def mlp(x):
    w = {name: value.astype("f4") for name, value in weights.items()}
    return (np.maximum(x @ w["w0"] + w["b0"], 0) @ w["w1"] + w["b1"])[:, 0]


x = rng.normal(size=(400, 5)).astype("f4")
np.savez_compressed("mlp.npz", X=x, y=mlp(x))

# The second input is a difference of prices, the fourth the slot's direction.
named = {
    "chainlink.price": 11 + rng.normal(size=100) / 10,
    "chainlink.price - uniswap-v2.price": rng.normal(size=100),
    "uniswap-v2.volatility": abs(rng.normal(size=100)) / 100,
    "slot.direction": rng.integers(0, 2, size=100).astype(float),
    "slot.size": rng.normal(size=100) * 3,
}
table = {name: np.round(column, 6) for name, column in named.items()}
table["y"] = mlp(np.stack(list(table.values()), axis=1).astype("f4")).astype(float)
pq.write_table(pa.table(table), "named.parquet")
with open("named.csv", "w") as file:
    print(*(f'"{name}"' for name in table), sep=",", file=file)
    for row in zip(*(column.tolist() for column in table.values())):
        print(*row, sep=",", file=file)

for name, text in {
    "nan.csv": "a,b,c,d,e\n1,2,3,4,5\n1,nan,3,4,5\n",
    "wide.csv": "a,b,c,d,e,f\n1,2,3,4,5,6\n",
    "unknown.csv": "slot.size,mystery,slot.limit,slot.deadline,slot.direction\n1,2,3,4,1\n",
}.items():
    with open(name, "w") as file:
        file.write(text)

flat = {"w": rng.normal(size=(6, 1)) * 3, "b": np.array([1.0])}
model(
    "steps.onnx",
    [helper.make_node("Flatten", ["x"], ["f"], axis=1), helper.make_node("Gemm", ["f", "w", "b"], ["y"])],
    flat,
    ["batch", 3, 2],
)
x = rng.normal(size=(200, 3, 2)).astype("f4")
np.savez_compressed("steps.npz", X=x, y=x.reshape(200, 6) @ flat["w"].astype("f4") + flat["b"].astype("f4"))
