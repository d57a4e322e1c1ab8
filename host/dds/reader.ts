import { Waiters } from '../endpoint/waiters';
import { TensorIpcError } from '../runtime/errors';
import { Emitter } from '../runtime/events';
import { checkOptions, optionNames } from '../runtime/options';
import { messageOf } from '../runtime/realm';
import { everyStep, runSteps } from '../runtime/steps';
import { platform } from '../runtime/system';
import type { DdsHandle, DdsLibrary, DdsSample } from './library';
import { unwatch, updateRef, watch } from './notify';
import { StatusWatch } from './status';
import type { DdsTopic } from './topic';

/** How many samples are delivered before the rest of the program has a turn. */
const BATCH = 64;

/** Writers that a reader has found, by whether they have given a sign of life in time. */
export interface DdsLiveliness {
  readonly alive: number;
  readonly notAlive: number;
}

/** Events of a reader, with the arguments of their listeners. */
export type DdsReaderEvents = {
  /** Samples arrived, and were taken for the listeners: at least one, the oldest first. */
  data: [samples: readonly DdsSample[]];
  /** Another number of writers is matched. Asked for every 200 ms, and when data arrives, while somebody listens. */
  matched: [writers: number];
  /** Writers have fallen silent, come back, or are others. Asked for likewise. */
  liveliness: [liveliness: DdsLiveliness];
};

/** How long to wait for a sample. */
export interface DdsNextOptions {
  /** Milliseconds after which the answer is null. Default: no limit. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when aborted. */
  readonly signal?: AbortSignal;
}

const NEXT_OPTIONS = optionNames<DdsNextOptions>({ timeoutMs: true, signal: true });

/** Reads samples of a topic. Every sample is given to one of those that take, wait or listen. Made by DdsParticipant.reader. */
export class DdsReader extends Emitter<DdsReaderEvents> {
  readonly topic: DdsTopic;
  /** @internal */
  readonly handle: DdsHandle;
  readonly #library: DdsLibrary;
  readonly #forget: () => void;
  readonly #matched: StatusWatch<number>;
  readonly #liveliness: StatusWatch<DdsLiveliness>;
  readonly #waiters = new Waiters<null, DdsSample | null>(updateRef);
  #waitset: DdsHandle | null = null;
  #watched = false;
  #scheduled = false;
  #keepAlive = true;
  #closed = false;
  // Samples that were there without waiting, since the event loop last had a turn.
  #immediate = 0;
  #maxBytes = Infinity;

