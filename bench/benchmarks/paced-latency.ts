import { join } from 'node:path';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs, sleep, sleepUntilNs } from '../harness/clock';
import { type Benchmark, type Context, type Result, SIZES } from '../harness/contract';
import { makeFifo, readFifo, writeFifo } from '../harness/pipes';
import { apart, place } from '../harness/placement';
import { historyFor, sampleFrame } from '../harness/pools';
import type { Commands, Partner, Role } from '../harness/processes';
import { median, percentile, summarise } from '../harness/stats';

const RATES_HZ = [100, 1000] as const;
const ways = ['put → get', 'loan → borrow'] as const;
export type Way = (typeof ways)[number];

/** Frames that come before those that count in each run. */
const LEAD_FRAMES = 4;
/** So that the engine has compiled what it will: a pool at 100 Hz gets there within seconds of its life. */
const WARM_RATE_HZ = 4000;
const WARM_FRAMES = { quick: 400, full: 4000 } as const;
/** Frames to warm up with are fewer where they are large. */
const WARM_BYTES = 1e9;
/** Frames of a run. */
const COUNTS = { quick: { 100: 12, 1000: 60 }, full: { 100: 100, 1000: 500 } } as const;
/** Pace held to this part of the rate counts as held. */
const PACE_TOLERANCE = 0.95;

interface SleeperConfig {
  readonly pool: string;
  readonly fifo: string;
}

/** When each frame had been received, by number. Plain arrays, because JSON carries them. */
interface Arrivals {
  readonly sequences: number[];
  readonly timesNs: number[];
  /** Of the bytes that were looked at: handed on, so that no engine leaves the looking out. */
  checksum: number;
}

function noArrivals(): Arrivals {
  return { sequences: [], timesNs: [], checksum: 0 };
}

/** The consumer: asleep on its event loop, noting when it has a frame in its hands. */
class Sleeper {
  readonly #consumer: TensorConsumer;
  #arrivals = noArrivals();
  #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(pool: string) {
    this.#consumer = TensorConsumer.attach(pool);
  }

  listen(way: Way): void {
    this.#arrivals = noArrivals();
    this.#stop = new AbortController();
    this.#loop = way === 'put → get' ? this.#get(this.#stop.signal) : this.#borrow(this.#stop.signal);
  }

  async collect(): Promise<Arrivals> {
    this.#stop.abort();
    await this.#loop;
    return this.#arrivals;
  }

  async #get(signal: AbortSignal): Promise<void> {
    for await (const frame of this.#consumer.frames({ signal })) {
      this.#note(frame.sequence);
      frame.release();
    }
  }

  async #borrow(signal: AbortSignal): Promise<void> {
    for await (const view of this.#consumer.frames({ borrow: true, signal })) {
      const { data } = view;
      this.#arrivals.checksum += Number(data[0]) + Number(data[data.length - 1]);
      this.#note(view.sequence);
      view.release();
    }
  }

  #note(sequence: number): void {
    this.#arrivals.timesNs.push(nowNs());
    this.#arrivals.sequences.push(sequence);
  }
}

/** The same on a bare FIFO: the byte that arrives as number n was written as number n. */
class PipeSleeper {
  #arrivals = noArrivals();

  constructor(fifo: string) {
    readFifo(fifo, (count) => {
      const at = nowNs();
      for (let i = 0; i < count; i++) {
        this.#arrivals.sequences.push(this.#arrivals.sequences.length);
        this.#arrivals.timesNs.push(at);
      }
    });
  }

  listen(): void {
    this.#arrivals = noArrivals();
  }

  collect(): Arrivals {
    return this.#arrivals;
  }
}

export const sleeperRole = {
  name: 'paced-sleeper',
  start({ pool, fifo }: SleeperConfig) {
    const sleeper = new Sleeper(pool);
    const pipe = new PipeSleeper(fifo);
    return {
      listen: (way: Way | 'pipe') => (way === 'pipe' ? pipe.listen() : sleeper.listen(way)),
      collect: (way: Way | 'pipe') => (way === 'pipe' ? pipe.collect() : sleeper.collect()),
    };
  },
} satisfies Role<SleeperConfig, Commands>;

interface Paced {
  readonly latenciesNs: number[];
  readonly achievedHz: number;
}

