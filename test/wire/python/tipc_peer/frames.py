"""Frames that can be told apart: the content is a function of a seed and the dtype. The rule, and the same in TypeScript and C, is
in test/wire/support/frames.ts and test/wire/c/wire_frames.c; seeds come back modulo 256.

Integers: byte i of the frame is (31 * seed + 7 * i) & 255.
Floats:   element e is ((31 * seed + 7 * e) & 255) - 128.
bool:     element e is bit (e & 7) of the seed, flipped where e >> 3 is odd.
"""

import math

import numpy as np

PERIOD = 256
INVERSE_OF_31 = 223


def _period(dtype, seed):
    """256 elements; frames repeat after that."""
    dtype = np.dtype(dtype)
    element = np.arange(PERIOD, dtype=np.int64)
    if dtype.kind == "f":
        return (((31 * seed + 7 * element) & 255) - 128).astype(dtype)
    if dtype.kind == "b":
        return ((((seed >> (element & 7)) & 1) ^ ((element >> 3) & 1)) != 0).astype(dtype)
    byte = np.arange(PERIOD * dtype.itemsize, dtype=np.int64)
    return ((31 * seed + 7 * byte) & 255).astype(np.uint8).view(dtype)


def frame_of(seed, shape, dtype):
    return np.resize(_period(dtype, seed & 255), math.prod(shape)).reshape(shape)


def seed_of(frame, head_only=False):
    """The seed modulo 256, or 'zero', or 'torn'."""
    flat = frame.reshape(-1)
    if head_only:
        flat = flat[:PERIOD]
    kind = flat.dtype.kind
    if kind == "f":
        value = float(flat[0])
        seed = (int(value + 128) * INVERSE_OF_31) & 255 if -128 <= value < 128 else 0
    elif kind == "b":
        seed = sum(int(bit) << place for place, bit in enumerate(flat[:8]))
    else:
        seed = (int(flat[:1].view(np.uint8)[0]) * INVERSE_OF_31) & 255
    # As bytes: no two ways of writing one number.
    if flat.tobytes() == frame_of(seed, flat.shape, flat.dtype).tobytes():
        return seed
    return "torn" if flat.any() else "zero"
