import { join } from 'node:path';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs, sleep } from '../harness/clock';
import type { Benchmark } from '../harness/contract';
import { makeFifo, readFifo } from '../harness/pipes';
import { sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { promised, summarise } from '../harness/stats';
import { cpuNs } from '../harness/usage';

const FRAME_BYTES = 28;
const WINDOW_MS = 5000;
const QUICK_WINDOW_MS = 2500;
/** One tick of the clock that /proc counts by, 10 ms, in the window of 5 s: less than this is not to be seen there. */
export const MEASURABLE_PERCENT = 0.2;
/** An engine goes on compiling and collecting for a while after it has started. */
export const SETTLE_MS = 1500;

const modes = ['next()', 'for await', 'onNewData', 'waitSync()'] as const;
type Mode = (typeof modes)[number];

interface IdlerConfig {
  readonly mode: Mode | 'pipe';
  readonly pool: string;
  readonly fifo: string;
}

export const idlerRole = {
  name: 'idler',
  start({ mode, pool, fifo }: IdlerConfig) {
    if (mode === 'pipe') {
      readFifo(fifo, () => {});
      return {};
    }
    const onNewData = mode === 'onNewData' ? () => {} : undefined;
    const consumer = TensorConsumer.attach(pool, onNewData === undefined ? {} : { onNewData });
    consumer.get();
    if (mode === 'next()') void consumer.next();
    else if (mode === 'for await') void takeAll(consumer);
    // In slices, so that the process notices when its starter is gone.
    else if (mode === 'waitSync()') setInterval(() => consumer.waitSync(10_000), 1);
    return {};
  },
} satisfies Role<IdlerConfig, Commands>;

async function takeAll(consumer: TensorConsumer): Promise<void> {
  for await (const frame of consumer) frame.release();
}

export const idleCpu: Benchmark = {
  name: 'idle-cpu',
  measures: 'percent of a core that a process uses while it waits for frames that do not come',
  programs: [],
  nodeOnly: true,
  async run(context) {
    const pool = context.poolName('idle-cpu');
    const fifo = join(context.folder, 'idle-cpu');
    makeFifo(fifo);
    using producer = TensorProducer.fromSample(pool, sampleFrame(FRAME_BYTES));
    producer.put(sampleFrame(FRAME_BYTES));
    const idlers = [...modes, 'pipe' as const];
    const partners = [];
    for (const mode of idlers) partners.push(await context.partner(idlerRole, { mode, pool, fifo }));
    await sleep(SETTLE_MS);
    const windowMs = context.quick ? QUICK_WINDOW_MS : WINDOW_MS;
    const runs = context.runs(1, 3);
    const percent: number[][] = idlers.map(() => []);
    for (let run = 0; run < runs; run++) {
      context.progress(`idle-cpu, ${windowMs / 1000} s, run ${run + 1} of ${runs}`);
      const before = partners.map(({ pid }) => cpuNs(pid));
      const start = nowNs();
      await sleep(windowMs);
      const elapsedNs = nowNs() - start;
      for (const [i, { pid }] of partners.entries()) {
        percent[i]?.push(((cpuNs(pid) - (before[i] as number)) / elapsedNs) * 100);
      }
    }
    const baselines = percent[modes.length] ?? [];
    return modes.map((metric, i) =>
      summarise({
        name: 'idle-cpu',
        size: FRAME_BYTES,
        metric,
        unit: '%',
        against: 'a process that waits on a bare FIFO',
        values: percent[i] ?? [],
        baselines,
        promise: promised.atMost(MEASURABLE_PERCENT, '%'),
      }),
    );
  },
};
