// The demo's parent process: starts a producer and its consumers, follows them, and ends them in order.

import { TensorProducer } from '../../entry/main';
import { CliError } from '../command';
import { Child } from './child';
import { Histogram } from './histogram';
import {
  type ConsumerConfig,
  type ConsumerReport,
  demoMetadata,
  type FromConsumer,
  type FromProducer,
  MODES,
  type Mode,
  type ProducerConfig,
  type Ready,
  type ToConsumer,
  type ToProducer,
} from './messages';
import { CONSUMER_ROLE, PRODUCER_ROLE } from './roles';

/** The producer does not wait longer for the consumers before it starts. */
const ATTACH_TIMEOUT_MS = 10_000;

export interface DemoOptions {
  readonly producer: ProducerConfig;
  readonly consumers: number;
  /** Consumer i writes its hashes to PREFIX.i, counted from 1. */
  readonly hashPrefix: string | null;
}

/** The numbers of a live line. */
export interface Progress {
  /** Frames published so far. */
  readonly frames: number;
  readonly missed: number;
  /** Frames that consumers were given, all together. */
  readonly delivered: number;
  /** Latencies since the last look. */
  readonly latencies: Histogram;
}

export interface ConsumerOutcome {
  readonly index: number;
  readonly mode: Mode;
  readonly report: ConsumerReport | null;
  readonly trouble: string | null;
}

export interface Outcome {
  readonly ready: Ready;
  readonly frames: number;
  readonly seconds: number | null;
  readonly interrupted: boolean;
  readonly producerTrouble: string | null;
  readonly consumers: readonly ConsumerOutcome[];
}

/** Told what happens, as it happens. */
export interface Audience {
  ready(ready: Ready): void;
  notice(text: string): void;
}

class Reader {
  readonly child: Child<ToConsumer, FromConsumer>;
  frames = 0;
  missed = 0;
  report: ConsumerReport | null = null;

  constructor(
    readonly index: number,
    readonly config: ConsumerConfig,
    latencies: Histogram,
  ) {
    this.child = new Child(`consumer ${index}`, CONSUMER_ROLE, config);
    this.child.listen((message) => {
      if (message?.type === 'progress') {
        this.frames = message.frames;
        this.missed = message.missed;
        latencies.merge(message.latencies);
      } else if (message?.type === 'done') {
        this.report = message;
      }
    });
  }
}

export class Director {
  readonly #options: DemoOptions;
  readonly #audience: Audience;
  readonly #readers: Reader[] = [];
  readonly #latencies = new Histogram();
  readonly #interruption: Promise<'interrupted'>;
  #interrupt: () => void = () => {};
  #interrupted = false;
  #frames = 0;

  constructor(options: DemoOptions, audience: Audience) {
    this.#options = options;
    this.#audience = audience;
    this.#interruption = new Promise((resolve) => {
      this.#interrupt = () => resolve('interrupted');
    });
  }

  /** Ends the demo early, in order. */
  interrupt(): void {
    this.#interrupted = true;
    this.#interrupt();
  }

  /** How far it is. Forgets the latencies that it gives. */
  progress(): Progress {
    const latencies = new Histogram();
    latencies.merge(this.#latencies.counts());
    this.#latencies.clear();
    let missed = 0;
    let delivered = 0;
    for (const reader of this.#readers) {
      missed += reader.missed;
      delivered += reader.frames;
    }
    return { frames: this.#frames, missed, delivered, latencies };
  }

  /** Plays the demo to its end: what came of it, or null if it was interrupted before it began. */
  async run(): Promise<Outcome | null> {
    const producer = new Child<ToProducer, FromProducer>('the producer', PRODUCER_ROLE, this.#options.producer);
    producer.listen((message) => {
      if (message?.type === 'progress' || message?.type === 'done') this.#frames = message.frames;
    });
    let ready: Ready | null = null;
    try {
      const first = await Promise.race([producer.next('ready'), this.#interruption]);
      if (first === 'interrupted') return null;
      if (first === null) throw new CliError(producer.trouble ?? 'the producer ended before it began');
      ready = first;
      if (ready.notice !== null) this.#audience.notice(ready.notice);
      this.#audience.ready(ready);
      await this.#startReaders(ready);
      // Listen first: the answer could be there before the next line.
      const over = producer.next('done');
      producer.send({ type: 'start' });
      if ((await Promise.race([over, this.#interruption])) === 'interrupted') producer.send({ type: 'stop' });
      const done = await over;
      if (done === null) this.#complain(producer);
      await this.#finishReaders(done === null ? null : ready.firstSequence + done.frames);
      return {
        ready,
        // A producer that was killed may have published more than it could tell.
        frames: Math.max(
          this.#frames,
          ...this.#readers.map(({ report }) => (report === null ? 0 : report.frames + report.missed)),
        ),
        seconds: done?.seconds ?? null,
        interrupted: this.#interrupted,
        producerTrouble: producer.trouble,
        consumers: this.#readers.map(({ index, config, report, child }) => ({
          index,
          mode: config.mode,
          report,
          trouble: child.trouble,
        })),
      };
    } finally {
      producer.send({ type: 'close' });
      await Promise.all([producer.end(), ...this.#readers.map(({ child }) => child.end())]);
      if (ready !== null && producer.trouble !== null) removePool(this.#options.producer.pool, ready);
    }
  }

  async #startReaders(ready: Ready): Promise<void> {
    const { consumers, hashPrefix, producer } = this.#options;
    for (let i = 0; i < consumers; i++) {
      const mode = MODES[i % MODES.length] as Mode;
      const hashFile = hashPrefix === null ? null : `${hashPrefix}.${i + 1}`;
      const config = { pool: producer.pool, mode, firstSequence: ready.firstSequence, hashFile };
      const reader = new Reader(i + 1, config, this.#latencies);
      this.#readers.push(reader);
      // Whoever ends without having reported ended before its time.
      reader.child.listen((message) => {
        if (message === null && reader.report === null) this.#complain(reader.child);
      });
    }
    const attached = Promise.all(this.#readers.map(({ child }) => child.next('attached')));
    if (!(await within(ATTACH_TIMEOUT_MS, Promise.race([attached, this.#interruption])))) {
      this.#audience.notice(`some consumers are not there after ${ATTACH_TIMEOUT_MS} ms: starting without them`);
    }
  }

  async #finishReaders(nextSequence: number | null): Promise<void> {
    await Promise.all(
      this.#readers.map(({ child }) => {
        child.send({ type: 'finish', nextSequence });
        return child.end();
      }),
    );
  }

  #complain(child: Child<ToProducer, FromProducer> | Child<ToConsumer, FromConsumer>): void {
    // Ctrl-C may hit a child before it has learnt to leave that to its parent.
    if (this.#interrupted) return;
    this.#audience.notice(`${child.title} (pid ${child.pid}) is gone: ${child.trouble ?? 'it ended early'}`);
  }
}

/** Whether a promise was settled in time. */
function within(timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), timeoutMs);
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer));
  });
}

/** A producer that was killed leaves its pool: take it over and close it. */
function removePool(pool: string, ready: Ready): void {
  new TensorProducer(demoMetadata(pool, ready)).cleanup();
}
