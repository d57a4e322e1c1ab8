// Finding, creating, taking over and attaching to pool objects. Who lives is told by open-file-description locks, which the kernel
// drops when a process dies, however it dies.

import {
  HANDLE_BYTES,
  HANDLE_CONSUMER_CAPACITY,
  HANDLE_FRAME_BYTES,
  HANDLE_HISTORY_LEN,
  HANDLE_METADATA_BYTES,
  HANDLE_METADATA_OFFSET,
  HANDLE_PAGE_BYTES,
  HANDLE_SLOT_CAPACITY,
  HEADER_BYTES,
  HEADER_LAYOUT_VERSION,
  HEADER_METADATA_HASH,
  HEADER_POOL_ID,
  HEADER_PRODUCER_STATE,
  LOCK_PRODUCER,
  MAX_CONSUMERS,
  PRODUCER_CLOSED,
} from '../../assembly/layout';
import { BAD_MAGIC, BAD_SIGNATURE, BAD_VERSION, NOT_READY, OK } from '../../assembly/status';
import type { Trust } from '../endpoint/options';
import { type Arena, anyArena } from '../memory/arena';
import { layoutError, poolError } from '../memory/core';
import { type Geometry, Mapping, readGeometry } from '../memory/mapping';
import { TensorIpcError, type TensorIpcErrorCode } from '../runtime/errors';
import { allAtOnce, inPieces, type Pieces } from '../runtime/pieces';
import { showSize } from '../runtime/sizes';
import { everyStep, runSteps } from '../runtime/steps';
import { type FileStatus, type System, SystemError } from '../runtime/system';
import { decodeDescription, encodeDescription, type PoolDescription } from '../tensor/description';
import { unlinkDeadDoorbells } from './doorbell';
import { nameProducer } from './in-the-way';
import { inherit } from './renewal';
import { checkFile, objectName } from './trust';
import { beginsAsPool, isUnfinished } from './unfinished';

/** Says of a failed system call which pool it was about, and of one that opened an object what that object is. */
export function translate(pool: string, error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  const { syscall, errno, subject, code, message } = error;
  const say = (as: TensorIpcErrorCode, text: string) => new TensorIpcError(as, `pool '${pool}': ${text}`, { syscall, errno });
  if (syscall !== 'open' || !subject.startsWith('/dev/shm/')) return say(code, message);
  switch (errno) {
    case 'EACCES':
    case 'EPERM':
      return say(
        'PERMISSION_DENIED',
        `${subject} belongs to another user or is not readable and writable for this one; ` +
          'run both sides as one user, or create the pool with { mode: 0o660 } and a common group',
      );
    case 'ELOOP':
    case 'ENOTDIR':
      return say('FOREIGN_OBJECT', `${subject} is a symbolic link, which is never followed; remove it`);
    case 'EISDIR':
    case 'EINVAL': // what shm_open makes of a directory
    case 'ENXIO':
      return say('FOREIGN_OBJECT', `${subject} is not a regular shared-memory object; remove it`);
    default:
      return say(code, message);
  }
}

/** Milliseconds of patience with a lock that is taken. */
const LOCK_TRIES = 20;

/** A header and metadata that were copied out of an object and then checked. */
interface Snapshot {
  readonly header: DataView;
  /** The filled-in handle, to be copied into a mapping's own. */
  readonly template: Uint32Array;
  readonly description: PoolDescription;
  readonly json: Uint8Array;
  readonly geometry: Geometry;
  /** Page size of the process that created it. */
  readonly pageBytes: number;
  /** Whether its parts lie on pages of this process. */
  readonly mappable: boolean;
}

export function hashBytes(system: System, bytes: Uint8Array): bigint {
  const arena = anyArena(system);
  const at = arena.scratch(bytes);
  return BigInt.asUintN(64, arena.core.xxh64(at, bytes.byteLength, 0n));
}

