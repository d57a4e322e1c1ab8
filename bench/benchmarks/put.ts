import { TensorProducer } from 'tensor-ipc';
import { planBatches, timeBatches } from '../harness/clock';
import { type Benchmark, type Result, SIZES } from '../harness/contract';
import { ringOf, sampleFrame } from '../harness/pools';
import { median, type Promised, promised, summarise } from '../harness/stats';

function promiseFor(bytes: number): Promised | undefined {
  if (bytes < 1024) return promised.atMost(300, 'ns');
  return bytes >= 262_144 ? promised.ratioAtMost(1.15) : undefined;
}

export const put: Benchmark = {
  name: 'put',
  measures: 'producer.put of a frame with nobody waiting',
  programs: ['ring_copy'],
  async run(context) {
    const results: Result[] = [];
    const native = context.native('ring_copy');
    const runs = context.runs(3, 9);
    const runMs = context.quick ? 40 : 200;
    for (const bytes of context.goalsOnly ? [28] : SIZES) {
      const name = context.poolName(`put-${bytes}`);
      const frame = sampleFrame(bytes);
      using producer = TensorProducer.fromSample(name, frame);
      const { slots, strideBytes } = ringOf(name);
      const operation = () => void producer.put(frame);
      const plan = planBatches(operation, runMs);
      const values: number[] = [];
      const baselines: number[] = [];
      for (let run = 0; run < runs; run++) {
        context.progress(`put, ${bytes} B, run ${run + 1} of ${runs}`);
        if (native !== null) {
          baselines.push(median(await native.ask('in', bytes, strideBytes, slots, plan.operations, plan.batches)));
        }
        values.push(median(timeBatches(operation, plan)));
      }
      const against = 'memcpy into an equal ring, C';
      const promise = promiseFor(bytes);
      const goal = bytes === 28 ? 'put-28' : undefined;
      results.push(
        summarise({ name: 'put', size: bytes, metric: 'time', unit: 'ns', against, values, baselines, promise, goal }),
      );
    }
    native?.stop();
    return results;
  },
};
