// Looking at pools without taking part: everything is read with pread through a descriptor that cannot write. Nothing is mapped, no
// lock is taken, and what is found is untrusted until it has passed the same checks as when a consumer attaches.

import {
  CONSUMER_ACTIVE,
  CONSUMER_BYTES,
  CONSUMER_DELIVERY,
  CONSUMER_DOORBELL_ID,
  CONSUMER_DOORBELL_KIND,
  CONSUMER_FRAMES_MISSED,
  CONSUMER_FRAMES_TAKEN,
  CONSUMER_HOLD_PIN,
  CONSUMER_LAST_POSITION,
  CONSUMER_PID,
  CONSUMER_SINCE_NS,
  CONSUMER_STATE,
  CONSUMER_VIEW_PIN,
  DELIVERY_ALL,
  DOORBELL_FILE,
  DOORBELL_FUTEX,
  HEADER_BYTES,
  HEADER_CONSUMER_CAPACITY,
  HEADER_CREATED_NS,
  HEADER_FRAMES_OVERRUN,
  HEADER_FRAMES_REFUSED,
  HEADER_HEAD,
  HEADER_ON_PINNED,
  HEADER_PERIOD_NS,
  HEADER_POOL_ID,
  HEADER_PRODUCER_EPOCH,
  HEADER_PRODUCER_PID,
  HEADER_PRODUCER_SINCE_NS,
  HEADER_PRODUCER_STATE,
  HEADER_WAITS,
  LOCK_CONSUMERS,
  LOCK_PRODUCER,
  PRODUCER_CLOSED,
  SLOT_BYTES,
  SLOT_PUBLISHED_NS,
  SLOT_STAMP,
  SLOT_TIMESTAMP_NS,
} from '../../assembly/layout';
import { BAD_HEAD } from '../../assembly/status';
import { poolError } from '../memory/core';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import { type FileStatus, platform, type System } from '../runtime/system';
import { checkName, type HistoryPad, type PoolMetadata } from '../tensor/metadata';
import type { OnPinned } from './backpressure';
import { doorbellName } from './doorbell';
import { readSnapshot, translate } from './pool';
import { objectName } from './trust';

/** Rounds of reading a head and the slot below it that a fast producer may spoil. */
const MAX_LOOKS = 8;

const NO_PIN = 0xffff_ffff_ffff_ffffn;

const POLICIES: readonly OnPinned[] = ['wait', 'drop', 'overwrite'];

/** Who produces, or produced last. */
export interface ProducerInfo {
  /** Whether it holds its lock, which the kernel drops when it dies. */
  readonly alive: boolean;
  /** Process id in its own pid namespace; 0 before the first. */
  readonly pid: number;
  /** Producers that this object has had so far. */
  readonly epoch: number;
  /** What it does about lent views; null if the object says something unknown. */
  readonly onPinned: OnPinned | null;
  /** When it opened the pool, CLOCK_MONOTONIC, ns. */
  readonly sinceNs: bigint;
  /** Time between two frames that it states, ms; null where it states none. */
  readonly periodMs: number | null;
  /** Frames that onPinned 'drop' refused. */
  readonly framesRefused: number;
  /** Frames that onPinned 'overwrite' wrote over lent views. */
  readonly framesOverrun: number;
  /** Times that it had to wait for a reader. */
  readonly waits: number;
}

/** An entry of the consumer table that is in use, or whose owner died. */
export interface ConsumerInfo {
  /** Its place in the table. */
  readonly index: number;
  /** Whether it holds its lock. A dead one is cleared by the producer when it is in its way. */
  readonly alive: boolean;
  /** Process id in its own pid namespace. */
  readonly pid: number;
  readonly delivery: 'latest' | 'all';
  /** When it attached, CLOCK_MONOTONIC, ns. */
  readonly sinceNs: bigint;
  /** The newest frame that it has taken, or null before the first. */
  readonly lastSequence: number | null;
  /** How many frames newer than that there are; null before its first. */
  readonly lag: number | null;
  readonly framesTaken: number;
  readonly framesMissed: number;
  /** Whether views are out, which the producer must not write over. */
  readonly holdsViews: boolean;
  /** Whether frames are kept for it: the cursor of a lossless reader, or a copy under way. */
  readonly holdsFrames: boolean;
  /** How it asked to be woken last. */
  readonly wakes: 'doorbell' | 'futex' | null;
}