/** Reads an object without mapping it. Null while it is under construction; throws when it is no pool. */
export function readSnapshot(system: System, pool: string, fd: number): Snapshot | null {
  const header = new Uint8Array(HEADER_BYTES);
  const read = system.readAt(fd, header, 0);
  if (read < HEADER_BYTES) {
    // Empty: somebody has just created it. Short: nothing of ours is.
    if (read === 0) return null;
    // As rm sees it: what neither begins as a pool does nor is an unfinished one never was one.
    if (!beginsAsPool(system, fd) && !allAtOnce(isUnfinished(system, fd, read))) throw poolError(pool, BAD_MAGIC);
    throw new TensorIpcError(
      'TRUNCATED_OBJECT',
      `pool '${pool}': its object has ${read} bytes, a pool has at least ${HEADER_BYTES}; if no program uses it, remove /dev/shm${objectName(pool)}`,
    );
  }
  const arena: Arena = anyArena(system);
  const handle = arena.allocateHandle();
  try {
    // The size after the header: an object that was still empty a moment ago may have been finished since.
    const { bytes, allocatedBytes } = system.statDescriptor(fd);
    const code = arena.core.controlValidate(handle, arena.scratch(header), bytes);
    if (code === NOT_READY) return null;
    const view = new DataView(header.buffer);
    if (code === BAD_VERSION || code === BAD_SIGNATURE) throw layoutError(pool, view.getUint32(HEADER_LAYOUT_VERSION, true));
    if (code !== OK) throw poolError(pool, code);
    // Pools are allocated whole. A hole would be filled when it is touched, which a full /dev/shm answers with SIGBUS.
    if (allocatedBytes < bytes) {
      throw new TensorIpcError(
        'TRUNCATED_OBJECT',
        `pool '${pool}': its object has holes (${allocatedBytes} of ${bytes} bytes are there)`,
      );
    }
    const at = (field: number) => arena.u32[(handle + field) / 4] as number;
    const json = new Uint8Array(at(HANDLE_METADATA_BYTES));
    if (system.readAt(fd, json, at(HANDLE_METADATA_OFFSET)) !== json.byteLength) {
      throw new TensorIpcError('TRUNCATED_OBJECT', `pool '${pool}': its object shrank while it was read`);
    }
    if (hashBytes(system, json) !== view.getBigUint64(HEADER_METADATA_HASH, true)) {
      throw new TensorIpcError('CORRUPT_OBJECT', `pool '${pool}': its metadata does not have the hash that its header states`);
    }
    const description = decodeDescription(pool, json);
    const geometry = readGeometry(arena, handle, description.metadata);
    if (
      description.metadata.frameBytes !== Number(arena.i64[(handle + HANDLE_FRAME_BYTES) / 8]) ||
      description.metadata.historyLen !== at(HANDLE_HISTORY_LEN)
    ) {
      throw new TensorIpcError('CORRUPT_OBJECT', `pool '${pool}': header and metadata disagree about the frames`);
    }
    for (const field of description.metadata.fields) {
      const step =
        geometry.frameStride %
        (field.bytes /
          Math.max(
            1,
            field.shape.reduce((a, b) => a * b, 1),
          ));
      if (step !== 0)
        throw new TensorIpcError('CORRUPT_OBJECT', `pool '${pool}': the frame stride splits an element of ${field.name}`);
    }
    const regionBytes = geometry.slotCapacity * geometry.frameStride;
    const mappable = geometry.framesOffset % system.pageBytes === 0 && regionBytes % system.pageBytes === 0;
    const pageBytes = at(HANDLE_PAGE_BYTES);
    const template = arena.u32.slice(handle / 4, (handle + HANDLE_BYTES) / 4);
    return { header: view, template, description, json, geometry, pageBytes, mappable };
  } finally {
    arena.freeHandle(handle);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
}

/** What part of the time to make a pool the reservation of its pages takes, which are zeroed; the rest are page tables. */
const RESERVED = 0.8;

/**
 * Lays out and fills the new object behind `fd`, whose producer lock is held.
 *
 * @param predecessor The pool that it continues, if there is one: id, frames and numbers are taken from there.
 */
function* build(
  system: System,
  fd: number,
  description: PoolDescription,
  json: Uint8Array,
  predecessor: Mapping | null,
): Pieces<Mapping> {
  const pool = description.metadata.name;
  const { metadata } = description;
  const arena = anyArena(system);
  const plan = arena.allocateHandle();
  let geometry: Geometry;
  let template: Uint32Array;
  try {
    const capacity = arena.core.chooseGeometry(plan, metadata.frameBytes, metadata.historyLen, system.pageBytes);
    if (capacity < 0) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `pool '${pool}': ${metadata.historyLen} frames of ${showSize(metadata.frameBytes)} do not fit a pool`,
      );
    }
    const set = (field: number, value: number) => {
      arena.u32[(plan + field) / 4] = value;
    };
    set(HANDLE_CONSUMER_CAPACITY, MAX_CONSUMERS);
    set(HANDLE_SLOT_CAPACITY, capacity);
    set(HANDLE_HISTORY_LEN, metadata.historyLen);
    set(HANDLE_METADATA_BYTES, json.byteLength);
    set(HANDLE_PAGE_BYTES, system.pageBytes);
    arena.i64[(plan + HANDLE_FRAME_BYTES) / 8] = BigInt(metadata.frameBytes);
    const code = arena.core.controlLayout(plan);
    if (code !== OK) throw poolError(pool, code);
    geometry = readGeometry(arena, plan, metadata);
    template = arena.u32.slice(plan / 4, (plan + HANDLE_BYTES) / 4);
  } finally {
    arena.freeHandle(plan);
  }
  try {
    checkRoom(system, geometry.objectBytes);
    system.setSize(fd, geometry.objectBytes);
    yield* inPieces(geometry.objectBytes, (at, bytes) => system.reserve(fd, at, bytes), 0, RESERVED);
  } catch (error) {
    throw noRoom(system, pool, geometry, error);
  }
  const mapping = Mapping.map(system, fd, template, description, geometry, true);
  try {
    const metadataAt = mapping.controlOffset + (mapping.arena.u32[(mapping.handle + HANDLE_METADATA_OFFSET) / 4] as number);
    new Uint8Array(mapping.arena.buffer, metadataAt, json.byteLength).set(json);
    // The same id: to its readers it is the same pool, and numbers go on.
    const id = predecessor === null ? system.randomU64() : poolIdOf(predecessor);
    mapping.core.controlCreate(mapping.handle, hashBytes(system, json), id, system.realtimeNs());
    yield* mapping.prefault(true, RESERVED);
    if (predecessor !== null) inherit(predecessor, mapping);
    mapping.core.controlPublish(mapping.handle);
    return mapping;
  } catch (error) {
    runSteps([() => mapping.unmap()]);
    throw error;
  }
}

