import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { planBatches, timeBatches, timeEach } from '../harness/clock';
import { type Benchmark, type Context, type Result, SIZES } from '../harness/contract';
import type { Native } from '../harness/native';
import { type Ring, ringOf, sampleFrame } from '../harness/pools';
import { median, summarise } from '../harness/stats';

/** From here on a frame is measured alone, with the next one published before it; smaller ones last less than the clock does. */
const TIMED_ALONE_BYTES = 262_144;

/** Those for which fresh memory was dear. */
const FRESH_SIZES = [921_600, 6_220_800] as const;

/** How often each is done in a run, and how to time it and the bare memcpy in the same way. */
interface Measurement {
  value(operation: () => void): number;
  baseline(native: Native): Promise<number>;
}

function alone(context: Context, bytes: number, ring: Ring, publish: () => void): Measurement {
  const count = Math.max(12, Math.round((context.quick ? 2e8 : 1e9) / bytes / 4));
  return {
    value: (operation) => {
      // The first lap fetches what others have driven out of the caches.
      timeEach(operation, publish, ring.slots);
      return median(timeEach(operation, publish, count));
    },
    baseline: async (native) => median(await native.ask('each', bytes, ring.strideBytes, ring.slots, count)),
  };
}

function batched(context: Context, bytes: number, ring: Ring, operation: () => void): Measurement {
  const plan = planBatches(operation, context.quick ? 30 : 150);
  return {
    value: (timed) => median(timeBatches(timed, plan)),
    baseline: async (native) =>
      median(await native.ask('out', bytes, ring.strideBytes, ring.slots, plan.operations, plan.batches)),
  };
}

async function measure(context: Context, native: Native | null, bytes: number): Promise<Result[]> {
  const name = context.poolName(`get-${bytes}`);
  const frame = sampleFrame(bytes);
  using producer = TensorProducer.fromSample(name, frame);
  using consumer = TensorConsumer.fromSample(name, frame);
  const ring = ringOf(name);
  const into = new Uint8Array(bytes).fill(1);
  const variants: readonly (readonly [metric: string, operation: () => void])[] = [
    ['get({ into })', () => void consumer.get({ into })],
    ['get() + release', () => consumer.get()?.release()],
    ['get()', () => void consumer.get()],
  ];
  // Every slot holds a frame, so that going round with empty loans finds frames everywhere.
  for (let i = 0; i < ring.slots; i++) producer.put(frame);
  const publish = () => void producer.loan().commit();
  const measurement =
    bytes >= TIMED_ALONE_BYTES
      ? alone(context, bytes, ring, publish)
      : batched(context, bytes, ring, () => void consumer.get({ into }));
  const values: number[][] = variants.map(() => []);
  const baselines: number[] = [];
  const runs = context.runs(3, 9);
  for (const [, operation] of variants) measurement.value(operation);
  for (let run = 0; run < runs; run++) {
    context.progress(`get, ${bytes} B, run ${run + 1} of ${runs}`);
    if (native !== null) baselines.push(await measurement.baseline(native));
    for (const [i, [, operation]] of variants.entries()) values[i]?.push(measurement.value(operation));
  }
  const against = 'memcpy out of an equal ring, C';
  const results = variants.map(([metric], i) =>
    summarise({ name: 'get', size: bytes, metric, unit: 'ns', against, values: values[i] ?? [], baselines }),
  );
  const goal = bytes === 921_600 ? 'get-fresh-921600' : bytes === 6_220_800 ? 'get-fresh-6220800' : undefined;
  const [reused, , fresh] = values;
  results.push(
    summarise({
      name: 'get',
      size: bytes,
      metric: 'get() against get({ into })',
      unit: 'ns',
      against: 'get({ into })',
      values: fresh ?? [],
      baselines: reused ?? [],
      goal,
    }),
  );
  return results;
}

export const get: Benchmark = {
  name: 'get',
  measures: 'consumer.get of the latest frame: into memory of the caller, with the result handed back, and with a result kept',
  programs: ['ring_copy'],
  async run(context) {
    const native = context.native('ring_copy');
    const results: Result[] = [];
    for (const bytes of context.goalsOnly ? FRESH_SIZES : SIZES) results.push(...(await measure(context, native, bytes)));
    native?.stop();
    return results;
  },
};
