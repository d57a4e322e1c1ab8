// The newest frames of a pool, read from outside: by pread, as inspect looks. Nothing is mapped, no place is taken, no lock, no pin. The
// object may be a dead producer's. Whose it is and what is in it is checked as when a consumer attaches.

import {
  HEADER_HEAD,
  HEADER_SLOT_OFFSET,
  SLOT_BYTES,
  SLOT_EPOCH,
  SLOT_LENGTHS,
  SLOT_PUBLISHED_NS,
  SLOT_STAMP,
  SLOT_TIMESTAMP_NS,
} from '../../assembly/layout';
import { BAD_HEAD, BAD_LENGTH } from '../../assembly/status';
import { Frame } from '../endpoint/frame';
import type { Trust } from '../endpoint/options';
import type { CopyRequest } from '../endpoint/source';
import { isStale, type Times } from '../endpoint/times';
import { BufferPool } from '../memory/buffer-pool';
import { poolError } from '../memory/core';
import { bytesOf, copyVarying } from '../memory/varying';
import { type Lengths, type Window, WindowBuilder } from '../memory/window';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';
import type { PoolDescription } from '../tensor/description';
import type { TypedArray } from '../tensor/dtype';
import type { FrameForm } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import { checkCount, checkInto } from '../tensor/validation';
import { readSnapshot, translate } from './pool';
import { checkFile, checkReaders, objectName } from './trust';

/** How long a producer that laps every look is raced against. */
const PATIENCE_MS = 1000;

export interface PeekOptions {
  readonly name: string;
  readonly trust: Trust;
  /** Throws when the pool is not what is expected. */
  check(description: PoolDescription): void;
}

/** A copy of the newest frames of the pool under a name. Null when there is no pool, or no frame that is fresh enough. */
export function peekFrames<F extends FrameForm>(
  system: System,
  options: PeekOptions,
  request: CopyRequest | undefined,
): Frame<F> | null {
  const { name } = options;
  try {
    const fd = system.openObjectToRead(objectName(name));
    if (fd === null) return null;
    try {
      return peek<F>(system, fd, options, request);
    } finally {
      runSteps([() => system.close(fd)]);
    }
  } catch (error) {
    throw translate(name, error);
  }
}

function peek<F extends FrameForm>(
  system: System,
  fd: number,
  { name, trust, check }: PeekOptions,
  request: CopyRequest | undefined,
): Frame<F> | null {
  const status = system.statDescriptor(fd);
  checkFile(name, objectName(name), status, system, trust);
  checkReaders(name, objectName(name), status, trust);
  const snapshot = readSnapshot(system, name, fd);
  if (snapshot === null) return null;
  const { description, geometry, header } = snapshot;
  const { metadata } = description;
  check(description);
  const count = request?.historyLen === undefined ? 1 : checkCount(metadata, request.historyLen);
  const into = request?.into === undefined ? null : checkInto(metadata, count, request.into);
  const slotsOffset = header.getUint32(HEADER_SLOT_OFFSET, true);
  const { slotCapacity, framesOffset, frameStride } = geometry;
  const object = new ObjectReader(system, name, fd);
  const slotAt = (position: number) => object.view(slotsOffset + (position % slotCapacity) * SLOT_BYTES, SLOT_BYTES);
  const copier = new PeekCopier(metadata, frameStride, (slot, from, to) =>
    object.read(to, framesOffset + (slot % slotCapacity) * frameStride + from),
  );
  const deadline = steadyMs() + PATIENCE_MS;
  for (;;) {
    const head = Number(object.view(HEADER_HEAD, 8).getBigUint64(0, true));
    if (head < slotCapacity || head > Number.MAX_SAFE_INTEGER) throw poolError(name, BAD_HEAD);
    if (head === slotCapacity) return null;
    const oldest = head - count;
    const slots = Array.from({ length: count }, (_, i) => slotAt(oldest + i));
    if (slots.every((slot, i) => isDone(slot, oldest + i))) {
      const times = timesOf(slots[count - 1] as DataView);
      if (isStale(times.publishedNs, request?.maxAgeMs)) return null;
      const lengths = slots.map((slot) => lengthsOf(slot, metadata));
      const torn = lengths.includes(null);
      const window = torn ? null : copier.copy(oldest % slotCapacity, lengths as Lengths[], request?.latestFirst ?? true, into);
      // The writer goes round in order: the oldest frame is the first to be lost.
      if (isDone(slotAt(oldest), oldest)) {
        if (window === null) throw poolError(name, BAD_LENGTH);
        return new Frame<F>(window, head - 1 - slotCapacity, count, times, 0, null, name);
      }
    }
    if (steadyMs() >= deadline) {
      throw new TensorIpcError(
        'LOCK_TIMEOUT',
        `pool '${name}': its producer overwrites ${count} frames faster than they can be looked at from outside: use get(), for which it waits`,
      );
    }
  }
}

