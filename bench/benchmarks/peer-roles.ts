// The two processes of a way to pass frames on, where both ends are Node's.

import { TensorConsumer } from 'tensor-ipc';
import { sleep, sleepUntilNs } from '../harness/clock';
import type { Commands, Role } from '../harness/processes';
import { type EndConfig, endsOf } from '../peers/peer-ends';
import { Arrivals, nowNs, stamp } from '../peers/stamp.mjs';

/** A timer ends late by as much: the rest is slept through without the event loop. */
const TIMER_SLACK_MS = 1.5;

async function sleepTo(dueNs: number): Promise<void> {
  const leftMs = (dueNs - nowNs()) / 1e6;
  if (leftMs > TIMER_SLACK_MS) await sleep(leftMs - TIMER_SLACK_MS);
  sleepUntilNs(dueNs);
}

export const peerSenderRole = {
  name: 'peer-sender',
  async start(config: EndConfig) {
    const sender = await endsOf(config.way).send(config);
    return {
      async run({ rateHz, count }: { rateHz: number; count: number }) {
        const periodNs = 1e9 / rateHz;
        let due = nowNs() + periodNs;
        for (let i = 0; i < count; i++) {
          await sleepTo(due);
          await sender.send(stamp);
          due = Math.max(due + periodNs, nowNs());
        }
        // Whoever waits within this process has its turns.
        await sleep(1);
      },
      collect: () => sender.collect?.(),
      placeReader: (cpu: number) => sender.placeReader?.(cpu),
    };
  },
} satisfies Role<EndConfig, Commands>;

interface ReceiverConfig extends EndConfig {
  /** It reads a pool in a loop that burns its core. */
  readonly spins?: boolean;
}

export const peerReceiverRole = {
  name: 'peer-receiver',
  async start(config: ReceiverConfig) {
    const arrivals = new Arrivals();
    if (!config.spins) await endsOf(config.way).receive?.(config, (data) => arrivals.note(data));
    const consumer = config.spins ? TensorConsumer.attach<Uint8Array>(config.channel) : null;
    let seen = -1;
    return {
      collect: () => arrivals.collect(),
      /** Burns its core until so many frames have come, skipped ones among them. */
      spin({ count, timeoutMs }: { count: number; timeoutMs: number }) {
        if (consumer === null) throw new Error('this one does not spin');
        const last = seen + count;
        while (seen < last) {
          if (!consumer.spin(timeoutMs * 1000)) break;
          const view = consumer.borrow();
          if (view === null) break;
          arrivals.note(view.data);
          seen = view.sequence;
          view.release();
        }
        return arrivals.collect();
      },
    };
  },
} satisfies Role<ReceiverConfig, Commands>;
