// The listening end of discovery: which native pools are announced in a domain, on this machine and on others.

import { Waiters } from '../endpoint/waiters';
import { TensorIpcError } from '../runtime/errors';
import { Emitter } from '../runtime/events';
import { messageOf } from '../runtime/realm';
import { everyStep, runSteps } from '../runtime/steps';
import { platform, type Timer } from '../runtime/system';
import {
  type Announcement,
  DISCOVERY_QOS,
  DISCOVERY_TOPIC,
  DISCOVERY_TYPE,
  decodeAnnouncement,
  MAX_ANNOUNCEMENT_BYTES,
} from './announcement';
import { BoundedCache } from './bounded-cache';
import type { DdsSample } from './library';
import { DdsParticipant, type DdsParticipantOptions } from './participant';
import type { DdsReader } from './reader';
import type { DdsTopic } from './topic';

/** More pools than any lab has, and more bytes about them; somebody who announces more than that means harm. */
const MAX_POOLS = 4096;
const MAX_BYTES = 8 * 1024 * 1024;
/** As many samples as the reader keeps. */
const TAKE_MOST = DISCOVERY_QOS.reader.maxSamples;
/**
 * Cyclone remembers every id of a writer that lives, at about a kilobyte each, whether it is wanted here or not. With so many the reader is
 * closed, which forgets them, and opened again after a while.
 */
const MAX_INSTANCES = 16_384;
const REST_MS = 10_000;
/** How long a pool that was known before then has to be heard of again. */
const RETURN_MS = 5000;
/** Rates over less time than this say little. */
const MIN_RATE_NS = 200_000_000n;
const DEFAULT_LIST_MS = 2500;

/** A pool that somebody announces. All of it is hearsay: nobody has looked at the pool, which may be on another machine. */
export interface AnnouncedPool extends Omit<Announcement, 'closed'> {
  /** Name of the pool. */
  readonly name: string;
  /** Frames a second, between the last two announcements (there is one every second); null before there are two. */
  readonly rateHz: number | null;
}

/** Events of a browser, with the arguments of their listeners. */
export type DdsPoolBrowserEvents = {
  /** A pool has appeared, or is described in another way than before. News of its frames alone is no event: see pools(). */
  pool: [pool: AnnouncedPool];
  /** Its producer has closed it, or has died or cannot be reached any more. */
  gone: [pool: AnnouncedPool, reason: 'closed' | 'died'];
};

/** An announcement, and where and when it came from. */
interface Known extends Pick<DdsSample, 'publication' | 'instance' | 'sourceTimestampNs'> {
  readonly pool: AnnouncedPool;
  readonly bytes: number;
  /** Which of this browser's readers heard of it last. */
  readonly reader: number;
}

type Wanted = (pool: AnnouncedPool) => boolean;

/**
 * Finds the native pools that are announced in a DDS domain (ProducerOptions.discovery). Keeps the process alive until it is closed,
 * unless it is told otherwise by unref().
 */
export class DdsPoolBrowser extends Emitter<DdsPoolBrowserEvents> implements Disposable {
  readonly #participant: DdsParticipant;
  readonly #topic: DdsTopic;
  // Null while it rests.
  #reader: DdsReader | null = null;
  #readers = 0;
  readonly #known = new BoundedCache<Known>(MAX_POOLS, MAX_BYTES);
  // The ids of those that are known, and null of the others, by what Cyclone calls their instances.
  readonly #instances = new Map<bigint, string | null>();
  readonly #waiters = new Waiters<Wanted, AnnouncedPool | null>(() => {});
  #pending: DdsSample[] = [];
  #taking = false;
  #ignored = 0;
  #keepAlive = true;
  #timer: Timer | null = null;
  #closed = false;