/** Sends `count` frames at a pace and asks the partner when they came. `send` gives back number and time of one. */
export async function paced(
  partner: Partner<ReturnType<typeof sleeperRole.start>>,
  way: Way | 'pipe',
  rateHz: number,
  count: number,
  send: () => { sequence: number; sentNs: number },
): Promise<Paced> {
  await partner.call('listen', way);
  await sleep(20); // until it sleeps
  const sent = new Map<number, number>();
  const periodNs = 1e9 / rateHz;
  const start = nowNs();
  let due = start;
  for (let i = 0; i < count + LEAD_FRAMES; i++) {
    sleepUntilNs(due);
    const { sequence, sentNs } = send();
    if (i >= LEAD_FRAMES) sent.set(sequence, sentNs);
    // A producer that cannot keep the pace sends as fast as it can, not in bursts.
    due = Math.max(due + periodNs, nowNs());
  }
  const achievedHz = (count + LEAD_FRAMES - 1) / ((nowNs() - start) / 1e9);
  await sleep(30); // the last one arrives
  const { sequences, timesNs } = await partner.call('collect', way);
  const latenciesNs: number[] = [];
  for (const [i, sequence] of sequences.entries()) {
    const sentNs = sent.get(sequence);
    if (sentNs !== undefined) latenciesNs.push((timesNs[i] as number) - sentNs);
  }
  return { latenciesNs, achievedHz };
}

export function sender(producer: TensorProducer, way: Way, frame: Uint8Array): () => { sequence: number; sentNs: number } {
  if (way === 'put → get') {
    return () => {
      const sentNs = nowNs();
      return { sequence: producer.put(frame), sentNs };
    };
  }
  return () => {
    const slot = producer.loan();
    const sentNs = nowNs();
    const { data } = slot;
    data[0] = 1;
    data[data.length - 1] = 2;
    return { sequence: slot.commit(), sentNs };
  };
}

async function measure(context: Context, bytes: number): Promise<Result[]> {
  const pool = context.poolName(`paced-${bytes}`);
  const fifo = join(context.folder, `paced-${bytes}`);
  makeFifo(fifo);
  const frame = sampleFrame(bytes);
  using producer = TensorProducer.fromSample(pool, frame, { historyLen: historyFor(bytes, 4) });
  const partner = await context.partner(sleeperRole, { pool, fifo });
  place(apart(), partner.pid);
  const pipe = writeFifo(fifo);
  let byte = 0;
  const ringPipe = () => {
    const sentNs = nowNs();
    pipe.ring();
    return { sequence: byte++, sentNs };
  };
  context.progress(`paced-latency, ${bytes} B, warming up`);
  const warmFrames = Math.min(context.quick ? WARM_FRAMES.quick : WARM_FRAMES.full, Math.ceil(WARM_BYTES / bytes));
  await paced(partner, 'pipe', WARM_RATE_HZ, warmFrames, ringPipe);
  for (const way of ways) await paced(partner, way, WARM_RATE_HZ, warmFrames, sender(producer, way, frame));
  const results: Result[] = [];
  const runs = context.runs(3, 5);
  for (const rateHz of RATES_HZ) {
    const count = (context.quick ? COUNTS.quick : COUNTS.full)[rateHz];
    const samples = new Map<Way, number[]>(ways.map((way) => [way, []]));
    const values = new Map<Way, number[]>(ways.map((way) => [way, []]));
    const slowest = new Map<Way, number>();
    const baselines: number[] = [];
    for (let run = 0; run < runs; run++) {
      context.progress(`paced-latency, ${bytes} B, ${rateHz} Hz, run ${run + 1} of ${runs}`);
      byte = 0;
      const bare = await paced(partner, 'pipe', rateHz, count, ringPipe);
      baselines.push(median(bare.latenciesNs) / 1000);
      for (const way of ways) {
        const { latenciesNs, achievedHz } = await paced(partner, way, rateHz, count, sender(producer, way, frame));
        samples.get(way)?.push(...latenciesNs);
        values.get(way)?.push(median(latenciesNs) / 1000);
        slowest.set(way, Math.min(slowest.get(way) ?? Infinity, achievedHz));
      }
    }
    for (const way of ways) {
      const achievedHz = slowest.get(way) ?? 0;
      const late = achievedHz < rateHz * PACE_TOLERANCE ? `, pace not held: ${Math.round(achievedHz)} Hz` : '';
      results.push(
        summarise({
          name: 'paced-latency',
          size: bytes,
          metric: `${way}, ${rateHz} Hz`,
          unit: 'µs',
          against: 'one byte on a bare FIFO, Node',
          values: values.get(way) ?? [],
          baselines,
          note: `p99 ${Math.round(percentile(samples.get(way) ?? [], 0.99) / 1000)} µs${late}`,
        }),
      );
    }
  }
  await partner.stop();
  return results;
}

export const pacedLatency: Benchmark = {
  name: 'paced-latency',
  measures: 'from just before put, or the writing into a loan, until a consumer that slept on its event loop has the frame',
  programs: [],
  nodeOnly: true,
  async run(context) {
    const results: Result[] = [];
    for (const bytes of SIZES) results.push(...(await measure(context, bytes)));
    return results;
  },
};