/** Piece by piece, what cannot succeed would fill the machine's memory before it fails. */
function checkRoom(system: System, bytes: number): void {
  let space: { freeBytes: number; totalBytes: number };
  try {
    space = system.sharedMemorySpace();
  } catch (error) {
    // Then the reservation tells.
    if (error instanceof SystemError) return;
    throw error;
  }
  // A file system without a limit has no size.
  if (space.totalBytes > 0 && space.freeBytes < bytes) throw new SystemError('posix_fallocate', 'ENOSPC', `${bytes} bytes`);
}

/** The error of a pool whose pages could not be reserved: which limit it met. */
function noRoom(system: System, pool: string, geometry: Geometry, error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  const { syscall, errno } = error;
  const { slotCapacity, frameStride, objectBytes } = geometry;
  const needs = `pool '${pool}' needs ${showSize(objectBytes)} for ${slotCapacity} frames of ${showSize(frameStride)}, but`;
  // Without the cause: all that it says is here.
  const options = { syscall, errno };
  if (errno === 'EFBIG') {
    const most = showSize(system.fileBytesLimit);
    return new TensorIpcError(
      'SYSTEM',
      `${needs} files that this process writes may have at most ${most}: raise that limit ("ulimit -f", RLIMIT_FSIZE), or shorten historyLen`,
      options,
    );
  }
  if (errno !== 'ENOSPC' && errno !== 'ENOMEM') return error;
  return new TensorIpcError(
    'SHM_FULL',
    `${needs} ${roomIn(system)}: remove what is stale there ("tensor-ipc gc"), shorten historyLen, or enlarge it ` +
      '(docker run --shm-size, mount -o remount,size=… /dev/shm)',
    options,
  );
}

