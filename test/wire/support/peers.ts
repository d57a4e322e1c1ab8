// Peers of the Python wire as processes of their own: Python (python/peer.py) and C (c/wire_producer.c, c/wire_consumer.c). Each holds
// one pool, takes one operation at a time as a line of JSON and answers it with another; answers come in order.

import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LOOPBACK_CONFIGURATION, UNICAST_CONFIGURATION } from '../../../host/dds/configuration';
import { type Tools, wireTools } from './build';
import type { WireDtype } from './frames';

/** A peer that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;
/** The half second after which a put brings metadata again, and some. */
const METADATA_AGAIN_MS = 600;

/** This run's own; below those whose ports the system gives to others, and never the one that everybody uses. */
export const WIRE_DOMAIN = 1 + (process.pid % 99);

/** Discovery on the loopback interface. Where one process has to do without multicast (test/arm64), all of them do. */
export const WIRE_CONFIGURATION = process.env['DDS_MULTICAST'] === 'no' ? UNICAST_CONFIGURATION : LOOPBACK_CONFIGURATION;

/** What a pool is. */
export interface WirePool {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: WireDtype;
  readonly history_len?: number;
  readonly backend?: 'numpy' | 'torch';
  /** Of the progress topic; 10 unless told. */
  readonly keep_last?: number;
}

/** What a peer saw in a frame: its seed modulo 256, all zeros, or a mixture. */
export type Seen = number | 'zero' | 'torn';

/** What a callback was given. The clock is CLOCK_MONOTONIC, the same for all processes. */
export interface Notice {
  readonly slot: number;
  readonly seed: Seen | 'none';
  readonly at_us: number;
}

export interface ProducerStats {
  readonly pid: number;
  /** The slot written last; -1 before. */
  readonly slot: number;
  readonly matched_meta: number;
  readonly matched_progress: number;
}

export interface ConsumerStats extends ProducerStats {
  readonly connected: boolean;
  readonly callbacks: number;
}

type Nothing = Record<string, never>;
type Held = { readonly held: boolean };

/** Operations: what goes in, what comes out. */
export interface Operations {
  produce: [WirePool, { readonly pid: number; readonly total_size: number }];
  /** `check: 'head'` looks at 256 elements of each frame only. */
  consume: [
    WirePool & { readonly callback?: boolean; readonly check?: 'full' | 'head' },
    { readonly pid: number; readonly attached: boolean },
  ];
  /** Python takes another shape or dtype than the pool's, to have the frame refused. */
  put: [
    { readonly seed: number; readonly shape?: readonly number[]; readonly dtype?: WireDtype },
    { readonly slot: number; readonly at_us: number; readonly put_us: number },
  ];
  /** Seeds seed, seed + 1, …; without a rate as fast as it goes. With `times`, when each put began and how long it took. */
  put_many: [
    { readonly count: number; readonly rate_hz?: number; readonly seed?: number; readonly times?: boolean },
    { readonly count: number; readonly at_us?: readonly number[]; readonly put_us?: readonly number[] },
  ];
  /** Writes metadata at once: an aid of the tests, which the original does not have. */
  announce: [Nothing, Nothing];
  /** Null before there was metadata. `hash` is Python's only. */
  get: [
    { readonly history_len?: number; readonly latest_first?: boolean; readonly hash?: boolean },
    { readonly frames: readonly Seen[] | null; readonly get_us?: number; readonly sha256?: readonly string[] },
  ];
  /** Windows as fast as they come, to be killed in the middle of. */
  get_many: [{ readonly count: number; readonly history_len?: number }, { readonly windows: number }];
  callbacks: [{ readonly clear?: boolean }, { readonly received: readonly Notice[] }];
  /** Takes the locks of a slot and keeps them. */
  hold_reader: [{ readonly slot: number }, Held];
  hold_writer: [{ readonly slot: number }, Held];
  release: [{ readonly slot: number }, Nothing];
  stats: [Nothing, ConsumerStats];
  /** What the original's cleanup does; the DDS endpoints stay. */
  cleanup: [Nothing, Nothing];
  exit: [Nothing, Nothing];
}

export interface PeerOptions {
  /** Python's producer spends 1.2 s in its constructor, unless told to be fast, which is the default here. */
  readonly slow?: boolean;
  readonly domain?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** An operation that the peer answered with an error. */
export class PeerError extends Error {}

interface Waiting {
  resolve(answer: Record<string, unknown>): void;
  reject(error: Error): void;
}

export class Peer {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stderr = '';
  readonly #waiting: Waiting[] = [];
  #over: Error | null = null;

