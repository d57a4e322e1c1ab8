// One thread maps a pool, others of the same process read the same pages.

import { TensorIpcError } from '../runtime/errors';
import { isSharedBuffer } from '../runtime/realm';
import type { System } from '../runtime/system';
import { decodeDescription, encodeDescription } from '../tensor/metadata';
import { CoreMemory } from './arena';
import { type Geometry, Mapping } from './mapping';
import { Lease } from './reference-count';

const KIND = 'tensor-ipc shared pool';

/**
 * A pool as one thread hands it to another of the same process: post it, and read it there with TensorConsumer.fromShared. Each is for
 * one reader.
 */
export interface SharedPool {
  readonly kind: typeof KIND;
  /** The pool's name. */
  readonly name: string;
  /** @internal */
  readonly parts: SharedParts;
}

/** What a range is in any thread: addresses are the same everywhere. */
interface SharedSpace {
  readonly byteOffset: number;
  readonly bytes: number;
  readonly address: number;
}

/** @internal */
interface SharedParts {
  readonly memory: WebAssembly.Memory;
  /** Where the frames are when not in the memory. */
  readonly framesBuffer: SharedArrayBuffer | null;
  readonly control: SharedSpace;
  readonly frames: SharedSpace;
  readonly fd: number;
  readonly pid: number;
  readonly template: Uint32Array;
  readonly description: Uint8Array;
  readonly geometry: Geometry;
  readonly handle: number;
  readonly leaseAt: number;
  readonly countAt: number;
}

/** Offers a mapping of this thread to another. */
export function shareMapping(mapping: Mapping): SharedPool {
  const lent = mapping.lend();
  const { name } = mapping.metadata;
  if (lent === null) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${name}': this reader was given the pool by another thread; share it from the thread that opened it`,
    );
  }
  const { parts, lease } = lent;
  const space = ({ byteOffset, bytes, address }: SharedSpace) => ({ byteOffset, bytes, address });
  return {
    kind: KIND,
    name,
    parts: {
      memory: parts.memory.memory,
      framesBuffer: parts.frames.buffer === parts.memory.buffer ? null : parts.frames.buffer,
      control: space(parts.control),
      frames: space(parts.frames),
      fd: parts.fd,
      pid: mapping.system.pid,
      template: parts.template,
      description: encodeDescription(parts.description),
      geometry: parts.geometry,
      handle: lease.handle,
      leaseAt: lease.at,
      countAt: lease.countAt,
    },
  };
}

/** @throws TensorIpcError INVALID_ARGUMENT when it is none, or does not come from this process. */
export function checkShared(shared: SharedPool, pid: number): SharedPool {
  const { kind, parts } = shared ?? {};
  // What crosses a process loses the memory on the way.
  if (kind !== KIND || !isSharedBuffer(parts?.memory?.buffer) || parts.pid !== pid) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      'expected what share() of a producer or consumer of this process gave, as postMessage or workerData brought it here' +
        ' (another process attaches to the pool by its name)',
    );
  }
  return shared;
}

/** The same pages as a mapping of this thread. Throws when another reader has taken the offer, or it was withdrawn. */
export function adoptMapping(system: System, shared: SharedPool): Mapping {
  const { memory, framesBuffer, control, frames, fd, template, description, geometry, handle, leaseAt, countAt } = shared.parts;
  const core = new CoreMemory(system, memory);
  const lease = new Lease(handle, leaseAt, countAt, core.buffer);
  if (!lease.take()) {
    throw new TensorIpcError(
      'CLOSED',
      `pool '${shared.name}': what share() gave is for one reader and while its pool is open: call share() once for each reader`,
    );
  }
  try {
    // An open file description of its own: locks, by which the living are told, belong to that.
    const ownFd = system.reopen(fd);
    if (ownFd === null) throw new TensorIpcError('CLOSED', `pool '${shared.name}' has been closed by the thread that shared it`);
    const parts = {
      fd: ownFd,
      memory: core,
      handle,
      template,
      description: decodeDescription(shared.name, description),
      geometry,
      control: { ...control, buffer: core.buffer },
      frames: { ...frames, buffer: framesBuffer ?? core.buffer },
      lease,
    };
    return new Mapping(system, parts, null);
  } catch (error) {
    lease.giveBack();
    throw error;
  }
}
