"""Writes the files of this folder: `python make.py`, with numpy and pyarrow."""

import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

X = (np.arange(12) * 0.5 - 2.0).reshape(4, 3)
Y = np.array([1.0, -2.0, 3.5, 0.0])
NAMES = ["a", "b b", "é"]
STEPS = np.arange(12).reshape(2, 3, 2)


def member(archive, descr, shape, data=b""):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("X.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data)


def with_value(at, value):
    changed = X.copy()
    changed[at] = value
    return changed


np.savez("plain.npz", X=X, y=Y)
np.savez_compressed("plain-deflate.npz", X=X, y=Y)
np.savez("plain-fortran.npz", X=np.asfortranarray(X), y=Y.reshape(-1, 1))
np.savez("plain-f4.npz", X=X.astype("f4"), y=Y.astype("f2"))
np.savez("plain-big-endian.npz", X=X.astype(">f8"), y=Y.astype(">f4"))
np.savez("plain-columns.npz", X=X, y=Y, columns=np.array(NAMES))
np.savez("plain-names-bytes.npz", X=X, y=Y, feature_names=np.array([n.encode() for n in NAMES]))
np.savez("steps.npz", X=STEPS)
np.savez("steps-fortran.npz", X=np.asfortranarray(STEPS.astype("i4")))
np.savez("nan.npz", X=with_value((2, 1), np.nan))
np.savez("nan-y.npz", X=X, y=np.where(np.arange(4) == 1, np.inf, Y))
np.savez("no-x.npz", x=X)
np.savez("short-y.npz", X=X, y=Y[:2])
np.savez("objects.npz", X=np.array([[1, None]], dtype=object), allow_pickle=True)
np.savez("four-dimensions.npz", X=np.zeros((2, 1, 1, 1)))
member("huge.npz", "<f8", "(1152921504606846976, 2)")
member("overflow.npz", "<f8", "(9223372036854775808, 9223372036854775808)")
member("cut.npz", "<f8", "(1000, 3)", bytes(16))

columns = dict(zip(NAMES, X.T)) | {"y": Y}
pq.write_table(pa.table(columns), "plain-snappy.parquet", compression="snappy")
pq.write_table(pa.table(columns), "plain-zstd.parquet", compression="zstd", row_group_size=3)
mixed = {
    "a": pa.array([-2.0, -0.5, 1.0, 2.5], pa.float32()),
    "b b": pa.array([1, 2, 3, 4], pa.uint8()),
    "é": pa.array([True, False, True, True]),
    "y": Y,
    "__index_level_0__": ["w", "x", "y", "z"],
}
pq.write_table(pa.table(mixed), "plain-mixed.parquet", data_page_version="2.0", compression=None)
pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, None]}), "missing.parquet")
pq.write_table(pa.table({"a": [1.0], "b": ["x"]}), "text.parquet")
pq.write_table(pa.table({"a": [1.0], "b": [[1.0, 2.0]]}), "list.parquet")
