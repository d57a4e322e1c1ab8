// loan + commit and borrow + release: what zero-copy costs, which must not depend on how much there is to copy.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { planBatches, timeBatches } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import type { Native } from '../harness/native';
import { ringOf, sampleFrame } from '../harness/pools';
import { median, promised, summarise } from '../harness/stats';

const LENT_SIZES = [28, 6220800] as const;
const HISTORY_LENS = [1, 10] as const;

interface Lending {
  readonly name: 'loan-commit' | 'borrow-release';
  readonly against: string;
  /** What is timed, in a pool that has published more than its history. */
  operation(producer: TensorProducer, consumer: TensorConsumer, historyLen: number): () => void;
  request(slots: number, operations: number, batches: number, historyLen: number): (string | number)[];
}

async function measure(
  context: Context,
  native: Native | null,
  lending: Lending,
  bytes: number,
  historyLen: number,
): Promise<Result> {
  const { name, against } = lending;
  const pool = context.poolName(`${name}-${bytes}-${historyLen}`);
  const frame = sampleFrame(bytes);
  using producer = TensorProducer.fromSample(pool, frame, { historyLen });
  using consumer = TensorConsumer.attach(pool);
  for (let i = 0; i <= historyLen; i++) producer.put(frame);
  const operation = lending.operation(producer, consumer, historyLen);
  const plan = planBatches(operation, context.quick ? 40 : 200);
  const { slots } = ringOf(pool);
  const runs = context.runs(3, 9);
  const values: number[] = [];
  const baselines: number[] = [];
  for (let run = 0; run < runs; run++) {
    context.progress(`${name}, ${bytes} B, historyLen ${historyLen}, run ${run + 1} of ${runs}`);
    if (native !== null) {
      baselines.push(median(await native.ask(...lending.request(slots, plan.operations, plan.batches, historyLen))));
    }
    values.push(median(timeBatches(operation, plan)));
  }
  const metric = `historyLen ${historyLen}`;
  const promise = promised.atMost(300, 'ns');
  const goal = historyLen === 1 && bytes === LENT_SIZES[0] ? name : undefined;
  return summarise({ name, size: bytes, metric, unit: 'ns', against, values, baselines, promise, goal });
}

function benchmarkOf(lending: Lending, measures: string): Benchmark {
  return {
    name: lending.name,
    measures,
    programs: ['ring_ops'],
    async run(context) {
      const native = context.native('ring_ops');
      const results: Result[] = [];
      for (const bytes of context.goalsOnly ? LENT_SIZES.slice(0, 1) : LENT_SIZES) {
        for (const historyLen of context.goalsOnly ? HISTORY_LENS.slice(0, 1) : HISTORY_LENS)
          results.push(await measure(context, native, lending, bytes, historyLen));
      }
      native?.stop();
      return results;
    },
  };
}

export const loanCommit = benchmarkOf(
  {
    name: 'loan-commit',
    against: 'the same shared words in C',
    operation: (producer) => () => void producer.loan().commit(),
    request: (slots, operations, batches) => ['loan', slots, operations, batches],
  },
  'producer.loan() and slot.commit(), nothing written',
);

export const borrowRelease = benchmarkOf(
  {
    name: 'borrow-release',
    against: 'the same shared words in C',
    operation: (_, consumer, historyLen) => () => consumer.borrow({ historyLen })?.release(),
    request: (slots, operations, batches, historyLen) => ['borrow', slots, operations, batches, historyLen],
  },
  'consumer.borrow({ historyLen }) and view.release(), nothing read',
);
