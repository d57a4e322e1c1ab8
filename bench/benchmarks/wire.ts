// The Python package's wire: ours beside the peers of test/wire, on the shapes and at the rates at which the package itself was measured.

import { type Tools, WIRE_CONFIGURATION, WIRE_DOMAIN, wireTools } from '../../test/wire/support/peers';
import { sleep } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import { median, type Promised, percentile, promised, summarise } from '../harness/stats';
import { RECORDED, wireTable } from '../harness/wire-table';
import { type Kind, type Pair, startPair, stopPair } from './wire-sides';

const HISTORY = 10;
const WINDOW = 5;
/** Peers are ended after two minutes: so many runs, and new ones are started. */
const RUNS_OF_A_PAIR = 4;
/** The last frame arrives, and whoever wakes for nothing goes back to sleep. */
const SETTLE_MS = 60;
/** A loop of a policy that asks for its window when it comes to it. */
const POLL_MS = 20;
const POLLED = `get(${HISTORY}) while frames come`;

interface Shape {
  readonly shape: readonly number[];
  readonly dtype: 'uint8' | 'float32';
  readonly bytes: number;
  readonly rateHz: number;
  /** Puts before any is counted: so that engines have compiled what they will. */
  readonly warmPuts: number;
  readonly warmHz: number;
  readonly puts: { readonly quick: number; readonly full: number };
}

const shapes: readonly Shape[] = [
  {
    shape: [480, 640, 3],
    dtype: 'uint8',
    bytes: 921600,
    rateHz: 30,
    warmPuts: 250,
    warmHz: 250,
    puts: { quick: 20, full: 60 },
  },
  {
    shape: [1080, 1920, 3],
    dtype: 'uint8',
    bytes: 6220800,
    rateHz: 30,
    warmPuts: 120,
    warmHz: 60,
    puts: { quick: 20, full: 60 },
  },
  { shape: [7], dtype: 'float32', bytes: 28, rateHz: 100, warmPuts: 250, warmHz: 500, puts: { quick: 40, full: 150 } },
];

/** Who writes to whom. The first three are compared with each other, the rest are how they mix. */
const pairs: readonly (readonly [Kind, Kind])[] = [
  ['ours', 'ours'],
  ['Python', 'Python'],
  ['C', 'C'],
  ['lent', 'lent'],
  ['ours', 'lent'],
  ['ours', 'Python'],
  ['Python', 'ours'],
  ['ours', 'C'],
  ['C', 'ours'],
];

const GETS = { quick: 8, full: 20 } as const;
/** Half of what the package's put takes, and a third of its way from put to callback. */
const PARTS: Readonly<Record<string, number>> = { put: 1 / 2, 'put → callback': 1 / 3 };

function promiseOf(metric: string, bytes: number): Promised | undefined {
  const part = PARTS[metric];
  const recorded = RECORDED[bytes]?.[metric];
  return part === undefined || recorded === undefined ? undefined : promised.atMost(Math.round(recorded.medianUs * part), 'µs');
}

/** To start a pair. */
const ATTEMPTS = 3;

/** Samples of one figure of one pair, run by run. */
class Samples {
  readonly #runs = new Map<string, number[][]>();

  add(pair: string, metric: string, samples: readonly number[]): void {
    const key = `${pair}: ${metric}`;
    const runs = this.#runs.get(key);
    if (runs === undefined) this.#runs.set(key, [[...samples]]);
    else runs.push([...samples]);
  }

