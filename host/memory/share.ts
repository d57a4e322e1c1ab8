// One thread maps a pool, others of the same process read the same pages.

import { TensorIpcError } from '../runtime/errors';
import { isSharedBuffer } from '../runtime/realm';
import { runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';
import { decodeDescription, encodeDescription } from '../tensor/description';
import { CoreMemory } from './arena';
import { type Geometry, Mapping } from './mapping';
import { Lease, type LeaseParts } from './reference-count';

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
  /** Device and inode of the object behind `fd`. */
  readonly identity: string;
  readonly lease: LeaseParts;
}

/** @internal Offers a mapping of this thread to another. */
export function shareMapping(mapping: Mapping): SharedPool {
  const { name } = mapping.metadata;
  const { identity } = mapping.system.statDescriptor(mapping.fd);
  const lent = mapping.lend();
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
      framesBuffer: parts.frames.buffer === parts.control.buffer ? null : parts.frames.buffer,
      control: space(parts.control),
      frames: space(parts.frames),
      fd: parts.fd,
      pid: mapping.system.pid,
      template: parts.template,
      description: encodeDescription(parts.description),
      geometry: parts.geometry,
      identity,
      lease,
    },
  };
}

/** @internal @throws TensorIpcError INVALID_ARGUMENT when it is none, or does not come from this process. */
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

/** @internal The same pages as a mapping of this thread. Throws when another reader has taken the offer, or it was withdrawn. */
export function adoptMapping(system: System, shared: SharedPool): Mapping {
  const { memory, framesBuffer, control, frames, template, description, geometry } = shared.parts;
  const core = new CoreMemory(system, memory);
  const lease = new Lease(shared.parts.lease, core.buffer);
  if (!lease.claim()) {
    throw new TensorIpcError(
      'CLOSED',
      `pool '${shared.name}': what share() gave is for one reader and while its pool is open: call share() once for each reader`,
    );
  }
  let fd: number | null = null;
  try {
    fd = openLeased(system, shared);
    if (fd === null || !lease.take()) {
      throw new TensorIpcError('CLOSED', `pool '${shared.name}' has been closed by the thread that shared it`);
    }
    const parts = {
      fd,
      memory: core,
      handle: lease.parts.handle,
      template,
      description: decodeDescription(shared.name, description),
      geometry,
      control: { ...control, buffer: core.buffer },
      frames: { ...frames, buffer: framesBuffer ?? core.buffer },
      lease,
    };
    return new Mapping(system, parts, null);
  } catch (error) {
    // The descriptor last, and with it the lock. Where the lease is TAKEN already, that ends it.
    runSteps([() => lease.unclaim(), () => fd !== null && system.close(fd)]);
    throw error;
  }
}

/**
 * An open file description of its own, to which locks belong, with the lock that says that the borrower lives. Null when the descriptor
 * that was lent is closed, or another's by now.
 */
function openLeased(system: System, { parts }: SharedPool): number | null {
  const fd = system.reopen(parts.fd);
  if (fd === null) return null;
  let keep = false;
  try {
    keep = system.statDescriptor(fd).identity === parts.identity && system.tryLock(fd, parts.lease.lockByte);
    return keep ? fd : null;
  } finally {
    if (!keep) runSteps([() => system.close(fd)]);
  }
}
