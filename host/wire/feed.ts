// What a Python pool's producer tells over DDS: what the pool is, and which slot has the newest frame.

import type { DdsSample } from '../dds/library';
import { DdsParticipant } from '../dds/participant';
import { POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../dds/pool-types';
import type { DdsLiveliness, DdsReader } from '../dds/reader';
import { steadyMs } from '../runtime/clock';
import { everyStep, runSteps } from '../runtime/steps';
import type { Doorbell, System } from '../runtime/system';
import { metadataTopic, progressTopic } from './form';
import { type Announcement, decodeMetadata, MAX_METADATA_BYTES, MAX_PROGRESS_BYTES } from './messages';
import { type Pace, PaceKeeper } from './pace';
import { ProgressReader } from './progress';

/** How long a clock that was set may go unnoticed. */
const CLOCK_INTERVAL_MS = 1000;
/** How often somebody hears that what arrives cannot be read: with each look, it would keep him from what can. */
const FAULT_INTERVAL_MS = 1000;
/** Notices that are kept while their ring is not known: as many as the reader does. */
const MAX_UNCOUNTED = 10;
/** A first notice that comes so long after this reader began to listen is its producer's first: an earlier one would have been given at once. */
const FIRST_NS = 1_000_000_000n;
/** Frames of which it is kept when they were told of. */
const KEPT_TIMES = 32;
/** How much earlier than the notice itself one may claim to be that repeats it, for readers that have come since (late-joiners.ts). */
const REPEATED_NS = 5_000_000n;

export class WireFeed {
  readonly #system: System;
  readonly #pool: string;
  readonly #participant: DdsParticipant;
  readonly #metadata: DdsReader;
  readonly #progress: DdsReader;
  readonly #progressOf: ProgressReader;
  readonly #sleepWord = new Int32Array(1);
  // From CLOCK_REALTIME to CLOCK_MONOTONIC, and when that was last looked up.
  #clockOffsetNs = 0n;
  #clockLookedMs = -Infinity;
  #announcement: Announcement | null = null;
  // Notices of which it is not known yet how long their ring is, or whether it is the one that is attached to; all of one producer.
  #uncounted: { slot: number; timestampNs: bigint }[] = [];
  // Who spoke last, as DDS numbers writers.
  #speaker = 0n;
  // And what, and when by its own clock.
  #saidSlot = -1;
  #saidNs = 0n;
  #stranger = false;
  // What arrived and could not be read, until somebody hears of it.
  #fault: unknown = null;
  #faultMs = -Infinity;
  #onRing: (() => void) | null = null;
  #ringing = false;
  #historyLen = 0;
  #slot = -1;
  #sequence = -1;
  #timestampNs = 0n;
  // Whether it has yet to be judged how many laps there were before the first notice that was heard; when that was said, and when this
  // reader began to listen.
  #lapUnknown = false;
  #firstNs = 0n;
  #begunNs = 0n;
  #touched: (slot: number) => boolean = () => true;
  // When the latest frames were told of, and which they are.
  readonly #timesOf = new Float64Array(KEPT_TIMES).fill(-1);
  readonly #times = new BigInt64Array(KEPT_TIMES);
  readonly #startedNs: bigint;
  readonly #pace = new PaceKeeper();
  #departed = false;

  constructor(system: System, pool: string, domainId: number) {
    this.#system = system;
    this.#startedNs = system.monotonicNs();
    this.#pool = pool;
    this.#progressOf = new ProgressReader(pool);
    this.#participant = DdsParticipant.shared({ domainId });
    let metadataReader: DdsReader | null = null;
    try {
      const metadata = this.#participant.topic(metadataTopic(pool), POOL_METADATA_TYPE);
      const progress = this.#participant.topic(progressTopic(pool), POOL_PROGRESS_TYPE);
      metadataReader = this.#participant.reader(metadata, POOL_QOS.metadataReader);
      this.#metadata = metadataReader;
      // Reliable, unlike the package's: what was told before a reader came is given to reliable ones only, and idle producers tell no more.
      this.#progress = this.#participant.reader(progress, { ...POOL_QOS.progressReader, reliability: 'reliable' });
      this.#metadata.limitBytes(MAX_METADATA_BYTES);
      this.#progress.limitBytes(MAX_PROGRESS_BYTES);
    } catch (error) {
      // The participant may be others' as well.
      runSteps([() => metadataReader?.close(), () => this.#participant.close()]);
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

  get pace(): Pace {
    return this.#pace.pace;
  }

  /** How long ago the newest frame was told of: when it was said, not when it was heard. */
  get silentMs(): number {
    return Number(this.#system.monotonicNs() - this.#timestampNs) / 1e6;
  }

  /** Whether somebody has spoken since `begin` or `settle` who had not before: of which pool is not known yet. */
  get stranger(): boolean {
    return this.#stranger;
  }

  /** Whether a producer has left, and nobody has spoken since. It may be an earlier one, which DDS has given up only now. */
  get departed(): boolean {
    return this.#departed;
  }

  /** Whether the last producer has left. */
  get over(): boolean {
    return this.#departed && this.producers === 0;
  }

  /** Now, on the clock of `toldMs`. */
  get nowMs(): number {
    return Number(this.#system.monotonicNs() - this.#startedNs) / 1e6;
  }

  /** When a frame was told of, ms since this reader is there; NaN where that is not known, or not any more. */
  toldMs(sequence: number): number {
    const at = sequence % KEPT_TIMES;
    return this.#timesOf[at] === sequence ? Number((this.#times[at] as bigint) - this.#startedNs) / 1e6 : NaN;
  }

  /** When a frame was told of, on CLOCK_MONOTONIC; of one of which that is not known, when the newest was. */
  timestampOf(sequence: number): bigint {
    const at = sequence % KEPT_TIMES;
    return this.#timesOf[at] === sequence ? (this.#times[at] as bigint) : this.#timestampNs;
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
    const metadata = this.#metadata.take();
    if (metadata.length > 0) {
      this.#takeMetadata(metadata);
      this.#ringSoon();
    }
    this.pollProgress();
  }

  /** Takes in the notices that have arrived. */
  pollProgress(): void {
    if (this.#participant.closed || this.#progress.closed) return;
    const progress = this.#progress.take();
    if (progress.length > 0) {
      this.#takeProgress(progress);
      this.#ringSoon();
    } else this.#guessLap();
    this.raise();
  }

  /** Those who wait on the event loop would not hear of what somebody else has taken. */
  #ringSoon(): void {
    if (this.#onRing === null || this.#ringing) return;
    this.#ringing = true;
    // A promise, not queueMicrotask: fake timers replace that. What the callback throws is as unhandled either way.
    Promise.resolve().then(() => {
      this.#ringing = false;
      this.#onRing?.();
    });
  }

  /** Throws what arrived and could not be read, once. Not where it arrives: there nobody could catch it. */
  raise(): void {
    if (this.#fault === null) return;
    const fault = this.#fault;
    this.#fault = null;
    throw fault;
  }

  /** Whoever may write to a topic may write anything: what cannot be read does not stand before what can. */
  #read(decode: () => void): void {
    try {
      decode();
    } catch (error) {
      const nowMs = steadyMs();
      if (nowMs - this.#faultMs < FAULT_INTERVAL_MS) return;
      this.#faultMs = nowMs;
      this.#fault = error;
    }
  }

  #takeMetadata(samples: readonly DdsSample[]): void {
    for (const { valid, data, state } of samples) {
      if (valid) {
        this.#read(() => {
          this.#announcement = decodeMetadata(this.#pool, data);
        });
      }
      // Of a producer that has left: its pool is not the next one under the name.
      if (state !== 'alive' && this.#metadata.matchedWriters === 0) this.#announcement = null;
    }
  }

  #takeProgress(samples: readonly DdsSample[]): void {
    for (const sample of samples) {
      // Said of the sample itself where it had not been taken yet when its writer left.
      this.#departed = sample.state !== 'alive';
      if (sample.valid) this.#read(() => this.#notice(this.#progressOf.slot(sample.data), sample));
    }
    this.#guessLap();
  }

  #notice(slot: number, { publication, sourceTimestampNs }: DdsSample): void {
    const sinceNs = sourceTimestampNs - this.#saidNs;
    if (publication === this.#speaker && slot === this.#saidSlot && sinceNs <= 0n && sinceNs > -REPEATED_NS) return;
    this.#saidSlot = slot;
    this.#saidNs = sourceTimestampNs;
    const timestampNs = sourceTimestampNs + this.#clockOffset();
    if (publication !== this.#speaker) {
      // Perhaps of the next ring: then these notices are what is known of it.
      this.#stranger = this.#historyLen !== 0;
      this.#speaker = publication;
      this.#uncounted = [];
    }
    if (this.#historyLen !== 0 && !this.#stranger) {
      this.#count(slot, timestampNs);
      return;
    }
    if (this.#uncounted.length === MAX_UNCOUNTED) this.#uncounted.shift();
    this.#uncounted.push({ slot, timestampNs });
  }

  /**
   * The clock of messages is CLOCK_REALTIME; this carries it over to the one of all timestamps. Both are slewed alike, so that only a
   * clock that is set changes it.
   */
  #clockOffset(): bigint {
    const nowMs = steadyMs();
    if (nowMs - this.#clockLookedMs > CLOCK_INTERVAL_MS) {
      this.#clockLookedMs = nowMs;
      this.#clockOffsetNs = this.#system.monotonicNs() - this.#system.realtimeNs();
    }
    return this.#clockOffsetNs;
  }

  #count(slot: number, timestampNs: bigint): void {
    const lap = this.#historyLen;
    // Of a pool of another form: its producer is not the one that was attached to.
    if (slot >= lap) return;
    if (this.#sequence < 0) {
      this.#sequence = slot;
      this.#lapUnknown = true;
      this.#firstNs = timestampNs;
    } else {
      const frames = ((slot - this.#slot + lap - 1) % lap) + 1;
      this.#sequence += frames;
      this.#pace.add(Number(timestampNs - this.#timestampNs) / 1e6 / frames);
    }
    this.#slot = slot;
    this.#timestampNs = timestampNs;
    this.#note();
  }

  #note(): void {
    const at = this.#sequence % KEPT_TIMES;
    this.#timesOf[at] = this.#sequence;
    this.#times[at] = this.#timestampNs;
  }

  /**
   * The wire does not say how many laps there were. A reader that was there before the first frame knows, and so does one that finds a
   * slot that nobody has locked so far; any other counts one, so that none of the frames that it is given is taken for padding.
   */
  #guessLap(): void {
    if (!this.#lapUnknown) return;
    let touched: boolean;
    try {
      touched = !this.#untouched();
    } catch (error) {
      // Nobody could catch it here. It is looked at once more with what arrives next.
      this.#fault ??= error;
      return;
    }
    this.#lapUnknown = false;
    const lap = this.#historyLen;
    // A full ring has no padding.
    if (this.#sequence >= lap - 1) return;
    const first = this.#firstNs - this.#begunNs > FIRST_NS && this.#sequence === this.#slot && this.#slot === 0;
    if (!first && touched) {
      this.#sequence += lap;
      this.#note();
    }
  }

  /** Whether there is a slot beyond the newest that nobody has locked. Looked at from the end: what is locked there was come to last. */
  #untouched(): boolean {
    for (let slot = this.#historyLen - 1; slot > this.#slot; slot--) if (!this.#touched(slot)) return true;
    return false;
  }

  /**
   * From now on slots are counted.
   *
   * @param touched Whether anybody has locked a slot since it is there.
   */
  begin(historyLen: number, touched: (slot: number) => boolean): void {
    this.#historyLen = historyLen;
    this.#touched = touched;
    this.#begunNs = this.#system.monotonicNs();
    this.#departed = false;
    this.settle();
  }

  /** What was announced is not there. */
  disbelieve(): void {
    this.#announcement = null;
  }

  /** Whoever speaks does so of the pool that is attached. */
  settle(): void {
    this.#stranger = false;
    for (const { slot, timestampNs } of this.#uncounted) this.#count(slot, timestampNs);
    this.#uncounted = [];
    this.#guessLap();
  }

  /**
   * The pool is over: what comes next is another's.
   *
   * @param keepAnnouncement Whether what was announced last is of the next one.
   */
  forget(keepAnnouncement: boolean): void {
    if (!keepAnnouncement) this.#announcement = null;
    if (!this.#stranger) this.#uncounted = [];
    this.#stranger = false;
    this.#historyLen = 0;
    this.#slot = -1;
    this.#sequence = -1;
    this.#lapUnknown = false;
    this.#departed = false;
    this.#timesOf.fill(-1);
    this.#pace.forget();
  }

  /** A short sleep that nobody ends. */
  sleep(ms: number): void {
    this.#system.futexWait(this.#system.addressOf(this.#sleepWord), 0, ms);
  }

  /** Blocks the thread until something arrives: false when the time is over. */
  waitSync(timeoutMs: number): boolean {
    return this.#progress.waitSync(timeoutMs);
  }

  /** Calls back when something has arrived. What it is has been taken in by then. */
  listen(onRing: () => void): Doorbell {
    this.#onRing = onRing;
    const stop: (() => void)[] = [];
    const close = () => {
      this.#onRing = null;
      everyStep(stop);
    };
    try {
      stop.push(
        this.#metadata.onData((samples) => {
          this.#takeMetadata(samples);
          onRing();
        }),
      );
      stop.push(
        this.#progress.onData((samples) => {
          this.#takeProgress(samples);
          onRing();
        }),
      );
    } catch (error) {
      runSteps([close]);
      throw error;
    }
    const setRef = (ref: boolean) => {
      for (const reader of [this.#metadata, this.#progress])
        if (ref) reader.ref();
        else reader.unref();
    };
    setRef(false);
    return { setRef, close };
  }

  close(): void {
    everyStep([() => this.#metadata.close(), () => this.#progress.close(), () => this.#participant.close()]);
  }
}
