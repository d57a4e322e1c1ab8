import { constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs } from '../harness/clock';
import type { Benchmark, Context, Result } from '../harness/contract';
import { makeFifo, readDescriptor } from '../harness/pipes';
import { sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { summarise } from '../harness/stats';

const FRAME_BYTES = 28;
const DEATHS = { quick: 5, full: 20 } as const;

const ways = ['for await', 'next()', "on('frame')"] as const;
type Way = (typeof ways)[number];

interface VictimConfig {
  readonly pool: string;
  readonly fifo: string;
}

/** A producer that is killed. It holds the writing end of a bare FIFO, too. */
export const victimRole = {
  name: 'death-victim',
  start({ pool, fifo }: VictimConfig) {
    const writing = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    const producer = TensorProducer.fromSample(pool, sampleFrame(FRAME_BYTES));
    return { put: () => producer.put(sampleFrame(FRAME_BYTES)), writing: () => writing };
  },
} satisfies Role<VictimConfig, Commands>;

/** Reads in one way, and tells of each frame. */
function read(consumer: TensorConsumer, way: Way, onFrame: () => void): void {
  if (way === "on('frame')") {
    consumer.on('frame', onFrame);
    return;
  }
  const loop = async () => {
    for await (const frame of consumer) {
      frame.release();
      onFrame();
    }
  };
  const calls = async () => {
    for (let frame = await consumer.next(); frame !== null; frame = await consumer.next()) onFrame();
  };
  void (way === 'for await' ? loop() : calls());
}

/** Kills a producer. ms until the consumer was told, and until a bare FIFO was at its end. */
async function kill(context: Context, way: Way, index: number): Promise<{ told: number; bare: number }> {
  const pool = context.poolName(`death-${ways.indexOf(way)}-${index}`);
  const fifo = join(context.folder, `death-${ways.indexOf(way)}-${index}`);
  makeFifo(fifo);
  const reading = readDescriptor(openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK), () => {});
  const victim = await context.partner(victimRole, { pool, fifo });
  using consumer = TensorConsumer.attach(pool);
  const died = new Promise<number>((resolve) => void consumer.once('disconnect', () => resolve(nowNs())));
  const atEnd = new Promise<number>((resolve) => void reading.once('end', () => resolve(nowNs())));
  let frames = 0;
  let wanted: (() => void) | null = null;
  read(consumer, way, () => {
    frames += 1;
    wanted?.();
  });
  for (let k = 1; k <= 3; k++) {
    await victim.call('put', undefined);
    while (frames < k) await new Promise<void>((resolve) => (wanted = resolve));
  }
  const start = nowNs();
  victim.kill();
  const [told, bare] = await Promise.all([died, atEnd]);
  reading.destroy();
  return { told: (told - start) / 1e6, bare: (bare - start) / 1e6 };
}

export const death: Benchmark = {
  name: 'death',
  measures: 'ms from SIGKILL of a producer until a reader that waits on its event loop is told',
  programs: [],
  nodeOnly: true,
  async run(context) {
    const results: Result[] = [];
    const asked = context.goalsOnly ? ways.slice(0, 1) : ways;
    const count = context.runs(DEATHS.quick, DEATHS.full);
    const told = new Map<Way, number[]>(ways.map((way) => [way, []]));
    const bare: number[] = [];
    for (let run = 0; run < count; run++) {
      context.progress(`death, ${run + 1} of ${count}`);
      for (const way of asked) {
        const once = await kill(context, way, run);
        told.get(way)?.push(once.told);
        bare.push(once.bare);
      }
    }
    for (const way of asked) {
      results.push(
        summarise({
          name: 'death',
          size: FRAME_BYTES,
          metric: way,
          unit: 'ms',
          against: 'end of file of a bare FIFO, Node',
          values: told.get(way) ?? [],
          baselines: bare,
          goal: way === ways[0] ? 'death' : undefined,
        }),
      );
    }
    return results;
  },
};
