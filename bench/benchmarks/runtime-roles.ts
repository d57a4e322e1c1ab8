// What the processes of each runtime do: measure one operation by themselves, or play ping-pong with another process of their runtime.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { type LinkSide, openLink } from '../harness/bare-link';
import { planBatches, timeBatches } from '../harness/clock';
import { PipeEnd } from '../harness/pipes';
import { type Ring, ringOf, sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { median, percentile } from '../harness/stats';
import { BlockingEnd } from './blocking';
import { PoolEnd, pingPong } from './wake-event-loop';

export interface PlayerConfig {
  readonly link: LinkSide;
  readonly loop: { readonly sends: string; readonly receives: string };
  readonly blocking: { readonly sends: string; readonly receives: string };
}

export type Operation = 'put' | 'get' | 'loan-commit' | 'borrow-release';

/** The time of one operation, and what the same in C needs to know. */
export interface Timed {
  readonly ns: number;
  readonly operations: number;
  readonly batches: number;
  readonly ring: Ring;
}

export interface Latency {
  readonly medianNs: number;
  readonly p99Ns: number;
}

interface OperationRequest {
  readonly operation: Operation;
  readonly bytes: number;
  readonly runMs: number;
  readonly pool: string;
}

/** Pools that stay, so that each round finds what the one before it has warmed up. */
class Operations {
  readonly #pools = new Map<string, { readonly producer: TensorProducer; readonly consumer: TensorConsumer }>();

  time({ operation, bytes, runMs, pool }: OperationRequest): Timed {
    const frame = sampleFrame(bytes);
    let ends = this.#pools.get(pool);
    if (ends === undefined) {
      ends = { producer: TensorProducer.fromSample(pool, frame, { historyLen: 1 }), consumer: TensorConsumer.attach(pool) };
      this.#pools.set(pool, ends);
      ends.producer.put(frame);
    }
    const { producer, consumer } = ends;
    const into = new Uint8Array(bytes);
    const timed: Readonly<Record<Operation, () => void>> = {
      put: () => void producer.put(frame),
      get: () => void consumer.get({ into }),
      'loan-commit': () => void producer.loan().commit(),
      'borrow-release': () => consumer.borrow()?.release(),
    };
    const plan = planBatches(timed[operation], runMs);
    return { ns: median(timeBatches(timed[operation], plan)), ...plan, ring: ringOf(pool) };
  }
}

function latency(samples: readonly number[]): Latency {
  return { medianNs: median(samples), p99Ns: percentile(samples, 0.99) };
}

/** Each trip is timed for itself, for the sake of the percentile. */
const TRIPS = 1;

export const playerRole = {
  name: 'runtime-player',
  async start({ link, loop, blocking }: PlayerConfig) {
    const pipe = await PipeEnd.open((onBytes) => openLink(link, onBytes));
    const pool = new PoolEnd(loop.sends, loop.receives);
    const sync = new BlockingEnd('waitSync', blocking.sends, blocking.receives);
    const operations = new Operations();
    return {
      time: (request: OperationRequest) => operations.time(request),
      echoPipe: ({ count }: { count: number }) => pipe.echo(count),
      pingPipe: async ({ count }: { count: number }) => latency(await pipe.pingPong(TRIPS, count)),
      echoLoop: async ({ count }: { count: number }) => {
        for (let i = 0; i < count; i++) {
          await pool.receive('next()');
          pool.send();
        }
      },
      pingLoop: async ({ count }: { count: number }) => latency(await pingPong(pool, 'next()', TRIPS, count)),
      echoBlocking: ({ count }: { count: number }) => sync.echo(count),
      pingBlocking: ({ count }: { count: number }) => {
        sync.connect();
        return latency(sync.pingPong(TRIPS, count));
      },
    };
  },
} satisfies Role<PlayerConfig, Commands>;

export interface WaiterConfig {
  /** The pool whose next frame it waits for; null to wait on the bare link. */
  readonly pool: string | null;
  readonly link: LinkSide;
}

export const waiterRole = {
  name: 'runtime-waiter',
  async start({ pool, link }: WaiterConfig) {
    if (pool === null) {
      await openLink(link, () => {});
    } else {
      const consumer = TensorConsumer.attach(pool);
      consumer.get();
      void consumer.next();
    }
    return {};
  },
} satisfies Role<WaiterConfig, Commands>;