function isDone(slot: DataView, position: number): boolean {
  return slot.getBigUint64(SLOT_STAMP, true) === 2n * BigInt(position) + 2n;
}

function timesOf(slot: DataView): Times {
  return {
    timestampNs: slot.getBigInt64(SLOT_TIMESTAMP_NS, true),
    publishedNs: Number(slot.getBigInt64(SLOT_PUBLISHED_NS, true)),
    epoch: slot.getUint32(SLOT_EPOCH, true),
  };
}

/** Lengths of a frame's varying fields. Null when one is more than there can be. */
function lengthsOf(slot: DataView, { fields }: PoolMetadata): Lengths | null {
  const most = fields.flatMap(({ maxLength }) => maxLength ?? []);
  const lengths = most.map((_, i) => slot.getUint32(SLOT_LENGTHS + 4 * i, true));
  return lengths.every((length, i) => length <= (most[i] as number)) ? lengths : null;
}

/** An object's bytes, by offset. */
class ObjectReader {
  readonly #system: System;
  readonly #name: string;
  readonly #fd: number;

  constructor(system: System, name: string, fd: number) {
    this.#system = system;
    this.#name = name;
    this.#fd = fd;
  }

  read(to: Uint8Array, offset: number): void {
    if (this.#system.readAt(this.#fd, to, offset) === to.byteLength) return;
    throw new TensorIpcError('TRUNCATED_OBJECT', `pool '${this.#name}': its object shrank while it was read`);
  }

  view(offset: number, bytes: number): DataView {
    const data = new Uint8Array(bytes);
    this.read(data, offset);
    return new DataView(data.buffer);
  }
}

/** Copies frames into memory of the caller's own, in any order. */
class PeekCopier {
  readonly #metadata: PoolMetadata;
  readonly #windows: WindowBuilder;
  readonly #buffers: BufferPool;
  readonly #read: (slot: number, from: number, to: Uint8Array) => void;

  constructor(metadata: PoolMetadata, frameStride: number, read: (slot: number, from: number, to: Uint8Array) => void) {
    this.#metadata = metadata;
    this.#windows = new WindowBuilder(metadata, frameStride);
    this.#buffers = new BufferPool(metadata);
    this.#read = read;
  }

  copy(slot: number, lengths: readonly Lengths[], latestFirst: boolean, into: TypedArray | null): Window {
    if (this.#metadata.varying) {
      return copyVarying(this.#windows, this.#buffers, { slot, lengths, latestFirst, into }, this.#read);
    }
    const count = lengths.length;
    const window = this.#buffers.target(count, into);
    const bytes = bytesOf(window.data);
    const { frameBytes } = this.#metadata;
    for (let i = 0; i < count; i++) {
      const step = latestFirst ? count - 1 - i : i;
      this.#read(slot + step, 0, bytes.subarray(i * frameBytes, (i + 1) * frameBytes));
    }
    return window;
  }
}
