import { join } from 'node:path';
import { TensorProducer } from 'tensor-ipc';
import type { Benchmark, Context, Result } from '../harness/contract';
import { makeFifo, writeFifo } from '../harness/pipes';
import { apart, place } from '../harness/placement';
import { sampleFrame } from '../harness/pools';
import { median, percentile, summarise } from '../harness/stats';
import { cpuNs } from '../harness/usage';
import { paced, sender, sleeperRole, type Way } from './paced-latency';
import { threadsRole } from './worker-threads';

const RATE_HZ = 30;
const COUNT = { quick: 30, full: 150 } as const;
/** As a camera that has run for some minutes. */
const WARM = { quick: { frames: 300, rateHz: 1000 }, full: { frames: 3000, rateHz: 1000 } } as const;

/** The one whose row the table of goals has. */
const GOAL_BYTES = 1920 * 1080 * 3;

const cases = [
  { way: 'put → get', bytes: 28 },
  { way: 'loan → borrow', bytes: GOAL_BYTES },
  { way: 'loan → borrow', bytes: 3840 * 2160 * 3 },
] as const satisfies readonly { way: Way; bytes: number }[];

async function measure(context: Context, { way, bytes }: (typeof cases)[number]): Promise<Result[]> {
  const pool = context.poolName(`cold-${bytes}`);
  const fifo = join(context.folder, `cold-${bytes}`);
  makeFifo(fifo);
  using producer = TensorProducer.fromSample(pool, sampleFrame(bytes), { historyLen: 2 });
  const partner = await context.partner(sleeperRole, { pool, fifo });
  const threads = await context.partner(threadsRole, { readers: 1, bytes });
  place(apart(), partner.pid);
  const pipe = writeFifo(fifo);
  let byte = 0;
  const ringPipe = (sentNs: number) => {
    pipe.ring();
    return { sequence: byte++, sentNs };
  };
  const send = sender(producer, way, sampleFrame(bytes));
  const size = context.quick ? ('quick' as const) : ('full' as const);
  const bare = async (rateHz: number, frames: number) => {
    byte = 0;
    return paced(partner, 'pipe', rateHz, frames, () => ringPipe(Number(process.hrtime.bigint())));
  };
  const inThreads = (rateHz: number, frames: number) => threads.call('send', { frames, rateHz, copies: way === 'put → get' });
  context.progress(`cold, ${bytes} B, warming up`);
  const warm = WARM[size];
  await bare(warm.rateHz, warm.frames);
  await paced(partner, way, warm.rateHz, warm.frames, send);
  await inThreads(warm.rateHz, warm.frames);
  const values: number[] = [];
  const samples: number[] = [];
  const pipes: number[] = [];
  const workers: number[] = [];
  const cpu: number[] = [];
  const pipeCpu: number[] = [];
  const runs = context.runs(3, 5);
  const used = async <R>(run: () => Promise<R>, into: number[]): Promise<R> => {
    const before = cpuNs(partner.pid);
    const result = await run();
    into.push((cpuNs(partner.pid) - before) / 1000 / COUNT[size]);
    return result;
  };
  for (let run = 0; run < runs; run++) {
    context.progress(`cold, ${bytes} B, run ${run + 1} of ${runs}`);
    const atPipe = await used(() => bare(RATE_HZ, COUNT[size]), pipeCpu);
    pipes.push(median(atPipe.latenciesNs) / 1000);
    const { latenciesNs } = await used(() => paced(partner, way, RATE_HZ, COUNT[size], send), cpu);
    values.push(median(latenciesNs) / 1000);
    samples.push(...latenciesNs);
    workers.push(median(await inThreads(RATE_HZ, COUNT[size])) / 1000);
  }
  await partner.stop();
  await threads.stop();
  const row = { name: 'cold', size: bytes, unit: 'µs' };
  const goal = bytes === GOAL_BYTES ? ('cold' as const) : undefined;
  const note = `p99 ${Math.round(percentile(samples, 0.99) / 1000)} µs`;
  const against = 'workers + Atomics.waitAsync, one Node process';
  return [
    summarise({ ...row, metric: `${way}, one way`, against, values, baselines: workers, note, goal }),
    summarise({ ...row, metric: `${way}, one way`, against: 'one byte on a bare FIFO, Node', values, baselines: pipes }),
    summarise({ ...row, metric: `${way}, CPU of the reader`, against: 'a bare FIFO, Node', values: cpu, baselines: pipeCpu }),
  ];
}

export const cold: Benchmark = {
  name: 'cold',
  measures: `one way at ${RATE_HZ} Hz, as from a camera: cores and caches have gone idle in between`,
  programs: [],
  nodeOnly: true,
  async run(context) {
    const results: Result[] = [];
    for (const one of cases) {
      if (context.goalsOnly && one.bytes !== GOAL_BYTES) continue;
      results.push(...(await measure(context, one)));
    }
    return results;
  },
};
