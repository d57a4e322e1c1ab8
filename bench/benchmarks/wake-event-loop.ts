import { join } from 'node:path';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import { makeFifo, PipeEnd, readFifo, writeFifo } from '../harness/pipes';
import { type Placement, place, placed, sharedAndApart } from '../harness/placement';
import { sampleFrame } from '../harness/pools';
import type { Partner, Role } from '../harness/processes';
import { median, promised, summarise } from '../harness/stats';

const FRAME_BYTES = 28;
const frame = sampleFrame(FRAME_BYTES);

const modes = ['next()', 'frames({ borrow })'] as const;
export type Mode = (typeof modes)[number];

/** Two pools, one each way: a producer here, a consumer of the other side's. */
export class PoolEnd {
  readonly #producer: TensorProducer;
  readonly #consumer: TensorConsumer;
  readonly #views: AsyncIterator<Disposable>;

  constructor(sends: string, receives: string) {
    this.#producer = TensorProducer.fromSample(sends, frame);
    this.#consumer = TensorConsumer.attach(receives);
    this.#views = this.#consumer.frames({ borrow: true });
  }

  send(): void {
    this.#producer.put(frame);
  }

  async receive(mode: Mode): Promise<void> {
    if (mode === 'next()') (await this.#consumer.next())?.release();
    else (await this.#views.next()).value[Symbol.dispose]();
  }

  close(): void {
    this.#producer.close();
    this.#consumer.close();
  }
}

function openPipeEnd(sends: string, receives: string): Promise<PipeEnd> {
  return PipeEnd.open((onBytes) => {
    readFifo(receives, onBytes);
    return writeFifo(sends).ring;
  });
}

interface EchoConfig {
  /** Pools and FIFOs by direction, as the starter sees it. */
  readonly pools: Readonly<Record<Mode, { readonly ping: string; readonly pong: string }>>;
  readonly fifos: { readonly ping: string; readonly pong: string };
}

export const echoRole = {
  name: 'wake-echo',
  async start({ pools, fifos }: EchoConfig) {
    const pipe = await openPipeEnd(fifos.pong, fifos.ping);
    const ends = new Map(modes.map((mode) => [mode, new PoolEnd(pools[mode].pong, pools[mode].ping)]));
    return {
      echoPipe: ({ count }: { count: number }) => pipe.echo(count),
      echoPool: async ({ mode, count }: { mode: Mode; count: number }) => {
        const end = ends.get(mode);
        if (end === undefined) throw new Error(`no mode ${mode}`);
        for (let i = 0; i < count; i++) {
          await end.receive(mode);
          end.send();
        }
      },
    };
  },
} satisfies Role<EchoConfig, Record<string, (argument: never) => unknown>>;

/** ns one way, for each batch. */
export async function pingPong(end: PoolEnd, mode: Mode, trips: number, batches: number): Promise<number[]> {
  const samples: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const start = nowNs();
    for (let trip = 0; trip < trips; trip++) {
      end.send();
      await end.receive(mode);
    }
    samples.push((nowNs() - start) / (2 * trips));
  }
  return samples;
}

async function measure(
  context: Context,
  placement: Placement,
  partner: Partner<Awaited<ReturnType<typeof echoRole.start>>>,
  pipe: PipeEnd,
  ends: ReadonlyMap<Mode, PoolEnd>,
): Promise<Result[]> {
  const trips = 50;
  const batches = context.quick ? 30 : 150;
  const runs = context.runs(3, 9);
  const values = new Map<Mode, number[]>(modes.map((mode) => [mode, []]));
  const baselines: number[] = [];
  const count = trips * batches;
  // The first run warms up and is not counted.
  for (let run = -1; run < runs; run++) {
    context.progress(`${placed('wake-event-loop', placement)}, run ${Math.max(1, run + 1)} of ${runs}`);
    const echoed = partner.call('echoPipe', { count });
    const bare = median(await pipe.pingPong(trips, batches));
    await echoed;
    if (run >= 0) baselines.push(bare);
    for (const [mode, end] of ends) {
      const done = partner.call('echoPool', { mode, count });
      const value = median(await pingPong(end, mode, trips, batches));
      await done;
      if (run >= 0) values.get(mode)?.push(value);
    }
  }
  return modes.map((mode) =>
    summarise({
      name: 'wake-event-loop',
      size: FRAME_BYTES,
      metric: placed(mode, placement),
      unit: 'ns',
      against: 'bare FIFO ping-pong, Node',
      values: values.get(mode) ?? [],
      baselines,
      promise: promised.ratioAtMost(1.5),
    }),
  );
}

export const wakeEventLoop: Benchmark = {
  name: 'wake-event-loop',
  measures: 'one way of a ping-pong of 28-byte frames between two processes that wait on their event loops',
  programs: [],
  nodeOnly: true,
  async run(context) {
    const fifos = { ping: join(context.folder, 'wake-ping'), pong: join(context.folder, 'wake-pong') };
    makeFifo(fifos.ping);
    makeFifo(fifos.pong);
    const names = (mode: Mode) => {
      const index = modes.indexOf(mode);
      return { ping: context.poolName(`wake-ping-${index}`), pong: context.poolName(`wake-pong-${index}`) };
    };
    const pools = { [modes[0]]: names(modes[0]), [modes[1]]: names(modes[1]) } as EchoConfig['pools'];
    // A consumer may come before its producer: both sides connect by themselves.
    const ends = new Map(modes.map((mode) => [mode, new PoolEnd(pools[mode].ping, pools[mode].pong)]));
    const pipe = await openPipeEnd(fifos.ping, fifos.pong);
    const partner = await context.partner(echoRole, { pools, fifos });
    const results: Result[] = [];
    for (const placement of sharedAndApart()) {
      place(placement, partner.pid);
      results.push(...(await measure(context, placement, partner, pipe, ends)));
    }
    await partner.stop();
    for (const end of ends.values()) end.close();
    return results;
  },
};