  private constructor(
    readonly label: string,
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.process = spawn(program, args, { stdio: 'pipe', env });
    this.process.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
    });
    // One that was killed does not read its input any more; its end is what tells.
    this.process.stdin.on('error', (error) => {
      this.stderr += `${error.message}\n`;
    });
    createInterface({ input: this.process.stdout }).on('line', (line) => this.#take(line));
    const watchdog = setTimeout(() => this.process.kill('SIGKILL'), WATCHDOG_MS);
    watchdog.unref();
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        clearTimeout(watchdog);
        this.#over = new Error(`${label} ended (code ${code}, signal ${signal})\n${this.stderr}`);
        for (const { reject } of this.#waiting.splice(0)) reject(this.#over);
        resolve({ code, signal });
      });
    });
  }

  static #environment(tools: Tools, options: PeerOptions): NodeJS.ProcessEnv {
    return {
      ...process.env,
      CYCLONEDDS_URI: WIRE_CONFIGURATION,
      TIPC_DOMAIN: String(options.domain ?? WIRE_DOMAIN),
      TIPC_DDS_LIBRARY: tools.library,
      PYTHONDONTWRITEBYTECODE: '1',
      ...options.env,
    };
  }

  /** Python, to be either side. */
  static python(tools: Tools, options: PeerOptions = {}): Peer {
    const args = [tools.peer, ...(options.slow === true ? [] : ['--fast'])];
    return new Peer('python', tools.python, args, Peer.#environment(tools, options));
  }

  static cProducer(tools: Tools, options: PeerOptions = {}): Peer {
    return new Peer('wire_producer', tools.producer, [], Peer.#environment(tools, options));
  }

  static cConsumer(tools: Tools, options: PeerOptions = {}): Peer {
    return new Peer('wire_consumer', tools.consumer, [], Peer.#environment(tools, options));
  }

  #take(line: string): void {
    const answer = JSON.parse(line) as Record<string, unknown>;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.stderr += `an answer nobody asked for: ${line}\n`;
    else if (typeof answer['error'] === 'string') waiting.reject(new PeerError(`${this.label}: ${answer['error']}`));
    else waiting.resolve(answer);
  }

  /** Sends an operation; what it answers, or PeerError. Rejected as well when the peer ends before. */
  ask<K extends keyof Operations>(op: K, fields?: Operations[K][0]): Promise<Operations[K][1]> {
    if (this.#over !== null) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: (answer) => resolve(answer as Operations[K][1]), reject });
      this.process.stdin.write(`${JSON.stringify({ op, ...fields })}\n`);
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    await this.ended;
  }

  /** A clean exit, the way the original does it. */
  async exit(): Promise<void> {
    await this.ask('exit');
    await this.ended;
  }

  /** At the end of a test, however that went. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Whether an answer is still outstanding after a while. */
export async function stillWaiting(answer: Promise<unknown>, forMs: number): Promise<boolean> {
  const settled = answer.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, sleep(forMs).then(() => true)]);
}

/** Asks until the answer will do. Watchdog only. */
export async function untilAnswer<T>(ask: () => Promise<T>, good: (answer: T) => boolean, what: string): Promise<T> {
  const deadline = Date.now() + WATCHDOG_MS / 4;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}: ${JSON.stringify(answer)}`);
    await sleep(10);
  }
}

/** Waits until a producer that has not put anything has met its consumers, and its next put will bring metadata: so none lags. */
export async function untilMet(producer: Peer, consumers: readonly Peer[]): Promise<void> {
  const all = consumers.length;
  const met = (stats: ProducerStats, count: number) => stats.matched_meta >= count && stats.matched_progress >= count;
  await untilAnswer(
    () => producer.ask('stats'),
    (stats) => met(stats, all),
    `${all} consumers have met the producer`,
  );
  for (const consumer of consumers)
    await untilAnswer(
      () => consumer.ask('stats'),
      (stats) => met(stats, 1),
      'the producer has met its consumer',
    );
  await sleep(METADATA_AGAIN_MS);
}

/** Waits until the newest frame a consumer sees is this one. */
export async function untilSeen(consumer: Peer, seed: number): Promise<void> {
  await untilAnswer(
    () => consumer.ask('get'),
    ({ frames }) => frames?.[0] === seed % 256,
    `frame ${seed} is seen`,
  );
}

/** An endpoint as discovery announces it to others. Durations are null where they are infinite. */
export interface Endpoint {
  readonly kind: 'writer' | 'reader';
  readonly topic: string;
  readonly type: string;
  readonly reliability: 'best effort' | 'reliable';
  readonly blocking_ms: number | null;
  readonly durability: 'volatile' | 'transient local' | 'transient' | 'persistent';
  readonly history: 'keep last' | 'keep all';
  readonly depth: number;
  readonly liveliness: 'automatic' | 'manual by participant' | 'manual by topic';
  readonly lease_ms: number | null;
  readonly type_information: boolean;
  /** 0 is XCDR1, 2 is XCDR2. */
  readonly representations: readonly number[];
}

/** What a process of its own (c/wire_endpoints.c) discovers of a pool, once there are `count` endpoints; sorted by kind and topic. */
export async function discovered(tools: Tools, pool: string, count: number, domain = WIRE_DOMAIN): Promise<Endpoint[]> {
  const env = { ...process.env, CYCLONEDDS_URI: WIRE_CONFIGURATION };
  const args = ['--domain', String(domain), pool, String(count)];
  const { stdout } = await promisify(execFile)(tools.endpoints, args, { env });
  const endpoints = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Endpoint);
  const order = ({ kind, topic }: Endpoint) => `${kind} ${topic}`;
  return endpoints.sort((a, b) => order(a).localeCompare(order(b)));
}

export { type Tools, wireTools };
