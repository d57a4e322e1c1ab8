// Producers and consumers on the Python package's wire behind one face, whoever they are: ours, or the peers of test/wire.

import { Peer, type Tools, WIRE_DOMAIN, type WirePool } from '../../test/wire/support/peers';
import { sleep } from '../harness/clock';
import type { Context } from '../harness/contract';
import { apart, placeBoth } from '../harness/placement';
import { type Arrival, type Puts, type WireConfig, wireConsumerRole, wireProducerRole } from './wire-roles';

/** `lent` is ours with loan and borrow in place of put and a callback with a copy. */
export type Kind = 'ours' | 'lent' | 'Python' | 'C';

/** A pool, whoever writes and reads it. */
export type PairConfig = Omit<WireConfig, 'lent'>;

const isOurs = (kind: Kind): boolean => kind === 'ours' || kind === 'lent';

/** After a peer has met another, it takes half a second until its next put brings metadata. */
const METADATA_AGAIN_MS = 600;
const LOOK_MS = 20;
/** A watchdog, not a limit on speed. */
const MEETING_WATCHDOG_MS = 20_000;

interface Side {
  readonly pid: number;
  /** Whether it has found the other side, as far as it can tell. */
  met(): Promise<boolean>;
  stop(): Promise<void>;
}

interface ProducerSide extends Side {
  put(count: number, rateHz: number): Promise<Puts>;
}

interface ConsumerSide extends Side {
  /** What its callback was given since the last time. */
  arrivals(): Promise<readonly Arrival[]>;
  /** µs that a get took. */
  get(historyLen: number): Promise<number>;
}

function peerPool({ name, shape, dtype, historyLen }: PairConfig): WirePool {
  return { name, shape, dtype, history_len: historyLen };
}

async function peerMet(peer: Peer): Promise<boolean> {
  const { matched_meta, matched_progress } = await peer.ask('stats');
  return matched_meta > 0 && matched_progress > 0;
}

async function startProducer(context: Context, tools: Tools, kind: Kind, config: PairConfig): Promise<ProducerSide> {
  if (isOurs(kind)) {
    const partner = await context.partner(wireProducerRole, { ...config, lent: kind === 'lent' });
    return {
      pid: partner.pid,
      met: async () => true,
      put: (count, rateHz) => partner.call('put', { count, rateHz }),
      stop: () => partner.stop(),
    };
  }
  const options = { domain: WIRE_DOMAIN };
  const peer = kind === 'Python' ? Peer.python(tools, options) : Peer.cProducer(tools, options);
  await peer.ask('produce', peerPool(config));
  return {
    pid: peer.process.pid ?? 0,
    met: () => peerMet(peer),
    async put(count, rateHz) {
      const { at_us = [], put_us = [] } = await peer.ask('put_many', { count, rate_hz: rateHz, seed: 0, times: true });
      return { atUs: at_us, tookUs: put_us };
    },
    stop: () => peer.kill(),
  };
}

async function startConsumer(context: Context, tools: Tools, kind: Kind, from: Kind, config: PairConfig): Promise<ConsumerSide> {
  if (isOurs(kind)) {
    const partner = await context.partner(wireConsumerRole, { ...config, lent: kind === 'lent' });
    return {
      pid: partner.pid,
      // A peer's first word after the meeting comes with a put, and it is the peer who knows of the meeting.
      met: async () => !isOurs(from) || partner.call('connected', undefined),
      arrivals: () => partner.call('arrivals', undefined),
      async get(historyLen) {
        const got = await partner.call('get', { historyLen });
        if (got === null) throw new Error('there was no frame');
        return got.tookUs;
      },
      stop: () => partner.stop(),
    };
  }
  const options = { domain: WIRE_DOMAIN };
  const peer = kind === 'Python' ? Peer.python(tools, options) : Peer.cConsumer(tools, options);
  await peer.ask('consume', { ...peerPool(config), callback: true, check: 'head' });
  return {
    pid: peer.process.pid ?? 0,
    met: () => peerMet(peer),
    async arrivals() {
      const { received } = await peer.ask('callbacks', { clear: true });
      return received.flatMap(({ seed, at_us }) => (typeof seed === 'number' ? [{ seed, atUs: at_us }] : []));
    },
    async get(historyLen) {
      const { frames, get_us } = await peer.ask('get', { history_len: historyLen });
      if (frames === null || get_us === undefined) throw new Error('there was no frame');
      return get_us;
    },
    stop: () => peer.kill(),
  };
}

/** A producer and a consumer that have met. */
export interface Pair {
  readonly from: Kind;
  readonly to: Kind;
  readonly producer: ProducerSide;
  readonly consumer: ConsumerSide;
}

export async function startPair(context: Context, tools: Tools, from: Kind, to: Kind, config: PairConfig): Promise<Pair> {
  // The consumer first, and no frame before both have met: a Python consumer that comes later stays behind for good.
  const consumer = await startConsumer(context, tools, to, from, config);
  const producer = await startProducer(context, tools, from, config);
  // Left to the scheduler, the writer is interrupted by its reader in one run and not in the next.
  placeBoth(apart(), [producer.pid, consumer.pid]);
  const deadline = performance.now() + MEETING_WATCHDOG_MS;
  while (!((await producer.met()) && (await consumer.met()))) {
    if (performance.now() > deadline) throw new Error(`${from} → ${to}: they did not meet`);
    await sleep(LOOK_MS);
  }
  await sleep(METADATA_AGAIN_MS);
  return { from, to, producer, consumer };
}

export async function stopPair({ producer, consumer }: Pair): Promise<void> {
  await consumer.stop();
  await producer.stop();
}
