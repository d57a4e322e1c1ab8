// The demo's consumer processes: each reads the pool in one way and keeps the score.

import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { type Frame, monotonicNs, TensorConsumer, type View } from '../../entry/main';
import { CliError } from '../command';
import type { Channel } from './channel';
import { Histogram } from './histogram';
import { type ConsumerConfig, type ConsumerReport, type FromConsumer, type Mode, type ToConsumer, WINDOW_LEN } from './messages';

const CONNECT_TIMEOUT_MS = 5000;
/** So long the last frames may take to arrive. */
const FINISH_TIMEOUT_MS = 5000;
const PROGRESS_INTERVAL_MS = 200;

export async function runConsumer(config: ConsumerConfig, channel: Channel<ToConsumer, FromConsumer>): Promise<void> {
  using consumer = TensorConsumer.attach<Uint8Array>(config.pool);
  await connected(consumer);
  using score = new Score(config);
  const over = new AbortController();
  let wanted: number | null = null;
  const look = () => {
    if (wanted !== null && score.last >= wanted) over.abort();
  };
  channel.orphaned.addEventListener('abort', () => over.abort());
  channel.listen(({ nextSequence }) => {
    if (nextSequence === null) return over.abort();
    wanted = nextSequence - 1;
    look();
    setTimeout(() => over.abort(), FINISH_TIMEOUT_MS).unref();
  });
  const reading = readFrames(config.mode, consumer, over.signal, (frame, newest) => {
    score.take(frame, newest);
    look();
  });
  // The loop is waiting by now: from here on no frame escapes it unnoticed.
  channel.send({ type: 'attached' });
  const progress = setInterval(() => channel.send(score.progress()), PROGRESS_INTERVAL_MS);
  try {
    await reading;
  } finally {
    clearInterval(progress);
  }
  channel.send(score.progress());
  channel.send(score.report(wanted));
}

function connected(consumer: TensorConsumer<Uint8Array>): Promise<void> {
  if (consumer.connected) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new CliError(`no pool '${consumer.name}' within ${CONNECT_TIMEOUT_MS} ms`)),
      CONNECT_TIMEOUT_MS,
    );
    consumer.once('connect', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

type Take = (frame: Frame<Uint8Array> | View<Uint8Array>, newest: Uint8Array) => void;

/** Gives every frame that comes to `take`, until the signal. This is the code that a user of the library would write. */
async function readFrames(mode: Mode, consumer: TensorConsumer<Uint8Array>, signal: AbortSignal, take: Take): Promise<void> {
  if (mode === 'borrow') {
    for await (using view of consumer.frames({ borrow: true, signal })) take(view, view.data);
  } else if (mode === 'copy') {
    for await (using frame of consumer.frames({ signal })) take(frame, frame.data);
  } else {
    for await (using view of consumer.frames({ borrow: true, historyLen: WINDOW_LEN, signal })) take(view, view.at(0));
  }
}

/** What a consumer got, and how late. */
class Score implements Disposable {
  readonly #first: number;
  readonly #hashFd: number | null;
  readonly #recent = new Histogram();
  readonly #all = new Histogram();
  #last: number;
  #frames = 0;
  #missed = 0;
  #firstNs = 0n;
  #lastNs = 0n;

  constructor({ firstSequence, hashFile }: ConsumerConfig) {
    this.#first = firstSequence;
    this.#last = firstSequence - 1;
    this.#hashFd = hashFile === null ? null : openSync(hashFile, 'w');
  }

  /** Sequence number of the newest frame that it got. */
  get last(): number {
    return this.#last;
  }

  take({ sequence, timestampNs }: Frame | View, newest: Uint8Array): void {
    // The clock first: what follows is ours. It is CLOCK_MONOTONIC, as the frame's timestamp is.
    const nowNs = monotonicNs();
    // Left by a producer that died before this run.
    if (sequence < this.#first) return;
    if (sequence <= this.#last) throw new CliError(`frame ${sequence} came after frame ${this.#last}`);
    const latencyNs = Number(nowNs - timestampNs);
    this.#recent.add(latencyNs);
    this.#all.add(latencyNs);
    if (this.#frames === 0) this.#firstNs = nowNs;
    this.#lastNs = nowNs;
    this.#frames += 1;
    this.#missed += sequence - this.#last - 1;
    this.#last = sequence;
    if (this.#hashFd !== null) writeSync(this.#hashFd, `${sequence} ${createHash('md5').update(newest).digest('hex')}\n`);
  }

  progress(): FromConsumer {
    const latencies = this.#recent.counts();
    this.#recent.clear();
    return { type: 'progress', frames: this.#frames, missed: this.#missed, latencies };
  }

  /** @param wanted the last frame that was published, if it is known */
  report(wanted: number | null): ConsumerReport {
    const seconds = Number(this.#lastNs - this.#firstNs) / 1e9;
    return {
      type: 'done',
      frames: this.#frames,
      missed: this.#missed + (wanted === null ? 0 : Math.max(0, wanted - this.#last)),
      fps: this.#frames > 1 && seconds > 0 ? (this.#frames - 1) / seconds : null,
      latencyMs: { p50: this.#all.quantileMs(0.5), p99: this.#all.quantileMs(0.99), max: this.#all.maxMs },
    };
  }

  [Symbol.dispose](): void {
    if (this.#hashFd !== null) closeSync(this.#hashFd);
  }
}
