// What opening large pools does to the event loop: how long it stands still, and how long all of it takes; and what the first lap costs after
// a take-over.

import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs, timeEach } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import { digits } from '../harness/format';
import type { GoalRow } from '../harness/goals';
import { ringOf, sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { median, summarise } from '../harness/stats';

const GIB = 2 ** 30;
const LARGE_FRAME_BYTES = 24_883_200;
const ATTACH_BYTES = 1.5 * GIB;
const CREATE_BYTES = 6.6 * GIB;
const QUICK_BYTES = 0.5 * GIB;
/** Of what is free in /dev/shm and in memory: the machine has others to serve. */
const SHARE = 0.5;

const LAP_FRAME_BYTES = 6_220_800;
const LAP_HISTORY = 10;

/** A producer of a pool, to be killed. */
export const dyingRole = {
  name: 'dying-producer',
  start({ pool, frameBytes, historyLen, frames }: { pool: string; frameBytes: number; historyLen: number; frames: number }) {
    const frame = sampleFrame(frameBytes);
    const producer = TensorProducer.fromSample(pool, frame, { historyLen });
    for (let i = 0; i < frames; i++) producer.put(frame);
    return { sequence: () => producer.nextSequence };
  },
} satisfies Role<{ pool: string; frameBytes: number; historyLen: number; frames: number }, Commands>;

interface Standstill {
  /** The longest time between two turns of the event loop. */
  readonly longestMs: number;
  /** The longest that this thread was on a processor between two turns: less than that on a machine that others use. */
  readonly longestCpuMs: number;
  readonly totalMs: number;
  readonly opened: Disposable;
}

const threadCpuNs = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]);

async function standstill(work: () => Promise<Disposable>): Promise<Standstill> {
  let longestNs = 0;
  let longestCpuNs = 0;
  let last = nowNs();
  let lastCpu = threadCpuNs();
  let on = true;
  const look = () => {
    const now = nowNs();
    const cpu = threadCpuNs();
    longestNs = Math.max(longestNs, now - last);
    longestCpuNs = Math.max(longestCpuNs, cpu - lastCpu);
    last = now;
    lastCpu = cpu;
    if (on) setImmediate(look);
  };
  await new Promise((resolve) => setImmediate(resolve));
  last = nowNs();
  lastCpu = threadCpuNs();
  setImmediate(look);
  const start = last;
  const opened = await work();
  const totalMs = (nowNs() - start) / 1e6;
  look();
  on = false;
  await new Promise((resolve) => setImmediate(resolve));
  return { longestMs: longestNs / 1e6, longestCpuMs: longestCpuNs / 1e6, totalMs, opened };
}

function historyOf(bytes: number): number {
  const { bsize, bavail } = statfsSync('/dev/shm');
  const room = Math.min(bytes, SHARE * bsize * bavail, SHARE * freemem());
  return Math.max(1, Math.floor(room / LARGE_FRAME_BYTES));
}

interface Opening {
  readonly metric: string;
  readonly goal: GoalRow | undefined;
  open(): Promise<Disposable>;
}

function connected(consumer: TensorConsumer): TensorConsumer {
  if (!consumer.connected) throw new Error(`the pool ${consumer.name} was not there`);
  return consumer;
}

const turned =
  <T>(open: () => T) =>
  async () =>
    open();

async function openings(context: Context, bytes: number, runs: number, ways: readonly Opening[]): Promise<Result[]> {
  const longest: number[][] = ways.map(() => []);
  const cpu: number[][] = ways.map(() => []);
  const totals: number[][] = ways.map(() => []);
  for (let run = 0; run < runs; run++) {
    for (const [i, { metric, open }] of ways.entries()) {
      context.progress(`attach, ${metric}, ${(bytes / GIB).toFixed(1)} GiB, run ${run + 1} of ${runs}`);
      const { longestMs, longestCpuMs, totalMs, opened } = await standstill(open);
      opened[Symbol.dispose]();
      longest[i]?.push(longestMs);
      cpu[i]?.push(longestCpuMs);
      totals[i]?.push(totalMs);
    }
  }
  const common = { name: 'attach', size: bytes, unit: 'ms', against: '', baselines: [] };
  return ways.flatMap(({ metric, goal }, i) => [
    summarise({
      ...common,
      metric: `${metric}: longest standstill`,
      values: longest[i] ?? [],
      goal,
      note: `at most ${digits(median(cpu[i] ?? []))} ms of it on a processor`,
    }),
    summarise({ ...common, metric: `${metric}: all of it`, values: totals[i] ?? [] }),
  ]);
}

