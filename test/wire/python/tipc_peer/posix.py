"""Shared memory objects and named semaphores through ctypes."""

import ctypes
import errno
import mmap
import os
import signal

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.shm_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint]
_LIBC.shm_unlink.argtypes = [ctypes.c_char_p]
_LIBC.sem_open.restype = ctypes.c_void_p
for _name in ("sem_wait", "sem_post", "sem_close"):
    getattr(_LIBC, _name).argtypes = [ctypes.c_void_p]

MODE = 0o600


def die_with_parent():
    """One that hangs in a semaphore must not outlive the test that started it."""
    set_parent_death_signal = 1
    _LIBC.prctl(set_parent_death_signal, signal.SIGKILL)


def _path(name):
    return (name if name.startswith("/") else "/" + name).encode()


def _failed(what):
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code), what)


def _open_fd(name, flags):
    fd = _LIBC.shm_open(_path(name), flags, MODE)
    if fd < 0:
        raise _failed(name)
    return fd


def map_new(name, size):
    """Creates an object that is not there yet, and maps it."""
    fd = _open_fd(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        os.ftruncate(fd, size)
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def map_existing(name, size):
    """Maps what is there. An object that is too small is a ValueError."""
    fd = _open_fd(name, os.O_RDWR)
    try:
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def unlink(name):
    """Removes a name; whether there was one."""
    return _LIBC.shm_unlink(_path(name)) == 0


class Semaphore:
    """Made with the value 1, or opened as it is."""

    def __init__(self, name):
        flags = os.O_CREAT | os.O_EXCL
        handle = _LIBC.sem_open(_path(name), ctypes.c_int(flags), ctypes.c_uint(MODE), ctypes.c_uint(1))
        if not handle and ctypes.get_errno() == errno.EEXIST:
            handle = _LIBC.sem_open(_path(name), ctypes.c_int(0))
        if not handle:
            raise _failed(name)
        self._handle = handle

    def acquire(self):
        while _LIBC.sem_wait(self._handle) != 0:
            if ctypes.get_errno() != errno.EINTR:
                raise _failed("sem_wait")

    def release(self):
        if _LIBC.sem_post(self._handle) != 0:
            raise _failed("sem_post")

    def close(self):
        _LIBC.sem_close(self._handle)