function roomIn(system: System): string {
  try {
    const { freeBytes, totalBytes } = system.sharedMemorySpace();
    return `/dev/shm has ${showSize(freeBytes)} of ${showSize(totalBytes)} free`;
  } catch (error) {
    if (error instanceof SystemError) return '/dev/shm has less free';
    throw error;
  }
}

export interface ProducerOpenOptions {
  readonly mode: number;
  readonly trust: Trust;
}

/** A producer's mapping, and whether its object is new: nobody is attached to one that is. */
export interface OpenedPool {
  readonly mapping: Mapping;
  readonly created: boolean;
}

/**
 * Creates the pool's object, or takes over that of a dead producer: with the same metadata the object and its sequence numbers go
 * on, otherwise it is replaced and those attached to it are told.
 *
 * The lock comes first, and then the name must still lead to the locked object: whoever wins both owns the name.
 */
export function* openForProducer(system: System, description: PoolDescription, options: ProducerOpenOptions): Pieces<OpenedPool> {
  const name = objectName(description.metadata.name);
  const json = encodeDescription(description);
  for (;;) {
    const { fd, created } = system.openOrCreateObject(name, options.mode);
    let opened: OpenedPool | null = null;
    try {
      opened = yield* tryToOwn(system, fd, description, json, options);
      if (opened !== null) return opened;
    } catch (error) {
      if (created) runSteps([() => removeEmpty(system, name, fd)]);
      throw error;
    } finally {
      if (opened === null) runSteps([() => letGo(system, fd)]);
    }
  }
}

/** Gives up an object: the lock first, which pages that are still mapped would keep beyond the descriptor. */
function letGo(system: System, fd: number): void {
  everyStep([() => system.unlock(fd, LOCK_PRODUCER), () => system.close(fd)]);
}

/**
 * Makes the object of a live producer anew, whose name is gone. Null when another has taken the name. Whoever has the lock on the object
 * that the name leads to owns the name, here too.
 */
export function renewForProducer(system: System, old: Mapping, mode: number): Mapping | null {
  const { description } = old;
  const name = objectName(description.metadata.name);
  const { fd, created } = system.openOrCreateObject(name, mode);
  let mapping: Mapping | null = null;
  let own = false;
  try {
    own =
      created && system.tryLock(fd, LOCK_PRODUCER) && system.statObject(name)?.identity === system.statDescriptor(fd).identity;
    if (own) mapping = allAtOnce(build(system, fd, description, encodeDescription(description), old));
    return mapping;
  } finally {
    if (mapping === null) runSteps([() => own && system.unlinkObject(name), () => letGo(system, fd)]);
  }
}

/** An object that this process has made and got nowhere with goes, unless another has begun to fill it. */
function removeEmpty(system: System, name: string, fd: number): void {
  if (system.statDescriptor(fd).bytes === 0) system.unlinkObject(name);
}