/** A FIFO beside the object by which a consumer is woken. */
export interface DoorbellInfo {
  /** File name in /dev/shm. */
  readonly file: string;
  /** Table entry of the consumer that it belongs to; null for one that waits for a pool, or died. */
  readonly consumer: number | null;
}

/** How a pool is. 'closed': its producer said so; 'dead': its producer is gone without saying so. */
export type PoolState = 'live' | 'closed' | 'dead';

/** What a pool's object says at one moment. */
export interface PoolInfo {
  readonly name: string;
  readonly state: PoolState;
  readonly metadata: PoolMetadata;
  readonly historyPad: HistoryPad;
  /** Frames in the ring: historyLen, spare slots, and what fills pages. */
  readonly slotCapacity: number;
  readonly frameBytes: number;
  /** Bytes from one frame to the next. */
  readonly frameStride: number;
  readonly objectBytes: number;
  /** Owner and permission bits of the object. */
  readonly uid: number;
  readonly mode: number;
  /** Random number that tells objects of one name apart. */
  readonly poolId: bigint;
  /** When the object was made, CLOCK_REALTIME, ns. */
  readonly createdNs: bigint;
  readonly producer: ProducerInfo;
  readonly framesPublished: number;
  /** When the latest frame was published, CLOCK_MONOTONIC, ns; null before the first. */
  readonly publishedNs: bigint | null;
  /** Timestamp of the latest frame, as its producer gave it, ns; null before the first. */
  readonly timestampNs: bigint | null;
  /** Milliseconds since the latest frame was published; null before the first. */
  readonly ageMs: number | null;
  readonly consumers: readonly ConsumerInfo[];
  readonly doorbells: readonly DoorbellInfo[];
}

/** What stands under a name: a pool; one under construction (no info, no error); or something that is none, and why. */
export interface PoolEntry {
  readonly name: string;
  readonly info: PoolInfo | null;
  readonly error: TensorIpcError | null;
}

/**
 * Looks at a pool without touching it: its object is opened for reading only, nothing is mapped or locked. Null if there is no
 * pool under the name, or one under construction.
 *
 * @throws TensorIpcError INVALID_NAME, FOREIGN_OBJECT, TRUNCATED_OBJECT, VERSION_MISMATCH, CORRUPT_OBJECT, PERMISSION_DENIED,
 * UNSUPPORTED_PLATFORM, MISSING_DEPENDENCY, SYSTEM
 */
export function inspect(name: string): PoolInfo | null {
  checkName(name);
  const system = platform().system();
  return look(system, name, () => system.listSharedMemory());
}

