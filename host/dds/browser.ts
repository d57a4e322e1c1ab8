// The listening end of discovery: which native pools are announced in a domain, on this machine and on others.

import { Waiters } from '../endpoint/waiters';
import { TensorIpcError } from '../runtime/errors';
import { Emitter } from '../runtime/events';
import { platform } from '../runtime/system';
import { type Announcement, DISCOVERY_QOS, DISCOVERY_TOPIC, DISCOVERY_TYPE, decodeAnnouncement } from './announcement';
import type { DdsSample } from './library';
import { DdsParticipant, type DdsParticipantOptions } from './participant';
import type { DdsReader } from './reader';

/** More pools than any lab has; somebody who announces more than that means harm. */
const MAX_POOLS = 4096;
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
interface Known extends Pick<DdsSample, 'publication' | 'sourceTimestampNs'> {
  readonly pool: AnnouncedPool;
}

type Wanted = (pool: AnnouncedPool) => boolean;

/**
 * Finds the native pools that are announced in a DDS domain (ProducerOptions.discovery). Keeps the process alive until it is closed,
 * unless it is told otherwise by unref().
 */
export class DdsPoolBrowser extends Emitter<DdsPoolBrowserEvents> implements Disposable {
  readonly #participant: DdsParticipant;
  readonly #reader: DdsReader;
  readonly #known = new Map<bigint, Known>();
  readonly #waiters = new Waiters<Wanted, AnnouncedPool | null>(() => {});
  #pending: DdsSample[] = [];
  #taking = false;
  #ignored = 0;

  /** @throws TensorIpcError MISSING_DEPENDENCY, DDS, INVALID_ARGUMENT, UNSUPPORTED_PLATFORM */
  constructor(options: DdsParticipantOptions = {}) {
    super();
    platform().system();
    this.#participant = DdsParticipant.shared(options);
    try {
      const topic = this.#participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
      this.#reader = this.#participant.reader(topic, DISCOVERY_QOS.reader);
      this.#reader.onData((samples) => this.#take(samples));
    } catch (error) {
      this.#participant.close();
      throw error;
    }
  }

  get domainId(): number {
    return this.#participant.domainId;
  }

  get closed(): boolean {
    return this.#reader.closed;
  }

  /** Samples that could not be read, or were one too many, and have been ignored. */
  get ignored(): number {
    return this.#ignored;
  }

  /** The pools that are announced now, as far as is known, by name and host. Empty once the browser is closed. */
  pools(): AnnouncedPool[] {
    if (!this.closed) this.#take(this.#reader.take());
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
        if (sample.state !== 'alive') this.#lose(sample.instance, sample.state === 'disposed' ? 'closed' : 'died');
      }
    } finally {
      this.#pending = [];
      this.#taking = false;
    }
  }

  #hear(sample: DdsSample): void {
    const before = this.#known.get(sample.instance);
    let announcement: Announcement;
    try {
      if (before === undefined && this.#known.size >= MAX_POOLS) throw new TensorIpcError('CORRUPT_OBJECT', 'too many pools');
      announcement = decodeAnnouncement(sample.data);
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      this.#ignored += 1;
      return;
    }
    if (announcement.closed) {
      this.#lose(sample.instance, 'closed');
      return;
    }
    const { closed: _, ...rest } = announcement;
    const pool = { ...rest, name: announcement.metadata.name, rateHz: rate(before, announcement, sample) };
    const { instance, publication, sourceTimestampNs } = sample;
    this.#known.set(instance, { pool, publication, sourceTimestampNs });
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

  #lose(instance: bigint, reason: 'closed' | 'died'): void {
    const known = this.#known.get(instance);
    if (known === undefined) return;
    this.#known.delete(instance);
    this.emit('gone', known.pool, reason);
  }

  /** An open browser keeps the process alive (the default). */
  ref(): this {
    this.#reader.ref();
    return this;
  }

  /** Lets the process end although the browser is open. */
  unref(): this {
    this.#reader.unref();
    return this;
  }

  /** Leaves. There are no events any more, and those that wait get null. */
  close(): void {
    this.#known.clear();
    this.#pending = [];
    this.#waiters.resolveAll(null);
    if (this.#reader.closed) return;
    try {
      this.#reader.close();
    } finally {
      this.#participant.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
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