/** Null when it was not to be owned, and another look at the name is due. */
function* tryToOwn(
  system: System,
  fd: number,
  description: PoolDescription,
  json: Uint8Array,
  options: ProducerOpenOptions,
): Pieces<OpenedPool | null> {
  const pool = description.metadata.name;
  const name = objectName(pool);
  const status = system.statDescriptor(fd);
  checkFile(pool, name, status, system, options.trust);
  if (!lockPatiently(system, fd)) {
    if (!system.isLocked(fd, LOCK_PRODUCER)) throw sharedLock(pool, name, status);
    throw new TensorIpcError(
      'PRODUCER_EXISTS',
      `pool '${pool}' has a live producer already${nameProducer(system, pool, fd)}: a pool has one; stop it, or choose another name`,
    );
  }
  if (system.statObject(name)?.identity !== status.identity) return null;
  const snapshot = readSnapshot(system, pool, fd);
  if (snapshot === null && !beginsAsPool(system, fd) && !(yield* isUnfinished(system, fd, status.bytes))) {
    throw new TensorIpcError(
      'FOREIGN_OBJECT',
      `pool '${pool}': /dev/shm${name} is another program's file: it begins with zeros, but is no pool under construction; remove it, or choose another name`,
    );
  }
  // Closed is final: its producer died between saying so and unlinking it, and its readers have let go of their frames.
  const reusable =
    snapshot === null
      ? status.bytes === 0
      : snapshot.mappable &&
        sameBytes(snapshot.json, json) &&
        snapshot.header.getUint32(HEADER_PRODUCER_STATE, true) !== PRODUCER_CLOSED;
  if (!reusable || status.mode !== options.mode) {
    // Of other form, or left half-built by a producer that died: start afresh under the name.
    if (snapshot?.mappable) retire(system, snapshot, fd);
    system.unlinkObject(name);
    return null;
  }
  if (snapshot !== null) {
    const mapping = Mapping.map(system, fd, snapshot.template, snapshot.description, snapshot.geometry, true);
    try {
      yield* mapping.prefault(true);
      return { mapping, created: false };
    } catch (error) {
      runSteps([() => mapping.unmap()]);
      throw error;
    }
  }
  try {
    return { mapping: yield* build(system, fd, description, json, null), created: true };
  } catch (error) {
    // A half-built object must not stay: it would hold its pages until somebody looked.
    runSteps([() => system.unlinkObject(name)]);
    throw error;
  }
}

/** The producer's lock can be neither taken nor asked who has it exclusively: somebody who may only read the object is in the way. */
export function sharedLock(pool: string, object: string, { mode }: FileStatus): TensorIpcError {
  return new TensorIpcError(
    'UNSAFE_MODE',
    `pool '${pool}': /dev/shm${object} (mode 0${mode.toString(8)}) has no live producer, but a process that may read it holds a shared lock on it: ` +
      'end that process, or remove the object (tensor-ipc rm --force)',
  );
}

/** The random number that tells pools of one name apart. */
export function poolIdOf(mapping: Mapping): bigint {
  return mapping.arena.i64[(mapping.controlOffset + HEADER_POOL_ID) / 8] as bigint;
}

/** Whether a pool is now under its name in another object than this one, which is closed and may not be removed yet. */
export function isElsewhere(system: System, pool: string, poolId: bigint, closedFd: number): boolean {
  const fd = system.openObjectToRead(objectName(pool));
  if (fd === null) return false;
  try {
    const id = new Uint8Array(8);
    if (system.readAt(fd, id, HEADER_POOL_ID) < id.length) return false;
    const same = new DataView(id.buffer).getBigInt64(0, true) === poolId;
    return same && system.statDescriptor(fd).identity !== system.statDescriptor(closedFd).identity;
  } finally {
    runSteps([() => system.close(fd)]);
  }
}

/** Takes the producer's lock. A tool that clears away what is dead holds it for an instant: that is no producer. */
function lockPatiently(system: System, fd: number): boolean {
  const { address } = anyArena(system);
  for (let patience = 0; patience < LOCK_TRIES; patience++) {
    if (system.tryLock(fd, LOCK_PRODUCER)) return true;
    system.futexWait(address, 0, 1); // nobody wakes it: a millisecond's sleep
  }
  return false;
}

/** Tells those attached to a dead producer's pool that it is over. */
function retire(system: System, snapshot: Snapshot, fd: number): void {
  const mapping = Mapping.map(system, fd, snapshot.template, snapshot.description, snapshot.geometry, true);
  mapping.core.writerClose(mapping.handle);
  everyStep([() => unlinkDeadDoorbells(mapping), () => mapping.unmap()]);
}
