"""The producer: creates the pool, writes slots in turn, and tells of each."""

import time

import numpy as np

from . import posix
from .locks import PoolLocks

#: The original asks a command line tool whether the topic is there already, and never finds it.
CONSTRUCTION_S = 1.2
METADATA_EVERY_S = 0.5


class Producer:
    def __init__(self, metadata, dds, keep_last=10, delay_s=CONSTRUCTION_S):
        time.sleep(delay_s)
        self.metadata = metadata
        self.locks = PoolLocks(metadata.name, metadata.history_len)
        self.current = -1
        posix.unlink(metadata.shm_name)
        self._map = posix.map_new(metadata.shm_name, metadata.total_size)
        self._pool = np.ndarray((metadata.history_len, *metadata.shape), dtype=metadata.dtype_str, buffer=self._map)
        self._pool.fill(0)
        self._dds = dds
        self.meta_writer = dds.meta_writer(metadata.name)
        self._metadata_at = -1
        self.publish_metadata()
        self.progress_writer = dds.progress_writer(metadata.name, keep_last)
        self._cleaned_up = False

    def publish_metadata(self, at_once=False):
        """Every half second at most. `at_once` is for the tests: the original never does that."""
        if at_once or time.perf_counter() - self._metadata_at > METADATA_EVERY_S:
            self._dds.write_meta(self.meta_writer, self.metadata)
            self._metadata_at = time.perf_counter()

    def put(self, frame):
        """The slot that was written. A refused frame has used one up as well."""
        self.current = (self.current + 1) % self.metadata.history_len
        with self.locks.writing(self.current):
            self._write(frame)
        self.publish_metadata()
        self._dds.write_progress(self.progress_writer, self.metadata.name, self.current)
        return self.current

    def _write(self, frame):
        if self._pool is None:
            raise RuntimeError("Tensors not created yet")
        if frame.shape != tuple(self.metadata.shape):
            raise ValueError(f"Shape mismatch: expected {tuple(self.metadata.shape)}, got {frame.shape}")
        if frame.dtype != self._pool.dtype:
            raise TypeError(f"Dtype mismatch: expected {self._pool.dtype}, got {frame.dtype}")
        self._pool[self.current] = frame

    def cleanup(self):
        """Unlinks the name, whoever's object it stands for by now. The DDS writers live on until the process ends."""
        if self._cleaned_up:
            return
        self._cleaned_up = True
        self.locks.close()
        self._pool = None
        self._map.close()
        posix.unlink(self.metadata.shm_name)
