"""One readers-and-writer lock per slot: three semaphores and a counter, made when they are first needed."""

import errno
import struct
from contextlib import contextmanager

from . import posix

COUNTER = struct.Struct("Q")


class SlotLock:
    def __init__(self, pool, index):
        self._base = f"/tensoripc_{pool}_f{index}"
        self._ready = False
        self._mutex = self._wrt = self._readtry = self._counter = None

    def ensure(self):
        """False where the objects cannot be had: then nothing is locked, and nobody is told."""
        if self._ready:
            return True
        try:
            self._mutex = posix.Semaphore(self._base + "_mutex")
            self._wrt = posix.Semaphore(self._base + "_wrt")
            self._readtry = posix.Semaphore(self._base + "_readtry")
            self._counter = self._open_counter()
            self._ready = True
        except (OSError, ValueError):
            self.close()
        return self._ready

    def _open_counter(self):
        name = self._base + "_cnt"
        try:
            counter = posix.map_new(name, COUNTER.size)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            return posix.map_existing(name, COUNTER.size)
        COUNTER.pack_into(counter, 0, 0)
        return counter

    def _add(self, step):
        count = COUNTER.unpack_from(self._counter, 0)[0] + step
        COUNTER.pack_into(self._counter, 0, count)
        return count

    def lock_read(self):
        self._readtry.acquire()
        self._mutex.acquire()
        if self._add(1) == 1:
            self._wrt.acquire()
        self._mutex.release()
        self._readtry.release()

    def unlock_read(self):
        self._mutex.acquire()
        if self._add(-1) == 0:
            self._wrt.release()
        self._mutex.release()

    def lock_write(self):
        self._readtry.acquire()
        self._wrt.acquire()

    def unlock_write(self):
        self._wrt.release()
        self._readtry.release()

    def close(self):
        for thing in (self._counter, self._mutex, self._wrt, self._readtry):
            if thing is not None:
                thing.close()
        self._mutex = self._wrt = self._readtry = self._counter = None
        self._ready = False


class PoolLocks:
    def __init__(self, pool, history_len):
        self.slots = [SlotLock(pool, index) for index in range(history_len)]

    @contextmanager
    def writing(self, index):
        slot = self.slots[index]
        locked = slot.ensure()
        if locked:
            slot.lock_write()
        try:
            yield
        finally:
            if locked:
                slot.unlock_write()

    @contextmanager
    def reading(self, indices):
        """Ascending, all of them before anything is read; released the other way round."""
        held = []
        for index in sorted({int(index) for index in indices}):
            slot = self.slots[index]
            if slot.ensure():
                slot.lock_read()
                held.append(slot)
        try:
            yield
        finally:
            for slot in reversed(held):
                slot.unlock_read()

    def close(self):
        """The objects stay in /dev/shm: the original closes first and has nothing left to unlink then."""
        for slot in self.slots:
            slot.close()
