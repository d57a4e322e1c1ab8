// wake-sync and spin: ping-pongs whose both sides block their thread.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import type { GoalRow } from '../harness/goals';
import { apart, type Placement, place, placed, sharedAndApart } from '../harness/placement';
import { ringOf, sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { median, promised, summarise } from '../harness/stats';

const FRAME_BYTES = 28;
const frame = sampleFrame(FRAME_BYTES);
/** No answer takes this long: the other side is gone. */
const WATCHDOG_MS = 5000;

type Wait = 'waitSync' | 'spin';

/** One side: a pool it writes and a pool it reads. */
export class BlockingEnd {
  readonly #producer: TensorProducer;
  readonly #consumer: TensorConsumer;
  readonly #arrived: () => boolean;

  constructor(wait: Wait, sends: string, receives: string) {
    const consumer = TensorConsumer.attach(receives);
    this.#consumer = consumer;
    this.#producer = TensorProducer.fromSample(sends, frame);
    this.#arrived = wait === 'spin' ? () => consumer.spin(WATCHDOG_MS * 1000) : () => consumer.waitSync(WATCHDOG_MS);
  }

  /** The other side may have come later. */
  connect(): void {
    if (!this.#consumer.connected) this.#consumer.get();
  }

  send(): void {
    this.#producer.put(frame);
  }

  receive(): void {
    if (!this.#arrived()) throw new Error(`no frame for ${WATCHDOG_MS} ms`);
    this.#consumer.borrow()?.release();
  }

  echo(count: number): void {
    this.connect();
    for (let i = 0; i < count; i++) {
      this.receive();
      this.send();
    }
  }

  /** ns one way, for each batch. */
  pingPong(trips: number, batches: number): number[] {
    const samples: number[] = [];
    for (let batch = 0; batch < batches; batch++) {
      const start = nowNs();
      for (let trip = 0; trip < trips; trip++) {
        this.send();
        this.receive();
      }
      samples.push((nowNs() - start) / (2 * trips));
    }
    return samples;
  }

  close(): void {
    this.#producer.close();
    this.#consumer.close();
  }
}

interface EchoConfig {
  readonly wait: Wait;
  readonly ping: string;
  readonly pong: string;
}

export const blockingEchoRole = {
  name: 'blocking-echo',
  start({ wait, ping, pong }: EchoConfig) {
    const end = new BlockingEnd(wait, pong, ping);
    return {
      echo: ({ count }: { count: number }) => end.echo(count),
    };
  },
} satisfies Role<EchoConfig, Commands>;

interface Comparison {
  readonly metric: string;
  readonly against: string;
  readonly program: string;
  readonly limit: number | null;
  readonly goal?: GoalRow;
  request(trips: number, batches: number, cpus: readonly [number, number], slots: number): (string | number)[];
}

interface PingPong {
  readonly name: string;
  readonly wait: Wait;
  /** Round trips of a batch. */
  readonly trips: number;
  readonly comparisons: readonly Comparison[];
}

async function measure(context: Context, pingPong: PingPong, placement: Placement): Promise<Result[]> {
  const { name, wait, trips, comparisons } = pingPong;
  const ping = context.poolName(`${name}-ping-${placement.cpus.join('-')}`);
  const pong = context.poolName(`${name}-pong-${placement.cpus.join('-')}`);
  const end = new BlockingEnd(wait, ping, pong);
  const { slots } = ringOf(ping);
  const partner = await context.partner(blockingEchoRole, { wait, ping, pong });
  end.connect();
  place(placement, partner.pid);
  const natives = comparisons.map(({ program }) => context.native(program));
  const batches = context.quick ? 30 : 150;
  const runs = context.runs(3, 9);
  const values: number[] = [];
  const baselines: number[][] = comparisons.map(() => []);
  // The first run warms up and is not counted.
  for (let run = -1; run < runs; run++) {
    context.progress(`${placed(name, placement)}, run ${Math.max(1, run + 1)} of ${runs}`);
    for (const [i, comparison] of comparisons.entries()) {
      const samples = await natives[i]?.ask(...comparison.request(trips, batches, placement.cpus, slots));
      if (samples !== undefined && run >= 0) baselines[i]?.push(median(samples));
    }
    const echoed = partner.call('echo', { count: trips * batches });
    // The request has to leave this process before it blocks.
    await new Promise(setImmediate);
    const samples = end.pingPong(trips, batches);
    await echoed;
    if (run >= 0) values.push(median(samples));
  }
  await partner.stop();
  end.close();
  for (const native of natives) native?.stop();
  return comparisons.map(({ metric, against, limit, goal }, i) =>
    summarise({
      name,
      size: FRAME_BYTES,
      metric: placed(metric, placement),
      unit: 'ns',
      against,
      values,
      baselines: baselines[i] ?? [],
      promise: limit === null ? undefined : promised.ratioAtMost(limit),
      goal,
    }),
  );
}

export const wakeSync: Benchmark = {
  name: 'wake-sync',
  measures: 'one way of a ping-pong of 28-byte frames between two processes that sleep in consumer.waitSync',
  programs: ['futex_pingpong'],
  async run(context) {
    const comparison: Comparison = {
      metric: 'waitSync',
      against: 'bare futex ping-pong, C',
      program: 'futex_pingpong',
      limit: null,
      request: (trips, batches, cpus) => ['pingpong', trips, batches, ...cpus],
    };
    const pingPong: PingPong = { name: 'wake-sync', wait: 'waitSync', trips: 50, comparisons: [comparison] };
    const results: Result[] = [];
    for (const placement of sharedAndApart()) results.push(...(await measure(context, pingPong, placement)));
    return results;
  },
};

export const spin: Benchmark = {
  name: 'spin',
  measures: 'one way of a ping-pong of 28-byte frames (put; spin, borrow, release) between two processes that each burn a core',
  programs: ['spin_pingpong'],
  cores: 2,
  run: (context) => {
    const comparisons: readonly Comparison[] = [
      {
        metric: 'spin, put, borrow',
        against: 'the same loop in C',
        program: 'spin_pingpong',
        limit: 2,
        goal: 'spin-ping-pong',
        request: (trips, batches, cpus, slots) => ['ring', trips, batches, ...cpus, slots],
      },
      {
        metric: 'spin, put, borrow',
        against: 'one bare counter, C',
        program: 'spin_pingpong',
        limit: null,
        request: (trips, batches, cpus) => ['word', trips, batches, ...cpus],
      },
    ];
    return measure(context, { name: 'spin', wait: 'spin', trips: 500, comparisons }, apart());
  },
};
