"""The consumer: waits for metadata that is what it expects, follows the notices, copies out of the pool."""

import sys
import threading

import numpy as np

from . import posix
from .locks import PoolLocks


class Consumer:
    def __init__(self, metadata, dds, callback=None, keep_last=10):
        self.metadata = metadata
        self.locks = PoolLocks(metadata.name, metadata.history_len)
        self.latest = -1
        self._map = self._pool = None
        # The pool is mapped as soon as it is there, metadata or not, and then never again.
        try:
            self._attach()
        except (OSError, ValueError) as error:
            print(f"Waiting for producer '{metadata.name}' to startup: {error}", file=sys.stderr)
        self._dds = dds
        self._callback = callback
        self._received = None
        self.connected = False
        self._connection_lock = threading.Lock()
        self._latest_lock = threading.Lock()
        self._cleaned_up = False
        self.meta_reader = dds.meta_reader(metadata.name)
        self.progress_reader = dds.progress_reader(metadata.name, keep_last, self._on_progress)
        self._take_metadata()

    @property
    def attached(self):
        return self._pool is not None

    def _attach(self):
        if self._pool is not None:
            return
        self._map = posix.map_existing(self.metadata.shm_name, self.metadata.total_size)
        shape = (self.metadata.history_len, *self.metadata.shape)
        self._pool = np.ndarray(shape, dtype=self.metadata.dtype_str, buffer=self._map)

    def _take_metadata(self):
        """The first that comes is kept for good, whether it matches or not."""
        if self._received is None:
            self._received = self._dds.take_next_meta(self.meta_reader)
        return self._received is not None

    def _connect(self):
        if self.connected:
            return True
        if not self._take_metadata():
            return False
        assert self._received == self.metadata, (
            f"Received metadata does not match expected for pool '{self.metadata.name}'. "
            f"Expected: {self.metadata}, Received: {self._received}"
        )
        self._attach()
        with self._connection_lock:
            self.connected = True
        return True

    def _on_progress(self, reader):
        """On the receive thread. What it raises is printed, and the notice stays where it is."""
        if not self._connect():
            return
        with self._latest_lock:
            # The oldest of those that wait, not the newest.
            self.latest = self._dds.take_one_progress(reader)
        if self._callback is not None:
            self._callback(self.get())

    def get(self, history_len=1, latest_first=True):
        """The newest frames as one array, or None. Before the first notice this is the pool's zeros; a window longer than the pool
        comes round again."""
        if not self._connect():
            return None
        indices = np.arange(self.latest, self.latest - history_len, -1) % self.metadata.history_len
        try:
            with self.locks.reading(indices):
                frames = self._pool[indices]
        except Exception as error:
            print(f"Error reading indices: {error}", file=sys.stderr)
            return None
        if not latest_first:
            if self.metadata.backend_type == "torch":
                # What a torch tensor says to [::-1].
                raise ValueError("step must be greater than zero")
            frames = frames[::-1]
        return frames

    def cleanup(self):
        if self._cleaned_up:
            return
        self._cleaned_up = True
        self.locks.close()
        self._pool = None
        if self._map is not None:
            self._map.close()
        self._map = None