  /** @throws TensorIpcError MISSING_DEPENDENCY, DDS, INVALID_ARGUMENT, UNSUPPORTED_PLATFORM */
  constructor(options: DdsParticipantOptions = {}) {
    super();
    platform().system();
    this.#participant = DdsParticipant.shared(options);
    try {
      this.#topic = this.#participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
      this.#open();
    } catch (error) {
      runSteps([() => this.#participant.close()]);
      throw error;
    }
  }

  #open(): void {
    const reader = this.#participant.reader(this.#topic, DISCOVERY_QOS.reader);
    try {
      reader.limitBytes(MAX_ANNOUNCEMENT_BYTES);
      if (!this.#keepAlive) reader.unref();
      reader.onData((samples) => this.#take(samples));
    } catch (error) {
      // The participant may be others' as well.
      runSteps([() => reader.close()]);
      throw error;
    }
    this.#readers += 1;
    this.#reader = reader;
  }

  /** Somebody floods the topic. What is known stays so until it could have been heard of again. */
  #rest(): void {
    if (this.#readers === 1)
      platform().warn(
        `DDS domain ${this.domainId}: more than ${MAX_INSTANCES} pools are announced, so somebody floods it; listening with pauses of ${REST_MS / 1000} s`,
      );
    this.#reader?.close();
    this.#reader = null;
    this.#instances.clear();
    this.#wake(REST_MS);
  }

  /** Listens again. Where it cannot, it rests once more: nobody could catch what is thrown here. */
  #wake(delayMs: number): void {
    this.#after(delayMs, () => {
      if (this.closed) return;
      try {
        this.#open();
      } catch (error) {
        platform().warn(`DDS domain ${this.domainId}: cannot listen for pools now: ${messageOf(error)}`);
        this.#wake(REST_MS);
        return;
      }
      const reader = this.#readers;
      this.#after(RETURN_MS, () => {
        const lost = [...this.#known.values()].filter((known) => known.reader < reader);
        for (const { pool } of lost) this.#lose(pool.id, 'died');
      });
    });
  }

  #after(delayMs: number, callback: () => void): void {
    this.#timer?.stop();
    this.#timer = platform().after(delayMs, callback);
    this.#timer.setRef(this.#keepAlive);
  }

  get domainId(): number {
    return this.#participant.domainId;
  }

  get closed(): boolean {
    return this.#closed || this.#participant.closed;
  }

  /** Samples that could not be read, or were one too many, and have been ignored. */
  get ignored(): number {
    return this.#ignored;
  }

  /** The pools that are announced now, as far as is known, by name and host. Empty once the browser is closed. */
  pools(): AnnouncedPool[] {
    if (!this.closed && this.#reader !== null) this.#take(this.#reader.take(TAKE_MOST));
    const sortKey = ({ name, host, id }: AnnouncedPool) => `${name} ${host} ${id}`;
    return [...this.#known.values()].map(({ pool }) => pool).sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
  }

  /**
   * Waits until a pool is announced that is wanted (any, unless told): resolves with it, at once where it is known already; with null when
   * the time is over or the browser is closed. What `wanted` throws, it rejects with.
   */
  async wait(timeoutMs = Infinity, wanted: Wanted = () => true): Promise<AnnouncedPool | null> {
    const found = this.pools().find(wanted);
    if (found !== undefined || this.closed) return found ?? null;
    return this.#waiters.wait(wanted, timeoutMs, undefined, () => null);
  }

  /** In the order in which they came, also where a listener asks for pools() and so takes more of them. */
  #take(samples: readonly DdsSample[]): void {
    for (const sample of samples) this.#pending.push(sample);
    if (this.#taking) return;
    this.#taking = true;
    try {
      for (let at = 0; at < this.#pending.length; at++) {
        const sample = this.#pending[at] as DdsSample;
        // A sample with data may bring the news of its instance's end as well.
        if (sample.valid) this.#hear(sample);
        if (sample.state !== 'alive') this.#end(sample);
      }
    } finally {
      this.#pending = [];
      this.#taking = false;
    }
    if (this.#instances.size > MAX_INSTANCES && !this.closed) this.#rest();
  }

  /** Its instance has lost its writers, or somebody has disposed of it: who did not announce it has no say in that. */
  #end({ instance, state, publication }: DdsSample): void {
    const id = this.#instances.get(instance) ?? null;
    if (state === 'no-writers') this.#instances.delete(instance);
    const known = id === null ? undefined : this.#known.get(id);
    if (known === undefined || (state === 'disposed' && known.publication !== publication)) return;
    this.#lose(known.pool.id, state === 'disposed' ? 'closed' : 'died');
  }

  #hear(sample: DdsSample): void {
    const { instance, publication, sourceTimestampNs } = sample;
    const id = this.#instances.get(instance) ?? null;
    this.#instances.set(instance, id);
    const said = { publication, bytes: sample.data.byteLength };
    let announcement: Announcement;
    let before: Known | undefined;
    try {
      // Of somebody who floods it nothing is read.
      if (id === null && !this.#known.makeRoom(said, (known) => this.#forget(known))) throw ignored('too many pools');
      announcement = decodeAnnouncement(sample.data);
      before = this.#known.get(announcement.id);
      // Each run of a producer has one writer: another one that uses its id means harm.
      if (before !== undefined && before.publication !== publication) throw ignored("another producer's id");
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      this.#ignored += 1;
      return;
    }
    if (announcement.closed) {
      this.#lose(announcement.id, 'closed');
      return;
    }
    const { closed: _, ...rest } = announcement;
    const pool = { ...rest, name: announcement.metadata.name, rateHz: rate(before, announcement, sample) };
    this.#instances.set(instance, pool.id);
    this.#known.set(pool.id, { ...said, instance, pool, sourceTimestampNs, reader: this.#readers });
    if (before !== undefined && description(before.pool) === description(pool)) return;
    this.emit('pool', pool);
    for (const waiter of this.#waiters) {
      try {
        if (waiter.what(pool)) waiter.resolve(pool);
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  #lose(id: string, reason: 'closed' | 'died'): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.delete(id);
    this.#forget(known, reason);
  }

  #forget({ pool, instance }: Known, reason: 'closed' | 'died' = 'died'): void {
    if (this.#instances.get(instance) === pool.id) this.#instances.set(instance, null);
    this.emit('gone', pool, reason);
  }

  /** An open browser keeps the process alive (the default). */
  ref(): this {
    return this.#setKeepAlive(true);
  }

  /** Lets the process end although the browser is open. */
  unref(): this {
    return this.#setKeepAlive(false);
  }

  #setKeepAlive(keepAlive: boolean): this {
    this.#keepAlive = keepAlive;
    this.#timer?.setRef(keepAlive);
    if (keepAlive) this.#reader?.ref();
    else this.#reader?.unref();
    return this;
  }

  /** Leaves. There are no events any more, and those that wait get null. */
  close(): void {
    this.#known.clear();
    this.#instances.clear();
    this.#pending = [];
    this.#timer?.stop();
    this.#waiters.resolveAll(null);
    if (this.closed) return;
    this.#closed = true;
    everyStep([() => this.#reader?.close(), () => this.#participant.close()]);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function ignored(why: string): TensorIpcError {
  return new TensorIpcError('CORRUPT_OBJECT', why);
}

/** What does not change while a producer lives, if it is honest. */
function description({ framesPublished: _, rateHz: __, ...lasting }: AnnouncedPool): string {
  return JSON.stringify(lasting);
}

/** By the writer's clock: it wrote both. Two that come close together leave the rate as it was. */
function rate(before: Known | undefined, { framesPublished }: Announcement, sample: DdsSample): number | null {
  if (before === undefined || before.publication !== sample.publication) return null;
  const elapsedNs = sample.sourceTimestampNs - before.sourceTimestampNs;
  const frames = framesPublished - before.pool.framesPublished;
  if (elapsedNs < MIN_RATE_NS || frames < 0) return before.pool.rateHz;
  return frames / (Number(elapsedNs) / 1e9);
}

/**
 * The pools that are announced in a domain, after having listened for so long. In less than about two seconds not all of them can have
 * a rate.
 *
 * @throws TensorIpcError MISSING_DEPENDENCY, DDS, INVALID_ARGUMENT, UNSUPPORTED_PLATFORM
 */
export async function listAnnounced(domainId = 0, timeoutMs = DEFAULT_LIST_MS): Promise<AnnouncedPool[]> {
  using browser = new DdsPoolBrowser({ domainId });
  await new Promise<void>((resolve) => void platform().after(timeoutMs, resolve));
  return browser.pools();
}
