// Other ways to pass frames from one process to another, beside ours, in the same rounds: one way, at the paces of a robot's state, of a
// camera, and of a large one.

import type { Benchmark, Context, Result } from '../harness/contract';
import type { GoalRow } from '../harness/goals';
import { median, percentile, summarise } from '../harness/stats';
import { installPeers, OURS, type Pair, PEERS, type Way } from './peer-pairs';

interface Workload {
  readonly label: string;
  readonly bytes: number;
  readonly rateHz: number;
  readonly frames: { readonly quick: number; readonly full: number };
}

const WORKLOADS: readonly Workload[] = [
  { label: '28 B at 1 kHz', bytes: 28, rateHz: 1000, frames: { quick: 100, full: 500 } },
  { label: '1080p at 100 Hz', bytes: 6_220_800, rateHz: 100, frames: { quick: 20, full: 100 } },
  { label: '4K at 30 Hz', bytes: 24_883_200, rateHz: 30, frames: { quick: 10, full: 45 } },
];

/** Frames of a round that are not counted. */
const LEAD_FRAMES = 4;
/** So that engines have compiled what they will. */
const WARM = { frames: 1500, bytes: 1e9, rateHz: 4000 } as const;

/** What each of our ways is measured against, the first that is there, and the rows of the table of goals that it fills. */
const BESIDE: Readonly<Record<string, { readonly peers: readonly string[]; readonly rows: Readonly<Record<string, GoalRow>> }>> =
  {
    'loan → borrow': { peers: ['workers, in place'], rows: { '1080p at 100 Hz': 'one-way-1080p', '4K at 30 Hz': 'one-way-4k' } },
    'put → next': { peers: ['shm-typed-array + socket', 'Unix socket'], rows: { '28 B at 1 kHz': 'one-way-28' } },
    'spin, loan → borrow': { peers: ['iceoryx2 in Python, polling'], rows: { '28 B at 1 kHz': 'spin-paced' } },
  };

interface Running {
  readonly way: Way;
  readonly pair: Pair;
  /** Medians of the rounds, in µs. */
  readonly values: number[];
  readonly latenciesNs: number[];
}

async function startAll(context: Context, workload: Workload, ways: readonly Way[]): Promise<Running[]> {
  const running: Running[] = [];
  const warmFrames = Math.ceil(Math.min(WARM.frames, WARM.bytes / workload.bytes) / (context.quick ? 5 : 1));
  for (const [i, way] of ways.entries()) {
    context.progress(`peers, ${workload.label}, ${way.name}, warming up`);
    try {
      const pair = await way.start(context, `peers-${workload.bytes}-${i}`, workload.bytes);
      const warm = await pair.run(WARM.rateHz, warmFrames);
      if (warm.length === 0) throw new Error('no frame arrived');
      running.push({ way, pair, values: [], latenciesNs: [] });
    } catch (error) {
      context.report('skip', `${way.name}, ${workload.label}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    }
  }
  return running;
}

async function measure(context: Context, workload: Workload, ways: readonly Way[]): Promise<Result[]> {
  const { label, bytes, rateHz } = workload;
  const frames = context.quick ? workload.frames.quick : workload.frames.full;
  const running = await startAll(context, workload, ways);
  const runs = context.runs(2, 5);
  for (let run = 0; run < runs; run++) {
    for (const { way, pair, values, latenciesNs } of running) {
      context.progress(`peers, ${label}, ${way.name}, run ${run + 1} of ${runs}`);
      const counted = (await pair.run(rateHz, frames + LEAD_FRAMES)).slice(LEAD_FRAMES);
      latenciesNs.push(...counted);
      if (counted.length > 0) values.push(median(counted) / 1000);
    }
  }
  for (const { pair } of running) await pair.stop();
  const sent = runs * frames;
  return running.flatMap(({ way, values, latenciesNs }) => {
    if (values.length === 0) return [];
    const ours = BESIDE[way.name];
    const same = (other: Running) =>
      OURS.includes(other.way) && other.way.wait === way.wait && (other.way.form === way.form || way.wait === 'spinning');
    const beside =
      ours === undefined
        ? running.find(same)
        : ours.peers.map((name) => running.find((other) => other.way.name === name)).find((other) => other !== undefined);
    const lost = sent - latenciesNs.length;
    return summarise({
      name: 'peers',
      size: bytes,
      metric: `${label}: ${OURS.includes(way) ? `ours, ${way.name}` : way.name}`,
      unit: 'µs',
      against: beside === undefined ? '' : OURS.includes(beside.way) ? `ours, ${beside.way.name}` : beside.way.name,
      values,
      baselines: beside?.values ?? [],
      goal: ours?.rows[label],
      note: `p99 ${Math.round(percentile(latenciesNs, 0.99) / 1000)} µs${lost > 0 ? `, ${lost} of ${sent} frames were skipped or lost` : ''}`,
    });
  });
}

export const peers: Benchmark = {
  name: 'peers',
  measures:
    'one way, from just before the frame is written until the reader has it: other libraries and what Node brings along, beside ours',
  programs: [],
  onRequest: true,
  nodeOnly: true,
  cores: 2,
  async run(context) {
    installPeers();
    const compared = new Set(Object.values(BESIDE).flatMap((beside) => beside.peers));
    const ways = [...OURS, ...PEERS.filter(({ name }) => !context.goalsOnly || compared.has(name))];
    const results: Result[] = [];
    for (const workload of WORKLOADS) results.push(...(await measure(context, workload, ways)));
    return results;
  },
};
