import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { planBatches, sleep, timeBatches } from '../harness/clock';
import type { Benchmark, Result } from '../harness/contract';
import { apart, place } from '../harness/placement';
import { borrowersOf, sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { median, promised, summarise } from '../harness/stats';

const FRAME_BYTES = 28;
const COUNTS = [1, 8, 32] as const;
const variants = ['attached', 'have borrowed'] as const;
/** "Do not slow" leaves this much for noise. */
const SLOWER_AT_MOST = 1.1;
/** Of those that have borrowed and hold nothing now. */
const RESTED_SLOWER_AT_MOST = 1.05;
/** Until the other process has done with attaching and rests. */
const SETTLE_MS = 30;
/** A reader that has borrowed is looked at by every put until its next look at the pool, which comes several times a second. */
const REST_MS = 20;
const MAX_RESTS = 250;

export const idleConsumersRole = {
  name: 'idle-consumers',
  start({ pool }: { pool: string }) {
    const consumers: TensorConsumer[] = [];
    return {
      /** Has exactly `count` consumers attached, none of them waiting. */
      attach: ({ count, borrowed }: { count: number; borrowed: boolean }) => {
        for (const consumer of consumers.splice(0)) consumer.close();
        for (let i = 0; i < count; i++) {
          const consumer = TensorConsumer.attach(pool);
          if (!consumer.connected) throw new Error(`consumer ${i} found no pool`);
          if (borrowed) consumer.borrow()?.release();
          consumers.push(consumer);
        }
      },
    };
  },
} satisfies Role<{ pool: string }, Commands>;

/** Waits until no consumer's pins are looked at. */
async function settled(pool: string): Promise<void> {
  await sleep(SETTLE_MS);
  for (let rests = 0; borrowersOf(pool) !== 0n; rests++) {
    if (rests === MAX_RESTS) throw new Error('consumers that hold nothing are looked at by every put');
    await sleep(REST_MS);
  }
}

export const putIdleConsumers: Benchmark = {
  name: 'put-idle-consumers',
  measures: 'put of 28 bytes while consumers of another process are attached and do nothing',
  programs: [],
  async run(context) {
    const pool = context.poolName('idle');
    const frame = sampleFrame(FRAME_BYTES);
    using producer = TensorProducer.fromSample(pool, frame);
    const partner = await context.partner(idleConsumersRole, { pool });
    place(apart(), partner.pid);
    const operation = () => void producer.put(frame);
    const plan = planBatches(operation, context.quick ? 40 : 150);
    const runs = context.runs(3, 9);
    const alone: number[] = [];
    const cases = variants.flatMap((variant) => COUNTS.map((count) => ({ variant, count, values: [] as number[] })));
    for (let run = 0; run < runs; run++) {
      context.progress(`put-idle-consumers, run ${run + 1} of ${runs}`);
      await partner.call('attach', { count: 0, borrowed: false });
      await sleep(SETTLE_MS);
      alone.push(median(timeBatches(operation, plan)));
      for (const { variant, count, values } of cases) {
        await partner.call('attach', { count, borrowed: variant === 'have borrowed' });
        await settled(pool);
        values.push(median(timeBatches(operation, plan)));
      }
    }
    await partner.stop();
    const common = {
      name: 'put-idle-consumers',
      size: FRAME_BYTES,
      unit: 'ns',
      against: 'put with no consumer',
      baselines: alone,
    };
    const results: Result[] = [summarise({ ...common, metric: '0 consumers', values: alone })];
    for (const { variant, count, values } of cases) {
      const promise =
        count === 32 && variant === 'have borrowed'
          ? promised.ratioAtMost(RESTED_SLOWER_AT_MOST)
          : count === 8
            ? promised.ratioAtMost(SLOWER_AT_MOST)
            : undefined;
      const metric = `${count} consumer${count === 1 ? '' : 's'}, ${variant}`;
      const goal = count === 32 && variant === 'have borrowed' ? 'put-idle-32' : undefined;
      results.push(summarise({ ...common, metric, values, promise, goal }));
    }
    return results;
  },
};
