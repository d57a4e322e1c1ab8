// One life of a producer in the soak: publishes by put, loan and putAsync, in bursts and pauses, until it is killed or its time is over.

import { readFileSync } from 'node:fs';
import { MetadataCreator, type TensorProducer as Producer, TensorProducer } from 'tensor-ipc';
import { HEADER_POOL_ID } from '../../assembly/layout';
import { Random } from './random';
import { fillFrame, lengthOf } from './soak-frames';
import type { Life } from './soak-plan';
import { die, log, nowMs, onWait, step } from './soak-steps';

/** Long: the soak looks for hangs itself, and tells them from a slow machine. */
const WAIT_TIMEOUT_MS = 8000;
/** Publications that took longer are told one by one. */
const SLOW_MS = 20;
/** One that has not ended by then is told before it has: its process may be killed first. */
const STUCK_MS = 2000;

interface AsyncPut {
  putAsync(frame: Uint32Array): Promise<number>;
}

function hasPutAsync(producer: object): producer is AsyncPut {
  return 'putAsync' in producer && typeof producer.putAsync === 'function';
}

function poolIdLow(pool: string): number {
  return readFileSync(`/dev/shm/tensoripc.${pool}`).readUInt32LE(HEADER_POOL_ID);
}

class Publisher {
  readonly #producer: Producer<Uint32Array>;
  readonly #random: Random;
  readonly #life: number;
  readonly #pool: number;
  readonly #data: Uint32Array;
  readonly #varying: boolean;
  published = 0;
  refused = 0;
  #begun = 0;
  #stuck = false;

  constructor(producer: Producer<Uint32Array>, { life, seed, words, varying, pool }: Life) {
    this.#producer = producer;
    this.#random = new Random(seed);
    this.#life = life;
    this.#pool = poolIdLow(pool);
    this.#data = new Uint32Array(words);
    this.#varying = varying;
    onWait(() => {
      const ended = nowMs();
      if (this.#begun === 0 || this.#stuck || ended - this.#begun < STUCK_MS) return;
      this.#stuck = true;
      log({ kind: 'slow', begun: this.#begun, ended });
    });
  }

  get pool(): number {
    return this.#pool;
  }

  #stamp(sequence: number) {
    return { life: this.#life, sequence, pool: this.#pool };
  }

  #loan(): number {
    const next = this.#producer.nextSequence;
    const length = lengthOf(this.#stamp(next), this.#data.length);
    // Stated when it is lent, or only when it is published.
    const early = next % 2 === 0;
    using slot = this.#producer.loan(this.#varying && early ? { length } : {});
    const data = this.#varying && !early ? slot.data.subarray(0, length) : slot.data;
    const half = data.length >> 1;
    // What a reader must never see.
    data.fill(0xdeadbeef);
    step('loan half written');
    fillFrame(data, this.#stamp(slot.sequence), half);
    fillFrame(data, this.#stamp(slot.sequence), 0, half);
    step('loan written');
    if (this.#random.next() < 0.05) return -1;
    return slot.commit(this.#varying && !early ? { length } : {});
  }

  async #publish(): Promise<number> {
    const producer = this.#producer;
    const draw = this.#random.next();
    if (draw < 0.4) return this.#loan();
    const stamp = this.#stamp(producer.nextSequence);
    const data = this.#varying ? this.#data.subarray(0, lengthOf(stamp, this.#data.length)) : this.#data;
    fillFrame(data, stamp);
    if (draw < 0.6 && hasPutAsync(producer)) return producer.putAsync(data);
    return producer.put(data);
  }

  async burst(): Promise<void> {
    for (let left = this.#random.integer(1, 40); left > 0; left--) {
      const begun = nowMs();
      this.#begun = begun;
      const sequence = await this.#publish();
      const ended = nowMs();
      this.#begun = 0;
      if (ended - begun > SLOW_MS && !this.#stuck) log({ kind: 'slow', begun, ended });
      if (sequence < 0) this.refused += 1;
      else this.published += 1;
    }
    const pause = this.#random.next() < 0.5 ? 0 : this.#random.integer(1, 12);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

export async function produce(life: Life, stopped: () => boolean): Promise<void> {
  const { pool, words, varying, historyLen, policy, lifeMs } = life;
  const data = new Uint32Array(words);
  const metadata = MetadataCreator.fromSample(pool, varying ? { data, shape: [words], maxLength: words } : data, { historyLen });
  const producer = new TensorProducer<Uint32Array>(metadata, { onPinned: policy, waitTimeoutMs: WAIT_TIMEOUT_MS });
  const publisher = new Publisher(producer, life);
  log({ kind: 'open', pool: publisher.pool, next: producer.nextSequence, at: nowMs() });
  const end = performance.now() + lifeMs;
  let told = 0;
  while (!stopped() && performance.now() < end) {
    await publisher.burst();
    if (publisher.published - told > 500) {
      told = publisher.published;
      log({ kind: 'count', published: told, refused: publisher.refused });
    }
  }
  log({ kind: 'count', published: publisher.published, refused: publisher.refused });
  if (!life.closes && !stopped()) die('when its time was over');
  log({ kind: 'closing', next: producer.nextSequence });
  producer.cleanup();
}
