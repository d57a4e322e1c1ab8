import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs } from '../harness/clock';
import { type Benchmark, type Context, type Result, SIZES } from '../harness/contract';
import type { Native } from '../harness/native';
import { apart, place } from '../harness/placement';
import { historyFor, ringOf, sampleFrame } from '../harness/pools';
import type { Commands, Partner, Role } from '../harness/processes';
import { promised, summarise } from '../harness/stats';

type Way = 'copy' | 'loan';

const HISTORY_LEN = 10;
const SPIN_US = 1000;

/** The producer runs alone for a while before, and on after, the consumer's count. */
interface Times {
  readonly warmMs: number;
  readonly countMs: number;
}

/** How many frames between two looks at the clock: small ones may last less than it does. */
function burstOf(way: Way, bytes: number): number {
  return way === 'copy' && bytes > 65536 ? 1 : 64;
}

interface ReceiverConfig {
  readonly pool: string;
  readonly bytes: number;
}

export const receiverRole = {
  name: 'throughput-receiver',
  start({ pool, bytes }: ReceiverConfig) {
    const consumer = TensorConsumer.attach(pool);
    const into = new Uint8Array(bytes).fill(1);
    let touched = 0;
    const take: Readonly<Record<Way, () => void>> = {
      copy: () => void consumer.get({ into }),
      loan: () => {
        const view = consumer.borrow();
        if (view === null) return;
        touched += Number(view.data[0]);
        view.release();
      },
    };
    return {
      /** Takes frames: how many a second. */
      receive: ({ way, warmMs, countMs }: Times & { way: Way }) => {
        const takeOne = take[way];
        const burst = burstOf(way, bytes);
        const until = (deadlineNs: number): number => {
          let count = 0;
          while (nowNs() < deadlineNs) {
            for (let i = 0; i < burst; i++) {
              if (consumer.spin(SPIN_US)) {
                takeOne();
                count += 1;
              }
            }
          }
          return count;
        };
        until(nowNs() + warmMs * 1e6);
        const start = nowNs();
        const count = until(start + countMs * 1e6);
        return count / ((nowNs() - start) / 1e9);
      },
      touched: () => touched,
    };
  },
} satisfies Role<ReceiverConfig, Commands>;

/** Publishes as fast as it can for the whole run: frames a second while the consumer was counting. */
function publish(way: Way, producer: TensorProducer, frame: Uint8Array, { warmMs, countMs }: Times): number {
  const one =
    way === 'copy'
      ? () => void producer.put(frame)
      : () => {
          const slot = producer.loan();
          slot.data[0] = 1;
          slot.commit();
        };
  const burst = burstOf(way, frame.length);
  // Within the consumer's count, which starts later by as much as its request takes.
  const start = nowNs();
  const from = start + 2 * warmMs * 1e6;
  const to = start + countMs * 1e6;
  const end = to + 3 * warmMs * 1e6;
  let first = 0;
  let firstNs = 0;
  let last = 0;
  let lastNs = 0;
  for (let count = 0; ; ) {
    for (let i = 0; i < burst; i++) one();
    count += burst;
    const now = nowNs();
    if (firstNs === 0 && now >= from) {
      first = count;
      firstNs = now;
    }
    if (now <= to || lastNs === 0) {
      last = count;
      lastNs = now;
    }
    if (now >= end) break;
  }
  return (last - first) / ((lastNs - firstNs) / 1e9);
}

interface Rates {
  readonly received: number[];
  readonly published: number[];
}

async function runOnce(
  partner: Partner<ReturnType<typeof receiverRole.start>>,
  way: Way,
  producer: TensorProducer,
  frame: Uint8Array,
  times: Times,
): Promise<{ received: number; published: number }> {
  const received = partner.call('receive', { way, ...times });
  // The request has to leave this process before it blocks.
  await new Promise(setImmediate);
  const published = publish(way, producer, frame, times);
  return { received: await received, published };
}

async function measure(context: Context, native: Native | null, bytes: number): Promise<Result[]> {
  const pool = context.poolName(`throughput-${bytes}`);
  const frame = sampleFrame(bytes);
  using producer = TensorProducer.fromSample(pool, frame, { historyLen: historyFor(bytes, HISTORY_LEN) });
  const { slots, strideBytes } = ringOf(pool);
  const partner = await context.partner(receiverRole, { pool, bytes });
  const placement = apart();
  place(placement, partner.pid);
  const runs = context.runs(3, 7);
  const times = context.quick ? { warmMs: 20, countMs: 150 } : { warmMs: 60, countMs: 600 };
  const results: Result[] = [];
  for (const way of ['copy', 'loan'] as const) {
    const own: Rates = { received: [], published: [] };
    const bare: Rates = { received: [], published: [] };
    for (let run = 0; run < runs; run++) {
      context.progress(`throughput, ${bytes} B, ${way}, run ${run + 1} of ${runs}`);
      if (native !== null) {
        const [received, published] = await native.ask(way, bytes, strideBytes, slots, times.countMs, ...placement.cpus);
        bare.received.push(received as number);
        bare.published.push(published as number);
      }
      const { received, published } = await runOnce(partner, way, producer, frame, times);
      own.received.push(received);
      own.published.push(published);
    }
    const common = { name: 'throughput', size: bytes, unit: 'frames/s' };
    const metric = way === 'copy' ? 'put → spin, get({ into })' : 'loan, commit → spin, borrow';
    const against = way === 'copy' ? 'the same ring in C, memcpy' : 'the same ring in C, pins';
    const promise = way === 'loan' ? promised.atLeast(2e6, '≥ 2 M/s') : undefined;
    results.push(
      summarise({ ...common, metric: `${metric}: received`, against, values: own.received, baselines: bare.received }),
      summarise({
        ...common,
        metric: `${metric}: published`,
        against,
        values: own.published,
        baselines: bare.published,
        promise,
      }),
    );
  }
  await partner.stop();
  return results;
}

export const throughput: Benchmark = {
  name: 'throughput',
  measures: 'frames a second from one process to another, both as fast as they can: received, and published',
  programs: ['ring_throughput'],
  cores: 2,
  async run(context) {
    const native = context.native('ring_throughput');
    const results: Result[] = [];
    for (const bytes of SIZES) results.push(...(await measure(context, native, bytes)));
    native?.stop();
    return results;
  },
};
