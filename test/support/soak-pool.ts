// What the soak's parent knows of one pool: the objects that have stood under its name, how far each got, and who died when. It looks
// at the objects' files from outside, through descriptors of its own.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import {
  HEADER_BYTES,
  HEADER_HEAD,
  HEADER_LAYOUT_VERSION,
  HEADER_POOL_ID,
  HEADER_PRODUCER_STATE,
  HEADER_SLOT_CAPACITY,
  PRODUCER_CLOSED,
} from '../../assembly/layout';

interface PoolObject {
  readonly fd: number;
  readonly pool: number;
  readonly words: number;
}

interface Header {
  readonly pool: number;
  readonly ready: boolean;
  readonly closed: boolean;
  readonly next: number;
}

function readHeader(fd: number): Header | null {
  const bytes = Buffer.alloc(HEADER_BYTES);
  if (readSync(fd, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return null;
  return {
    pool: bytes.readUInt32LE(HEADER_POOL_ID),
    ready: bytes.readUInt32LE(HEADER_LAYOUT_VERSION) !== 0,
    closed: bytes.readUInt32LE(HEADER_PRODUCER_STATE) === PRODUCER_CLOSED,
    next: Number(bytes.readBigUInt64LE(HEADER_HEAD)) - bytes.readUInt32LE(HEADER_SLOT_CAPACITY),
  };
}

/** What the next producer must find. */
interface Expected {
  readonly pool: number;
  readonly next: number;
  readonly words: number;
}

/** A moment at which somebody was killed. */
export interface Death {
  readonly who: string;
  readonly step: string;
  readonly at: number;
}

export class PoolWatch {
  readonly deaths: Death[] = [];
  readonly #path: string;
  #current: PoolObject | null = null;
  #expected: Expected | null = null;
  /** Frames of each object that is gone, by its id. */
  readonly #finals = new Map<number, number>();
  producerDiedAt = 0;
  producerAlive = false;
  takeOvers = 0;
  objects = 0;

  constructor(readonly name: string) {
    this.#path = `/dev/shm/tensoripc.${name}`;
  }

  noteDeath(death: Death): void {
    this.deaths.push(death);
    if (this.deaths.length > 12) this.deaths.shift();
  }

  /** A producer says that it has opened the pool. What is wrong with where it goes on, or null. */
  opened(pool: number, next: number, words: number): string | null {
    this.producerAlive = true;
    const expected = this.#expected;
    this.#expected = null;
    const goesOn = this.#current?.pool === pool;
    if (goesOn) this.takeOvers += 1;
    else {
      this.objects += 1;
      this.#adopt(pool, words);
      if (next !== 0) return `a new object begins with frame ${next}`;
    }
    if (expected === null) return null;
    if (expected.words === words && !goesOn)
      return `the successor of frame ${expected.next - 1} made a new object of the same form`;
    if (goesOn && next !== expected.next)
      return `the successor goes on with ${next}, its predecessor's next was ${expected.next}`;
    return null;
  }

  #adopt(pool: number, words: number): void {
    this.#retire();
    let fd: number;
    try {
      fd = openSync(this.#path, 'r');
    } catch (error) {
      // The producer may have ended since it spoke.
      if ((error as { code?: string }).code === 'ENOENT') return;
      throw error;
    }
    if (readHeader(fd)?.pool === pool) this.#current = { fd, pool, words };
    else closeSync(fd);
  }

  #retire(): void {
    if (this.#current === null) return;
    const { fd, pool } = this.#current;
    const header = readHeader(fd);
    if (header !== null) this.#finals.set(pool, header.next);
    closeSync(fd);
    this.#current = null;
  }

  /** The producer's process is gone: what must its successor find? */
  producerEnded(at: number): void {
    this.producerAlive = false;
    this.producerDiedAt = at;
    this.#expected = null;
    if (this.#current === null) return;
    const { fd, words } = this.#current;
    const header = readHeader(fd);
    // Killed while it closed the pool: its readers have been told that it is over, and a successor may start afresh.
    if (header?.ready !== true || header.closed) return;
    try {
      if (statSync(this.#path).ino !== fstatSync(fd).ino) return;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return;
      throw error;
    }
    this.#expected = { pool: header.pool, next: header.next, words };
  }

  /** A lossless reader had its last frame of an object. What it missed, or null. */
  left(pool: number, sequence: number): string | null {
    const header = this.#current?.pool === pool ? readHeader(this.#current.fd) : null;
    const next = header?.next ?? this.#finals.get(pool);
    if (next === undefined || sequence === next - 1) return null;
    return `LOST: left object ${pool.toString(16)} after frame ${sequence}, the last one was ${next - 1}`;
  }

  close(): void {
    this.#retire();
  }
}
