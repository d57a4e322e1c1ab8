"""What a pool is, as both sides say it."""

import os
from dataclasses import dataclass, field

import numpy as np

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "int8", "uint16", "int16", "bool")
#: What torch on the CPU can hold of these.
TORCH_DTYPES = tuple(name for name in DTYPES if name != "uint16")


@dataclass
class Metadata:
    name: str
    shape: list
    dtype_str: str
    backend_type: str
    history_len: int
    device: str
    element_size: int
    total_size: int
    shm_name: str
    # What consumers do not compare.
    creator_pid: int = field(default=0, compare=False)
    payload_json: str = field(default="", compare=False)

    @staticmethod
    def of(name, shape, dtype, history_len=1, backend="numpy"):
        known = {"numpy": DTYPES, "torch": TORCH_DTYPES}.get(backend)
        if known is None:
            raise ValueError(f"Unsupported backend: {backend}")
        if dtype not in known:
            raise TypeError(f"Unsupported dtype: {dtype}")
        item = np.dtype(dtype).itemsize
        return Metadata(
            name=name,
            shape=list(shape),
            dtype_str=dtype,
            backend_type=backend,
            history_len=history_len,
            device="cpu",
            element_size=item,
            total_size=int(np.prod(shape)) * item * history_len,
            shm_name=f"tensoripc_{name}",
            creator_pid=os.getpid(),
        )
