import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs, sleep, sleepUntilNs } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import type { GoalRow } from '../harness/goals';
import { sampleFrame } from '../harness/pools';
import type { Commands, Partner, Role } from '../harness/processes';
import { median, summarise } from '../harness/stats';
import { cpuNs } from '../harness/usage';
import { threadsRole } from './worker-threads';

const FRAME_BYTES = 1920 * 1080 * 3;
const READERS = 8;
const RATE_HZ = 30;
/** Frames of a run, and before the first: an engine compiles what it meets often. */
const FRAMES = { quick: 45, full: 150 } as const;
const WARM_FRAMES = { quick: 300, full: 2000 } as const;
const WARM_RATE_HZ = 400;
/** By then everybody has taken the last frame, and gone to sleep. */
const SETTLE_MS = 30;

const ways = ['loan → frames({ borrow })', 'put → frames({ borrow })', 'loan → waitSync()'] as const;
type Way = (typeof ways)[number];

interface Listen {
  readonly way: Way;
  /** The last frame of the run. */
  readonly last: number;
}

class Reader {
  readonly #consumer: TensorConsumer;
  /** Handed on, so that no engine leaves the looking out. */
  checksum = 0;

  constructor(pool: string) {
    this.#consumer = TensorConsumer.attach(pool);
  }

  /** Ends with frame `last`. Which frame it was that ended it. */
  async listen({ way, last }: Listen): Promise<number> {
    if (way === 'loan → waitSync()') return this.#block(last);
    for await (const view of this.#consumer.frames({ borrow: true })) {
      const { sequence } = view;
      this.#look(view.data);
      view.release();
      if (sequence >= last) return sequence;
    }
    return -1;
  }

  #block(last: number): number {
    for (;;) {
      if (!this.#consumer.waitSync(5000)) return -1;
      const view = this.#consumer.borrow();
      if (view === null) continue;
      const { sequence } = view;
      this.#look(view.data);
      view.release();
      if (sequence >= last) return sequence;
    }
  }

  #look(data: ArrayLike<number | bigint>): void {
    this.checksum += Number(data[0]) + Number(data[data.length - 1]);
  }
}

export const fanOutRole = {
  name: 'fan-out-reader',
  start({ pool }: { readonly pool: string }) {
    const reader = new Reader(pool);
    return { listen: (what: Listen) => reader.listen(what), checksum: () => reader.checksum };
  },
} satisfies Role<{ readonly pool: string }, Commands>;

type Readers = readonly Partner<ReturnType<typeof fanOutRole.start>>[];

/** Sends frames at a pace. µs of CPU of all processes a frame. */
async function fan(producer: TensorProducer, readers: Readers, way: Way, frames: number, rateHz: number): Promise<number> {
  const last = producer.nextSequence + frames - 1;
  const ended = Promise.all(readers.map((reader) => reader.call('listen', { way, last })));
  await sleep(SETTLE_MS);
  const pids = [process.pid, ...readers.map(({ pid }) => pid)];
  const own = sampleFrame(FRAME_BYTES);
  const used = () => pids.reduce((sum, pid) => sum + cpuNs(pid), 0);
  // The reading of /proc is work of this process, and not the frames': once more tells what it takes.
  const before = used();
  const overheadNs = used() - before;
  const start = used();
  let due = nowNs();
  for (let i = 0; i < frames; i++) {
    due = Math.max(due + 1e9 / rateHz, nowNs());
    sleepUntilNs(due);
    if (way === 'put → frames({ borrow })') {
      producer.put(own);
      continue;
    }
    const slot = producer.loan();
    const { data } = slot;
    data[0] = 1;
    data[data.length - 1] = 2;
    slot.commit();
  }
  // Without a turn of the event loop, which would be this process's own work.
  sleepUntilNs(nowNs() + SETTLE_MS * 1e6);
  const totalNs = used() - start - overheadNs;
  await ended;
  return totalNs / 1000 / frames;
}

async function measure(context: Context): Promise<Result[]> {
  const pool = context.poolName('fan-out');
  const native = context.native('futex_fanout');
  using producer = TensorProducer.fromSample(pool, sampleFrame(FRAME_BYTES), { historyLen: 4 });
  const readers: Partner<ReturnType<typeof fanOutRole.start>>[] = [];
  for (let i = 0; i < READERS; i++) readers.push(await context.partner(fanOutRole, { pool }));
  const threads = await context.partner(threadsRole, { readers: READERS, bytes: FRAME_BYTES });
  const size = context.quick ? ('quick' as const) : ('full' as const);
  const inThreads = async (frames: number, rateHz: number, copies: boolean) => {
    const before = cpuNs(threads.pid);
    await threads.call('send', { frames, rateHz, copies });
    return (cpuNs(threads.pid) - before) / 1000 / frames;
  };
  context.progress('fan-out, warming up');
  for (const way of ways) await fan(producer, readers, way, WARM_FRAMES[size], WARM_RATE_HZ);
  for (const copies of [false, true]) await inThreads(WARM_FRAMES[size], WARM_RATE_HZ, copies);
  const values = new Map<Way, number[]>(ways.map((way) => [way, []]));
  const lent: number[] = [];
  const copied: number[] = [];
  const bare: number[] = [];
  const runs = context.runs(3, 5);
  for (let run = 0; run < runs; run++) {
    context.progress(`fan-out, run ${run + 1} of ${runs}`);
    for (const way of ways) values.get(way)?.push(await fan(producer, readers, way, FRAMES[size], RATE_HZ));
    lent.push(await inThreads(FRAMES[size], RATE_HZ, false));
    copied.push(await inThreads(FRAMES[size], RATE_HZ, true));
    if (native !== null) bare.push(median(await native.ask('fanout', READERS, FRAMES[size], RATE_HZ, FRAME_BYTES)));
  }
  for (const partner of [...readers, threads]) await partner.stop();
  const row = (metric: string, figures: readonly number[], against: string, baselines: readonly number[], goal?: GoalRow) =>
    summarise({
      name: 'fan-out',
      size: FRAME_BYTES,
      metric,
      unit: 'µs',
      against,
      values: figures,
      baselines,
      goal,
    });
  const [lending, putting, blocking] = ways.map((way) => values.get(way) ?? []) as [number[], number[], number[]];
  const inOneProcess = 'workers + Atomics.waitAsync, one Node process';
  const futex = `${READERS} processes on a futex, C`;
  return [
    row(ways[0], lending, inOneProcess, lent, 'fan-out-borrow'),
    row(ways[1], putting, `${inOneProcess}, copied in`, copied, 'fan-out-copy'),
    row(ways[2], blocking, futex, bare, 'fan-out-sync'),
    row('workers + Atomics.waitAsync', lent, futex, bare),
  ];
}

export const fanOut: Benchmark = {
  name: 'fan-out',
  measures: `CPU of all processes for a frame at ${RATE_HZ} Hz that ${READERS} sleeping readers look at in place`,
  programs: ['futex_fanout'],
  nodeOnly: true,
  run: measure,
};
