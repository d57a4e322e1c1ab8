"""One end of a pool with the Python package itself, driven by lines: "put N", "get", "quit". One answer a line.

    python package-peer.py produce|consume NAME SHAPE HISTORY
"""

import os
import sys

import numpy as np
from tensor_ipc.core.consumer import TensorConsumer
from tensor_ipc.core.metadata import MetadataCreator
from tensor_ipc.core.producer import TensorProducer

role, name, shape, history = sys.argv[1], sys.argv[2], tuple(map(int, sys.argv[3].split("x"))), int(sys.argv[4])
sample = np.zeros(shape, dtype=np.int32)
called = []
if role == "produce":
    pool = TensorProducer.from_sample(name, sample, history_len=history)
else:
    metadata = MetadataCreator.from_numpy_sample(name, sample, history_len=history)
    pool = TensorConsumer(metadata, on_new_data_callback=lambda data: called.append(int(np.ravel(data)[0])))
print("ready", flush=True)
for line in sys.stdin:
    op, *rest = line.split()
    if op == "put":
        pool.put(np.full(shape, int(rest[0]), dtype=np.int32))
        print("put", flush=True)
    elif op == "get":
        frame = pool.get(history_len=1)
        newest = "none" if frame is None else int(np.ravel(frame)[0])
        print(newest, called[-1] if called else "none", flush=True)
    else:
        break
# Deleting the participant may wait for a listener for ever.
os._exit(0)
