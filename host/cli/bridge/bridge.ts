// A pool's frames, put into another pool on the other wire: every one that is still in the ring when its turn comes, in order.

import {
  type Backend,
  inspect,
  PoolMetadata,
  TensorConsumer,
  TensorIpcError,
  type TensorLike,
  TensorProducer,
  type Trust,
  type View,
  type Wire,
} from '../../entry/main';
import { note } from '../output';

/** How long a reader of the other pool may keep a slot before a frame is given up. */
const WAIT_MS = 1000;

export interface BridgeOptions {
  readonly from: string;
  readonly as: string;
  readonly to: Wire;
  readonly domainId: number;
  /** Of the other pool; null for that of the first. */
  readonly historyLen: number | null;
  readonly backend: Backend;
  readonly trust: Trust;
}

export class Bridge {
  readonly title: string;
  readonly #options: BridgeOptions;
  readonly #consumer: TensorConsumer;
  #producer: TensorProducer | null = null;
  // Of the attachment that the numbers below belong to.
  #source: PoolMetadata | null = null;
  #fresh = true;
  #poolId: bigint | null = null;
  #lastSequence = -1;
  #frames = 0;
  #lost = 0;
  #warned = false;

  constructor(options: BridgeOptions) {
    const { from, as, to, domainId, trust } = options;
    this.#options = options;
    this.title = `${from} → ${as} (${to})`;
    this.#consumer = TensorConsumer.attach(
      from,
      to === 'native' ? { trust, wire: 'tensor-ipc', domainId, repair: true } : { trust },
    );
  }

  /** Frames that were put into the other pool. */
  get frames(): number {
    return this.#frames;
  }

  /** Frames that were not: gone from the ring before their turn, or refused by the other pool. */
  get lost(): number {
    return this.#lost;
  }

  get connected(): boolean {
    return this.#consumer.connected;
  }

  /** Goes on until `count` frames have been put, or the bridge is closed. */
  async run(count: number): Promise<void> {
    const ended = new AbortController();
    const fail: { reason: unknown }[] = [];
    // The other pool is there for its readers as soon as the first one is, and not only with its first frame.
    this.#consumer.on('connect', (metadata) => {
      try {
        this.#follow(metadata);
      } catch (reason) {
        // In a listener there is nobody to throw to.
        fail.push({ reason });
        ended.abort();
      }
    });
    if (this.#consumer.metadata !== null) this.#follow(this.#consumer.metadata);
    while (this.#frames < count && !this.#consumer.closed && !ended.signal.aborted) {
      try {
        await this.#pass(count, ended.signal);
      } catch (error) {
        // A writer that died inside: its successor, or time, may free the slot.
        if (!isTimeout(error)) throw error;
        this.#complain(error);
      }
    }
    for (const { reason } of fail) throw reason;
  }

  async #pass(count: number, signal: AbortSignal): Promise<void> {
    for await (using view of this.#consumer.frames({ borrow: true, signal })) {
      const { metadata } = this.#consumer;
      if (metadata === null) continue;
      this.#follow(metadata);
      const { sequence } = view;
      if (this.#fresh) this.#begin(metadata, sequence);
      if (sequence === this.#lastSequence + 1) {
        await this.#put(view, sequence, view.timestampNs);
      } else if (sequence > this.#lastSequence) {
        // To hold a slot's lock while waiting for others' is what a writer that waits for this one would never forgive.
        view.release();
        await this.#catchUp(metadata, sequence, count);
      }
      if (this.#frames >= count) return;
    }
  }

  /** Sees to it that there is a pool for frames of this kind. */
  #follow(metadata: PoolMetadata): void {
    if (this.#source === metadata) return;
    const { as, to, domainId, backend } = this.#options;
    const historyLen = this.#options.historyLen ?? metadata.historyLen;
    const { fields } = metadata;
    const wanted = new PoolMetadata({ name: as, fields, historyLen, ...(to === 'native' ? {} : { backend }) });
    this.#source = metadata;
    // The numbers of another pool under the name begin anew; those of a native one that was taken over go on.
    const poolId = to === 'native' ? null : (inspect(this.#options.from)?.poolId ?? null);
    if (poolId === null || poolId !== this.#poolId) this.#fresh = true;
    this.#poolId = poolId;
    if (this.#producer !== null && this.#producer.metadata.toString() === wanted.toString()) return;
    this.#producer?.cleanup();
    this.#producer = null;
    this.#producer = new TensorProducer(
      wanted,
      to === 'native' ? { waitTimeoutMs: WAIT_MS } : { wire: 'tensor-ipc', domainId, repair: true, waitTimeoutMs: WAIT_MS },
    );
  }

  /** The first frame of a pool: what was published before it and is still there comes along. */
  #begin({ historyLen }: PoolMetadata, sequence: number): void {
    this.#fresh = false;
    // On the Python wire nobody counts frames. Of a ring that was not seen from the start on, the older slots may never have been written.
    const known = this.#options.to === 'native' && sequence >= historyLen ? 1 : Math.min(sequence + 1, historyLen);
    this.#lastSequence = sequence - known;
  }

  /** What came since the last frame: as much as the ring still has. */
  async #catchUp({ historyLen }: PoolMetadata, sequence: number, count: number): Promise<void> {
    for (let length = Math.min(sequence - this.#lastSequence, historyLen); ; ) {
      using window = this.#consumer.borrow({ historyLen: length, latestFirst: false });
      if (window === null) return;
      // More may have come since the view, and a window ends with the newest.
      const due = Math.min(window.sequence - this.#lastSequence, historyLen);
      if (due > length) {
        length = due;
        continue;
      }
      for (let i = 0; i < length && this.#frames < count; i++) {
        const number = window.sequence - length + 1 + i;
        if (number <= this.#lastSequence) continue;
        const sample = length === 1 ? window : frameOf(window, i);
        await this.#put(sample, number, i === length - 1 ? window.timestampNs : null);
      }
      return;
    }
  }

  /** Once: the figures tell the rest. */
  #complain(error: TensorIpcError): void {
    if (!this.#warned) note(`frames are lost: ${error.message}`);
    this.#warned = true;
  }

  async #put(sample: TensorLike, sequence: number, timestampNs: bigint | null): Promise<void> {
    this.#lost += sequence - this.#lastSequence - 1;
    this.#lastSequence = sequence;
    const producer = this.#producer;
    if (producer === null) return;
    try {
      await producer.putAsync(sample, timestampNs === null ? {} : { timestampNs });
      this.#frames += 1;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      this.#lost += 1;
      this.#complain(error);
    }
  }

  [Symbol.dispose](): void {
    this.#consumer.cleanup();
    this.#producer?.cleanup();
  }
}

function isTimeout(error: unknown): error is TensorIpcError {
  return error instanceof TensorIpcError && (error.code === 'PIN_TIMEOUT' || error.code === 'LOCK_TIMEOUT');
}

/** One frame of a window, on the same pages. */
function frameOf({ data, shape, strides, offset, dtype }: View, index: number): TensorLike {
  return { data, shape: shape.slice(1), strides: strides.slice(1), offset: offset + index * (strides[0] ?? 0), dtype };
}
