"""Topics of a pool, on the C helper. The one participant of a process is shared by all its pools."""

import ctypes
import os

from .metadata import Metadata

ON_DATA = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_void_p)


class _Shape(ctypes.Structure):
    _fields_ = [
        ("maximum", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
        ("buffer", ctypes.POINTER(ctypes.c_int64)),
        ("release", ctypes.c_bool),
    ]


class _PoolMetadata(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("shape", _Shape),
        ("dtype_str", ctypes.c_char_p),
        ("backend_type", ctypes.c_char_p),
        ("history_len", ctypes.c_int64),
        ("device", ctypes.c_char_p),
        ("element_size", ctypes.c_int64),
        ("total_size", ctypes.c_int64),
        ("shm_name", ctypes.c_char_p),
        ("creator_pid", ctypes.c_int64),
        ("payload_json", ctypes.c_char_p),
    ]


TEXTS = ("name", "dtype_str", "backend_type", "device", "shm_name", "payload_json")
NUMBERS = ("history_len", "element_size", "total_size", "creator_pid")


def _to_c(metadata):
    shape = (ctypes.c_int64 * len(metadata.shape))(*metadata.shape)
    sample = _PoolMetadata(shape=_Shape(len(shape), len(shape), shape, False))
    for key in TEXTS:
        setattr(sample, key, getattr(metadata, key).encode())
    for key in NUMBERS:
        setattr(sample, key, getattr(metadata, key))
    return sample


def _from_c(sample):
    values = {key: getattr(sample, key).decode() for key in TEXTS}
    values.update({key: getattr(sample, key) for key in NUMBERS})
    return Metadata(shape=[sample.shape.buffer[i] for i in range(sample.shape.length)], **values)


class Dds:
    def __init__(self, domain, library=None):
        lib = ctypes.CDLL(library or os.environ["TIPC_DDS_LIBRARY"])
        entity, text = ctypes.c_int32, ctypes.c_char_p
        lib.tipc_participant.argtypes = [ctypes.c_uint32]
        lib.tipc_meta_writer.argtypes = lib.tipc_meta_reader.argtypes = [entity, text]
        lib.tipc_progress_writer.argtypes = [entity, text, ctypes.c_int32]
        lib.tipc_progress_reader.argtypes = [entity, text, ctypes.c_int32, ON_DATA, ctypes.c_void_p]
        lib.tipc_write_meta.argtypes = [entity, ctypes.POINTER(_PoolMetadata)]
        lib.tipc_write_progress.argtypes = [entity, text, ctypes.c_int64]
        lib.tipc_take_next_meta.argtypes = [entity]
        lib.tipc_take_next_meta.restype = ctypes.POINTER(_PoolMetadata)
        lib.tipc_free_meta.argtypes = [ctypes.POINTER(_PoolMetadata)]
        lib.tipc_take_one_progress.argtypes = [entity, entity, ctypes.POINTER(ctypes.c_int64)]
        lib.tipc_matched.argtypes = [entity, ctypes.c_bool]
        self._lib = lib
        self.participant = self._checked(lib.tipc_participant(domain))
        # Closures that C holds on to.
        self._listeners = []

    @staticmethod
    def _checked(result):
        if result < 0:
            raise RuntimeError(f"DDS said {result}")
        return result

    def meta_writer(self, pool):
        return self._checked(self._lib.tipc_meta_writer(self.participant, pool.encode()))

    def progress_writer(self, pool, keep_last):
        return self._checked(self._lib.tipc_progress_writer(self.participant, pool.encode(), keep_last))

    def meta_reader(self, pool):
        return self._checked(self._lib.tipc_meta_reader(self.participant, pool.encode()))

    def progress_reader(self, pool, keep_last, on_data):
        """`on_data(reader)` runs on the receive thread of DDS."""
        listener = ON_DATA(lambda reader, _: on_data(reader))
        self._listeners.append(listener)
        return self._checked(self._lib.tipc_progress_reader(self.participant, pool.encode(), keep_last, listener, None))

    def write_meta(self, writer, metadata):
        self._checked(self._lib.tipc_write_meta(writer, ctypes.byref(_to_c(metadata))))

    def write_progress(self, writer, pool, latest_frame):
        self._checked(self._lib.tipc_write_progress(writer, pool.encode(), latest_frame))

    def take_next_meta(self, reader):
        sample = self._lib.tipc_take_next_meta(reader)
        if not sample:
            return None
        try:
            return _from_c(sample.contents)
        finally:
            self._lib.tipc_free_meta(sample)

    def take_one_progress(self, reader):
        """Waits for ever where there is nothing to take, on whatever thread that is."""
        latest_frame = ctypes.c_int64()
        self._checked(self._lib.tipc_take_one_progress(self.participant, reader, ctypes.byref(latest_frame)))
        return latest_frame.value

    def matched(self, endpoint, is_writer):
        return self._lib.tipc_matched(endpoint, is_writer)

    def close(self):
        self._lib.tipc_delete(self.participant)
