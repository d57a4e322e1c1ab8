import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { nowNs, sleep, sleepUntilNs } from '../harness/clock';
import type { Benchmark, Result } from '../harness/contract';
import { apart, place } from '../harness/placement';
import { ringOf, sampleFrame } from '../harness/pools';
import type { Commands, Role } from '../harness/processes';
import { median, percentile, summarise } from '../harness/stats';

const FRAME_BYTES = 28;
const RATE_HZ = 1000;
const COUNTS = { quick: 200, full: 1000 } as const;
/** So that the engine has compiled what it will. */
const WARM_RATE_HZ = 20_000;
const WARM_FRAMES = 20_000;
const WATCHDOG_US = 5_000_000;

/** The consumer: awake all the time, noting when it has read a frame. */
export const spinnerRole = {
  name: 'spinner',
  start({ pool }: { pool: string }) {
    const consumer = TensorConsumer.attach(pool);
    if (!consumer.connected) throw new Error('there is no pool');
    let checksum = 0;
    return {
      /** When each of the next `count` frames had been read, by number. */
      take: ({ count }: { count: number }) => {
        const sequences: number[] = [];
        const timesNs: number[] = [];
        while (sequences.length < count) {
          if (!consumer.spin(WATCHDOG_US)) throw new Error('no frame came');
          const view = consumer.borrow();
          if (view === null) throw new Error('the frame that came is not there');
          checksum += Number(view.data[0]);
          timesNs.push(nowNs());
          sequences.push(view.sequence);
          view.release();
        }
        return { sequences, timesNs, checksum };
      },
    };
  },
} satisfies Role<{ pool: string }, Commands>;

export const spinPaced: Benchmark = {
  name: 'spin-paced',
  measures:
    'from just before the writing into a loan, by a producer that slept, until a consumer that spins has read the borrowed frame',
  programs: ['spin_pingpong'],
  cores: 2,
  async run(context) {
    const pool = context.poolName('spin-paced');
    const frame = sampleFrame(FRAME_BYTES);
    using producer = TensorProducer.fromSample(pool, frame);
    const partner = await context.partner(spinnerRole, { pool });
    const placement = apart();
    place(placement, partner.pid);
    const native = context.native('spin_pingpong');
    const { slots } = ringOf(pool);

    const paced = async (rateHz: number, count: number): Promise<number[]> => {
      const taken = partner.call('take', { count });
      let over = false;
      const end = () => {
        over = true;
      };
      void taken.then(end, end);
      await sleep(20); // until it spins
      const first = producer.nextSequence;
      const sent: number[] = [];
      let due = nowNs();
      while (sent.length < count) {
        sleepUntilNs(due);
        const slot = producer.loan();
        sent.push(nowNs());
        slot.data.set(frame);
        slot.commit();
        due += 1e9 / rateHz;
      }
      // It waits for as many more as it missed.
      while (!over) {
        await sleep(1);
        if (!over) producer.put(frame);
      }
      const { sequences, timesNs } = await taken;
      return sequences.flatMap((sequence, i) => {
        const sentNs = sent[sequence - first];
        return sentNs === undefined ? [] : [(timesNs[i] as number) - sentNs];
      });
    };

    context.progress('spin-paced, warming up');
    await paced(WARM_RATE_HZ, WARM_FRAMES);
    const count = context.quick ? COUNTS.quick : COUNTS.full;
    const runs = context.runs(3, 7);
    const values: number[] = [];
    const baselines: number[] = [];
    const samples: number[] = [];
    for (let run = 0; run < runs; run++) {
      context.progress(`spin-paced, run ${run + 1} of ${runs}`);
      if (native !== null) baselines.push(median(await native.ask('paced', RATE_HZ, count, ...placement.cpus, slots)));
      const latencies = await paced(RATE_HZ, count);
      values.push(median(latencies));
      samples.push(...latencies);
    }
    await partner.stop();
    native?.stop();
    const result: Result = summarise({
      name: 'spin-paced',
      size: FRAME_BYTES,
      metric: `loan → borrow, ${RATE_HZ} Hz`,
      unit: 'ns',
      against: 'the same in C',
      values,
      baselines,
      note: `p99 ${Math.round(percentile(samples, 0.99))} ns`,
    });
    return [result];
  },
};
