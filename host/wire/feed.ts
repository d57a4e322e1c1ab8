// What a Python pool's producer tells over DDS: what the pool is, and which slot has the newest frame.

import type { DdsSample } from '../dds/library';
import { DdsParticipant } from '../dds/participant';
import { POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../dds/pool-types';
import type { DdsLiveliness, DdsReader } from '../dds/reader';
import type { Bell, System } from '../system';
import { metadataTopic, progressTopic } from './form';
import { type Announcement, decodeMetadata, decodeProgress } from './messages';

/**
 * A frame is written, its locks are posted, and then it is told of. So one frame may lie in its slot untold; after this long it would have
 * been told of.
 */
const NOTICE_GRACE_MS = 1;
const NOTICE_LOOK_MS = 0.05;

export class WireFeed {
  readonly #system: System;
  readonly #pool: string;
  readonly #participant: DdsParticipant;
  readonly #metadata: DdsReader;
  readonly #progress: DdsReader;
  readonly #sleepWord = new Int32Array(1);
  #announcement: Announcement | null = null;
  // Notices that came before it was known how long the ring is.
  #early: { slot: number; timestampNs: bigint }[] = [];
  #historyLen = 0;
  #slot = -1;
  #sequence = -1;
  #timestampNs = 0n;
  #over = false;

  constructor(system: System, pool: string, domainId: number) {
    this.#system = system;
    this.#pool = pool;
    this.#participant = DdsParticipant.shared({ domainId });
    try {
      const metadata = this.#participant.topic(metadataTopic(pool), POOL_METADATA_TYPE);
      const progress = this.#participant.topic(progressTopic(pool), POOL_PROGRESS_TYPE);
      this.#metadata = this.#participant.reader(metadata, POOL_QOS.metadataReader);
      this.#progress = this.#participant.reader(progress, POOL_QOS.progressReader);
    } catch (error) {
      this.#participant.close();
      throw error;
    }
  }

  /** What the pool is, by its producer's last word. */
  get announcement(): Announcement | null {
    return this.#announcement;
  }

  /** Slot of the newest frame, or -1. */
  get slot(): number {
    return this.#slot;
  }

  /** Number of the newest frame, or -1. The wire has none: this is the reader's own count of notices, in which laps are guessed. */
  get sequence(): number {
    return this.#sequence;
  }

  /** When the newest frame was told of, on CLOCK_MONOTONIC. */
  get timestampNs(): bigint {
    return this.#timestampNs;
  }

  /** Whether the last producer has left. */
  get over(): boolean {
    return this.#over;
  }

  /** Producers that have been found. */
  get producers(): number {
    return this.#progress.closed ? 0 : this.#progress.matchedWriters;
  }

  get liveliness(): DdsLiveliness {
    return this.#progress.liveliness;
  }

  /** Takes in what has arrived. Throws CORRUPT_OBJECT when it cannot be read. */
  poll(): void {
    if (this.#participant.closed || this.#metadata.closed) return;
    this.#takeMetadata(this.#metadata.take());
    this.#takeProgress(this.#progress.take());
  }

  #takeMetadata(samples: readonly DdsSample[]): void {
    for (const { valid, data } of samples) if (valid) this.#announcement = decodeMetadata(this.#pool, data);
  }

  #takeProgress(samples: readonly DdsSample[]): void {
    for (const { valid, state, data, sourceTimestampNs } of samples) {
      if (valid) {
        this.#over = false;
        this.#notice(decodeProgress(this.#pool, data), sourceTimestampNs);
      } else if (state !== 'alive') {
        this.#over = true;
      }
    }
  }

  #notice(slot: number, sourceTimestampNs: bigint): void {
    // By the clock of the message, which is CLOCK_REALTIME, carried over to the one of all timestamps.
    const timestampNs = sourceTimestampNs - this.#system.realtimeNs() + this.#system.monotonicNs();
    if (this.#historyLen === 0) this.#early.push({ slot, timestampNs });
    else this.#count(slot, timestampNs);
  }

  #count(slot: number, timestampNs: bigint): void {
    const lap = this.#historyLen;
    // Of a pool of another form: its producer is not the one that was attached to.
    if (slot >= lap) return;
    // A reader that comes late cannot know how many laps there were: enough that nothing is padding.
    if (this.#sequence < 0) this.#sequence = slot === 0 ? 0 : slot + lap;
    else this.#sequence += ((slot - this.#slot + lap - 1) % lap) + 1;
    this.#slot = slot;
    this.#timestampNs = timestampNs;
  }

  /** From now on slots are counted. */
  begin(historyLen: number): void {
    this.#historyLen = historyLen;
    this.#over = false;
    for (const { slot, timestampNs } of this.#early) this.#count(slot, timestampNs);
    this.#early = [];
  }

  /** The pool is over: what comes next is another's. */
  forget(): void {
    this.#announcement = null;
    this.#early = [];
    this.#historyLen = 0;
    this.#slot = -1;
    this.#sequence = -1;
    this.#over = false;
  }

  /**
   * Looks whether frames came, and where frame `critical` is the next one waits for its notice for an instant.
   *
   * @returns Whether frame `critical` or a later one is there.
   */
  pollFor(critical: number): boolean {
    this.poll();
    if (this.#sequence + 1 !== critical) return this.#sequence >= critical;
    const deadline = performance.now() + NOTICE_GRACE_MS;
    do {
      this.#sleep(NOTICE_LOOK_MS);
      this.poll();
    } while (this.#sequence < critical && performance.now() < deadline);
    return this.#sequence >= critical;
  }

  #sleep(ms: number): void {
    this.#system.futexWait(this.#system.addressOf(this.#sleepWord), 0, ms); // nobody wakes it
  }

  /** Blocks the thread until something arrives: false when the time is over. */
  waitSync(timeoutMs: number): boolean {
    return this.#progress.waitSync(timeoutMs);
  }

  /** Calls back when something has arrived. What it is has been taken in by then. */
  listen(onRing: () => void): Bell {
    const stop = [
      this.#metadata.onData((samples) => {
        this.#takeMetadata(samples);
        onRing();
      }),
      this.#progress.onData((samples) => {
        this.#takeProgress(samples);
        onRing();
      }),
    ];
    const setRef = (ref: boolean) => {
      for (const reader of [this.#metadata, this.#progress])
        if (ref) reader.ref();
        else reader.unref();
    };
    setRef(false);
    return {
      setRef,
      close: () => {
        for (const off of stop) off();
      },
    };
  }

  close(): void {
    this.#metadata.close();
    this.#progress.close();
    this.#participant.close();
  }
}