async function attaching(context: Context): Promise<Result[]> {
  const historyLen = historyOf(context.quick ? QUICK_BYTES : ATTACH_BYTES);
  const pool = context.poolName('attach');
  using producer = await TensorProducer.create(pool, new Uint8Array(LARGE_FRAME_BYTES), { historyLen });
  producer.put(sampleFrame(LARGE_FRAME_BYTES));
  const { slots, strideBytes } = ringOf(pool);
  return await openings(context, slots * strideBytes, context.runs(2, 5), [
    {
      metric: 'TensorConsumer.open',
      goal: 'attach-piece',
      open: async () => connected(await TensorConsumer.open(pool)),
    },
    { metric: 'TensorConsumer.attach', goal: undefined, open: turned(() => connected(TensorConsumer.attach(pool))) },
  ]);
}

function creating(context: Context): Promise<Result[]> {
  const historyLen = historyOf(context.quick ? QUICK_BYTES : CREATE_BYTES);
  const pool = context.poolName('create');
  const sample = new Uint8Array(LARGE_FRAME_BYTES);
  const ways: Opening[] = [
    {
      metric: 'TensorProducer.create',
      goal: 'create-piece',
      open: () => TensorProducer.create(pool, sample, { historyLen }),
    },
  ];
  if (!context.goalsOnly)
    ways.push({
      metric: 'new TensorProducer',
      goal: undefined,
      open: turned(() => TensorProducer.fromSample(pool, sample, { historyLen })),
    });
  return openings(context, historyLen * LARGE_FRAME_BYTES, context.runs(1, 2), ways);
}

/** ns of a put in a lap: the median, since an interruption is longer than any page fault. */
function lap(producer: TensorProducer, frame: Uint8Array, slots: number): number {
  return median(
    timeEach(
      () => void producer.put(frame),
      () => {},
      slots,
    ),
  );
}

async function takingOver(context: Context): Promise<Result[]> {
  const runs = context.runs(3, 7);
  const frame = sampleFrame(LAP_FRAME_BYTES);
  const config = { frameBytes: LAP_FRAME_BYTES, historyLen: LAP_HISTORY, frames: 2 * LAP_HISTORY };
  const ways = ['constructor', 'create'] as const;
  const first: Record<(typeof ways)[number], number[]> = { constructor: [], create: [] };
  const second: Record<(typeof ways)[number], number[]> = { constructor: [], create: [] };
  for (let run = 0; run < runs; run++) {
    for (const way of ways) {
      context.progress(`attach, take-over by ${way}, run ${run + 1} of ${runs}`);
      const pool = context.poolName(`lap-${way}-${run}`);
      const partner = await context.partner(dyingRole, { pool, ...config });
      const { slots } = ringOf(pool);
      partner.kill();
      await partner.ended;
      using producer =
        way === 'create'
          ? await TensorProducer.create(pool, frame, { historyLen: LAP_HISTORY })
          : TensorProducer.fromSample(pool, frame, { historyLen: LAP_HISTORY });
      if (producer.nextSequence !== config.frames) throw new Error(`${pool} was not taken over`);
      first[way].push(lap(producer, frame, slots));
      second[way].push(median([lap(producer, frame, slots), lap(producer, frame, slots), lap(producer, frame, slots)]));
    }
  }
  return ways.map((way) =>
    summarise({
      name: 'attach',
      size: LAP_FRAME_BYTES,
      metric: `put in the first lap after a take-over by ${way}`,
      unit: 'ns',
      against: 'put in the laps after it',
      values: first[way],
      baselines: second[way],
      goal: way === 'constructor' ? 'take-over-lap' : undefined,
    }),
  );
}

export const attach: Benchmark = {
  name: 'attach',
  measures:
    'opening large pools: how long the event loop stands still, and how long all of it takes; the first lap after a take-over',
  programs: [],
  async run(context) {
    return [...(await takingOver(context)), ...(await attaching(context)), ...(await creating(context))];
  },
};