  /** @internal */
  constructor(library: DdsLibrary, handle: DdsHandle, topic: DdsTopic, forget: () => void) {
    super();
    this.#library = library;
    this.handle = handle;
    this.topic = topic;
    this.#forget = forget;
    this.#matched = new StatusWatch(
      0,
      () => this.matchedWriters,
      (writers) => this.emit('matched', writers),
    );
    this.#liveliness = new StatusWatch<DdsLiveliness>(
      { alive: 0, notAlive: 0 },
      () => this.liveliness,
      (state) => this.emit('liveliness', state),
    );
  }

  get closed(): boolean {
    return this.#closed;
  }

  #check(): void {
    if (this.#closed) throw new TensorIpcError('CLOSED', `the reader of ${this.topic.name} is closed`);
  }

  /** What has arrived, the oldest first, without waiting: at most `max` samples. */
  take(max = Infinity): DdsSample[] {
    this.#check();
    return this.#library.take(this.handle, max, this.#maxBytes);
  }

  /** @internal From now on, samples of more bytes than this come without their data. Nothing of them is copied. */
  limitBytes(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** Writers that have been found, of this process too. Those that have fallen silent are not counted. */
  get matchedWriters(): number {
    this.#check();
    return this.#library.matchedWriters(this.handle);
  }

  get liveliness(): DdsLiveliness {
    this.#check();
    return this.#library.liveliness(this.handle);
  }

  /** Calls back with the samples that arrive. Returns how to stop. */
  onData(callback: (samples: readonly DdsSample[]) => void): () => void {
    const off = () => void this.off('data', callback);
    try {
      this.on('data', callback);
    } catch (error) {
      runSteps([off]);
      throw error;
    }
    return off;
  }

  /** The next sample: null when the time is over or the reader is closed. */
  async next(options: DdsNextOptions = {}): Promise<DdsSample | null> {
    const { timeoutMs = Infinity, signal } = checkOptions(options, NEXT_OPTIONS);
    this.#check();
    signal?.throwIfAborted();
    if (this.#waiters.size === 0) {
      // A reader that is always behind must not keep the event loop to itself.
      if (this.#immediate >= BATCH) {
        this.#immediate = 0;
        await platform().turn();
        signal?.throwIfAborted();
        if (this.#closed) return null;
      }
      const [sample] = this.take(1);
      if (sample !== undefined) {
        this.#immediate += 1;
        return sample;
      }
    }
    this.#immediate = 0;
    return timeoutMs <= 0 ? null : this.#wait(timeoutMs, signal);
  }

  /** Blocks the thread until there are samples to take: false when the time is over. */
  waitSync(timeoutMs = Infinity): boolean {
    this.#check();
    this.#waitset ??= this.#library.openWait(this.handle);
    return this.#library.wait(this.#waitset, timeoutMs);
  }

  #wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<DdsSample | null> {
    const sample = this.#waiters.wait(null, timeoutMs, signal, () => null);
    this.#watch();
    return sample;
  }

  /** Every sample, as it arrives, until the reader is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<DdsSample, void, undefined> {
    while (!this.#closed) {
      const sample = await this.next();
      if (sample === null) return;
      yield sample;
    }
  }

  // A reader that nobody waits for makes no wake-ups: programs that only take pay nothing for them.
  #watch(): void {
    if (!this.#watched) {
      watch(this.#library, this);
      this.#watched = true;
    }
    updateRef();
    // Whatever came before there was a listener has woken nobody.
    this.#lookSoon(Promise.resolve());
  }

  #lookSoon(when: Promise<void>): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    when.then(() => {
      this.#scheduled = false;
      this.look();
    });
  }

  /** @internal Data may have arrived. */
  look(): void {
    if (this.#closed) return;
    try {
      for (const waiter of this.#waiters) {
        const [sample] = this.take(1);
        if (sample === undefined) break;
        waiter.resolve(sample);
      }
      if (this.#waiters.size === 0 && this.listenerCount('data') > 0) {
        const samples = this.take(BATCH);
        if (samples.length === BATCH) this.#lookSoon(platform().turn());
        if (samples.length > 0) this.emit('data', samples);
      }
      // A listener may have closed it.
      if (this.#closed) return;
      this.#matched.look();
      this.#liveliness.look();
    } catch (error) {
      if (this.#waiters.size === 0) platform().warn(messageOf(error));
      this.#waiters.rejectAll(error);
    }
  }

  protected override listenersChanged(): void {
    if (this.#closed) return;
    const matched = this.listenerCount('matched') > 0;
    const liveliness = this.listenerCount('liveliness') > 0;
    this.#matched.setWanted(matched);
    this.#liveliness.setWanted(liveliness);
    if (this.listenerCount('data') > 0 || matched || liveliness) this.#watch();
    else updateRef();
  }

  /** @internal */
  get waiting(): boolean {
    return this.#keepAlive && (this.#waiters.size > 0 || this.listenerCount('data') > 0);
  }

  /** Waiting for data keeps the process alive (the default). */
  ref(): this {
    this.#keepAlive = true;
    updateRef();
    return this;
  }

  /** Lets the process end although somebody waits for data. */
  unref(): this {
    this.#keepAlive = false;
    updateRef();
    return this;
  }

  /** Leaves. Waiting ends: `next` gives null, loops end. */
  close(): void {
    if (this.#closed) return;
    const waitset = this.#waitset;
    everyStep([
      () => this.abandon(),
      () => waitset !== null && this.#library.delete(waitset),
      () => this.#library.delete(this.handle),
      () => this.gone(),
      this.#forget,
    ]);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal The participant deletes it. */
  abandon(): void {
    this.#closed = true;
    this.#matched.setWanted(false);
    this.#liveliness.setWanted(false);
    this.#waiters.resolveAll(null);
  }

  /** @internal After it has been deleted: no thread of Cyclone's wakes for it any more. */
  gone(): void {
    if (this.#watched) unwatch(this);
  }
}