/** Looks at every pool of this machine, as inspect does. What is no pool, or a damaged one, becomes an entry with its error. */
export function list(): PoolEntry[] {
  const system = platform().system();
  const files = system.listSharedMemory();
  const prefix = objectName('').slice(1);
  const entries: PoolEntry[] = [];
  for (const name of files.filter((file) => file.startsWith(prefix)).map((file) => file.slice(prefix.length))) {
    try {
      checkName(name);
      const info = look(system, name, () => files);
      // Gone since the directory was read: nothing to list.
      if (info === null && system.statObject(objectName(name)) === null) continue;
      entries.push({ name, info, error: null });
    } catch (caught) {
      const error = translate(name, caught);
      if (!(error instanceof TensorIpcError)) throw error;
      entries.push({ name, info: null, error });
    }
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function look(system: System, name: string, files: () => readonly string[]): PoolInfo | null {
  try {
    const fd = system.openObjectToRead(objectName(name));
    if (fd === null) return null;
    try {
      return read(system, name, fd, files());
    } finally {
      runSteps([() => system.close(fd)]);
    }
  } catch (error) {
    throw translate(name, error);
  }
}

function read(system: System, name: string, fd: number, files: readonly string[]): PoolInfo | null {
  const status = system.statDescriptor(fd);
  if (status.kind !== 'file') {
    throw new TensorIpcError('FOREIGN_OBJECT', `pool '${name}': /dev/shm${objectName(name)} is not a regular file`);
  }
  const snapshot = readSnapshot(system, name, fd);
  if (snapshot === null) return null;
  const { header, geometry, description } = snapshot;
  const consumerCapacity = header.getUint32(HEADER_CONSUMER_CAPACITY, true);
  // The table before the head: a consumer is never ahead of it then.
  const table = readBytes(system, name, fd, HEADER_BYTES, consumerCapacity * CONSUMER_BYTES);
  const slotsOffset = HEADER_BYTES + consumerCapacity * CONSUMER_BYTES;
  const latest = readLatest(system, name, fd, slotsOffset, geometry.slotCapacity);
  const alive = system.isLocked(fd, LOCK_PRODUCER);
  const closed = latest.header.getUint32(HEADER_PRODUCER_STATE, true) === PRODUCER_CLOSED;
  const ageNs = latest.publishedNs === null ? null : platform().monotonicNs() - latest.publishedNs;
  return {
    name,
    state: closed ? 'closed' : alive ? 'live' : 'dead',
    metadata: description.metadata,
    historyPad: description.historyPad,
    slotCapacity: geometry.slotCapacity,
    frameBytes: geometry.frameBytes,
    frameStride: geometry.frameStride,
    objectBytes: geometry.objectBytes,
    ...owner(status),
    poolId: header.getBigUint64(HEADER_POOL_ID, true),
    createdNs: header.getBigUint64(HEADER_CREATED_NS, true),
    producer: producerInfo(latest.header, alive),
    framesPublished: latest.framesPublished,
    publishedNs: latest.publishedNs,
    timestampNs: latest.timestampNs,
    // A frame from the future would be a clock of another time namespace, or a lie.
    ageMs: ageNs === null ? null : Math.max(0, Number(ageNs) / 1e6),
    consumers: consumersOf(system, fd, table, geometry.slotCapacity, latest.framesPublished),
    doorbells: doorbellsOf(name, files, table, header.getBigUint64(HEADER_POOL_ID, true)),
  };
}

function owner({ uid, mode }: FileStatus): { uid: number; mode: number } {
  return { uid, mode };
}

function readBytes(system: System, name: string, fd: number, offset: number, bytes: number): DataView {
  const data = new Uint8Array(bytes);
  if (system.readAt(fd, data, offset) !== bytes) {
    throw new TensorIpcError('TRUNCATED_OBJECT', `pool '${name}': its object shrank while it was read`);
  }
  return new DataView(data.buffer);
}

interface Latest {
  readonly header: DataView;
  readonly framesPublished: number;
  readonly publishedNs: bigint | null;
  readonly timestampNs: bigint | null;
}

/** The head, and the times of the frame below it. */
function readLatest(system: System, name: string, fd: number, slotsOffset: number, slotCapacity: number): Latest {
  for (let looks = 1; ; looks++) {
    const header = readBytes(system, name, fd, 0, HEADER_BYTES);
    const head = Number(header.getBigUint64(HEADER_HEAD, true));
    if (head < slotCapacity || head > Number.MAX_SAFE_INTEGER) throw poolError(name, BAD_HEAD);
    const framesPublished = head - slotCapacity;
    if (framesPublished === 0) return { header, framesPublished, publishedNs: null, timestampNs: null };
    const position = head - 1;
    const slot = readBytes(system, name, fd, slotsOffset + (position % slotCapacity) * SLOT_BYTES, SLOT_BYTES);
    const done = slot.getBigUint64(SLOT_STAMP, true) === 2n * BigInt(position) + 2n;
    // A producer that laps every look has left the times of a frame that is only newer.
    if (!done && looks < MAX_LOOKS) continue;
    const publishedNs = slot.getBigInt64(SLOT_PUBLISHED_NS, true);
    return { header, framesPublished, publishedNs, timestampNs: slot.getBigInt64(SLOT_TIMESTAMP_NS, true) };
  }
}

function producerInfo(header: DataView, alive: boolean): ProducerInfo {
  const count = (field: number) => Number(header.getBigUint64(field, true));
  return {
    alive,
    pid: header.getUint32(HEADER_PRODUCER_PID, true),
    epoch: header.getUint32(HEADER_PRODUCER_EPOCH, true),
    onPinned: POLICIES[header.getUint32(HEADER_ON_PINNED, true)] ?? null,
    sinceNs: header.getBigInt64(HEADER_PRODUCER_SINCE_NS, true),
    periodMs: count(HEADER_PERIOD_NS) / 1e6 || null,
    framesRefused: count(HEADER_FRAMES_REFUSED),
    framesOverrun: count(HEADER_FRAMES_OVERRUN),
    waits: count(HEADER_WAITS),
  };
}

function consumersOf(system: System, fd: number, table: DataView, slotCapacity: number, framesPublished: number): ConsumerInfo[] {
  const consumers: ConsumerInfo[] = [];
  for (let index = 0; (index + 1) * CONSUMER_BYTES <= table.byteLength; index++) {
    const entry = new DataView(table.buffer, index * CONSUMER_BYTES, CONSUMER_BYTES);
    const alive = system.isLocked(fd, LOCK_CONSUMERS + index);
    // The lock decides; an entry without one that was not given back tells of a death.
    if (!alive && entry.getUint32(CONSUMER_STATE, true) !== CONSUMER_ACTIVE) continue;
    const position = Number(entry.getBigUint64(CONSUMER_LAST_POSITION, true));
    const taken = position >= slotCapacity && position <= Number.MAX_SAFE_INTEGER;
    const lastSequence = taken ? position - slotCapacity : null;
    const kind = entry.getUint32(CONSUMER_DOORBELL_KIND, true);
    consumers.push({
      index,
      alive,
      pid: entry.getUint32(CONSUMER_PID, true),
      delivery: entry.getUint32(CONSUMER_DELIVERY, true) === DELIVERY_ALL ? 'all' : 'latest',
      sinceNs: entry.getBigInt64(CONSUMER_SINCE_NS, true),
      lastSequence,
      lag: lastSequence === null ? null : Math.max(0, framesPublished - 1 - lastSequence),
      framesTaken: Number(entry.getBigUint64(CONSUMER_FRAMES_TAKEN, true)),
      framesMissed: Number(entry.getBigUint64(CONSUMER_FRAMES_MISSED, true)),
      holdsViews: entry.getBigUint64(CONSUMER_VIEW_PIN, true) !== NO_PIN,
      holdsFrames: entry.getBigUint64(CONSUMER_HOLD_PIN, true) !== NO_PIN,
      wakes: kind === DOORBELL_FILE ? 'doorbell' : kind === DOORBELL_FUTEX ? 'futex' : null,
    });
  }
  return consumers;
}

function doorbellsOf(name: string, files: readonly string[], table: DataView, poolId: bigint): DoorbellInfo[] {
  const owners = new Map<string, number>();
  for (let index = 0; (index + 1) * CONSUMER_BYTES <= table.byteLength; index++) {
    const id = table.getBigUint64(index * CONSUMER_BYTES + CONSUMER_DOORBELL_ID, true);
    if (id !== 0n) owners.set(doorbellName(name, id), index);
  }
  // The one that bears the pool's id is the producer's own.
  const consumers = files.filter((file) => poolOfDoorbell(file) === name && file !== doorbellName(name, poolId));
  return consumers.map((file) => ({ file, consumer: owners.get(file) ?? null }));
}

/** The pool whose consumers' FIFOs have such a name, or null if it is no FIFO's. The id is the last part: pools may have dots. */
export function poolOfDoorbell(file: string): string | null {
  return /^tensoripc-bell\.([A-Za-z0-9_.-]{1,200})\.[0-9a-f]{16}$/.exec(file)?.[1] ?? null;
}