  medians(pair: string, metric: string): number[] {
    return (this.#runs.get(`${pair}: ${metric}`) ?? []).map(median);
  }

  /** Of all runs together: one run has too few for it. */
  p99(pair: string, metric: string): number[] {
    const all = this.#runs.get(`${pair}: ${metric}`)?.flat() ?? [];
    return all.length === 0 ? [] : [percentile(all, 0.99)];
  }
}

async function measureRun(context: Context, pair: Pair, { rateHz, puts }: Shape, samples: Samples): Promise<void> {
  const { from, to, producer, consumer } = pair;
  const name = `${from} → ${to}`;
  await consumer.arrivals();
  const { atUs, tookUs } = await producer.put(context.quick ? puts.quick : puts.full, rateHz);
  await sleep(SETTLE_MS);
  const latencies: number[] = [];
  const seen = new Set<number>();
  for (const { seed, atUs: arrivedUs } of await consumer.arrivals()) {
    const sentUs = atUs[seed];
    if (sentUs === undefined || seen.has(seed)) continue;
    seen.add(seed);
    latencies.push(arrivedUs - sentUs);
  }
  if (latencies.length < atUs.length / 2) {
    throw new Error(`${name}: of ${atUs.length} frames ${latencies.length} arrived`);
  }
  samples.add(name, 'put', tookUs);
  samples.add(name, 'put → callback', latencies);
  if (from !== to) return;
  for (const historyLen of [1, WINDOW]) {
    const got: number[] = [];
    for (let i = 0; i < (context.quick ? GETS.quick : GETS.full); i++) got.push(await consumer.get(historyLen));
    samples.add(name, `get(${historyLen})`, got);
  }
  // All that there is, asked for at any time while frames come.
  let over = false;
  const frames = producer.put(context.quick ? puts.quick : puts.full, rateHz).finally(() => {
    over = true;
  });
  const polled: number[] = [];
  while (!over) {
    await sleep(POLL_MS + Math.random() * POLL_MS);
    if (!over) polled.push(await consumer.get(HISTORY));
  }
  await frames;
  await sleep(SETTLE_MS);
  samples.add(name, POLLED, polled);
}

function resultsOf(samples: Samples, bytes: number): Result[] {
  const results: Result[] = [];
  const row = (metric: string, of: string, against: string, label: string, promise?: Promised) => {
    const common = { name: 'wire', size: bytes, unit: 'µs', against: `${against}, the same` };
    const values = samples.medians(of, metric);
    if (values.length === 0) return;
    const baselines = samples.medians(against, metric);
    results.push(summarise({ ...common, metric: label, values, baselines, promise }));
    const [p99, limit] = [samples.p99(of, metric), samples.p99(against, metric)];
    results.push(summarise({ ...common, metric: `${label} p99`, values: p99, baselines: limit }));
  };
  for (const metric of ['put', 'get(1)', `get(${WINDOW})`, POLLED, 'put → callback']) {
    row(metric, 'ours → ours', 'Python → Python', metric, promiseOf(metric, bytes));
    row(metric, 'ours → ours', 'C → C', metric);
  }
  // Frames that nobody copies, where both sides are ours.
  for (const against of ['Python → Python', 'C → C']) {
    row('put', 'lent → lent', against, 'loan + commit');
    row('put → callback', 'ours → lent', against, 'put → borrowed view');
    row('put → callback', 'lent → lent', against, 'loan → borrowed view');
  }
  for (const [from, to] of pairs) {
    if (from === to || to === 'lent') continue;
    const other = from === 'ours' ? to : from;
    row('put → callback', `${from} → ${to}`, `${other} → ${other}`, `put → callback, ${from} → ${to}`);
  }
  return results;
}

/** A pair that has met and is warm. Python consumers that meet a notice before they know its pool stay behind for good: then another is started. */
async function startWarm(context: Context, tools: Tools, from: Kind, to: Kind, shape: Shape, label: string): Promise<Pair> {
  for (let attempt = 1; ; attempt++) {
    const name = context.poolName(`wire_${shape.bytes}_${from}_${to}_${label}_${attempt}`).replaceAll('-', '_');
    const config = { name, shape: shape.shape, dtype: shape.dtype, historyLen: HISTORY, domainId: WIRE_DOMAIN };
    const pair = await startPair(context, tools, from, to, config);
    await pair.producer.put(shape.warmPuts, shape.warmHz);
    if ((await pair.consumer.arrivals()).length > 0) return pair;
    await stopPair(pair);
    if (attempt === ATTEMPTS) throw new Error(`${from} → ${to}: no frame arrived in ${ATTEMPTS} attempts`);
  }
}

export const wire: Benchmark = {
  name: 'wire',
  measures:
    "the Python package's wire over Cyclone DDS, history 10, two processes, beside peers in Python and C that do the same",
  programs: [],
  table: wireTable,
  async run(context) {
    // Ours and the peers alike.
    process.env['CYCLONEDDS_URI'] = WIRE_CONFIGURATION;
    // The folder is removed with everything in it, also when this process is ended.
    process.env['TMPDIR'] = context.folder;
    const tools = wireTools();
    if (tools === null) {
      context.report(
        'skip',
        'wire needs its peers: apt-get install cyclonedds-dev cyclonedds-tools libddsc0debian python3-numpy gcc',
      );
      return [];
    }
    const results: Result[] = [];
    const runs = context.runs(2, 5);
    for (const shape of shapes) {
      const samples = new Samples();
      for (let first = 0; first < runs; first += RUNS_OF_A_PAIR) {
        const started: Pair[] = [];
        for (const [from, to] of pairs) {
          context.progress(`wire, ${shape.bytes} B, starting ${from} → ${to}`);
          started.push(await startWarm(context, tools, from, to, shape, `${first}`));
        }
        for (let run = first; run < Math.min(first + RUNS_OF_A_PAIR, runs); run++) {
          for (const pair of started) {
            context.progress(`wire, ${shape.bytes} B, ${pair.from} → ${pair.to}, run ${run + 1} of ${runs}`);
            await measureRun(context, pair, shape, samples);
          }
        }
        for (const pair of started) await stopPair(pair);
      }
      results.push(...resultsOf(samples, shape.bytes));
    }
    return results;
  },
};
