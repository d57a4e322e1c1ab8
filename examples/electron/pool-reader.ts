// One pool as the window sees it: its states and its newest frames, one after the other, when asked.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Frame, inspect, list, type PoolMetadata, TensorConsumer, TensorIpcError } from 'tensor-ipc';
import type { FieldForm, FieldPlace, FrameHeader, PoolForm, PoolRow, StateUpdate, StreamState } from './window/source';

/** After so long without news the state is told again: whoever asked sees that it is still being answered. */
const HEARTBEAT_MS = 1000;
const RETRY_MS = 500;

export interface ReadFrame {
  readonly header: FrameHeader;
  readonly frame: Frame;
}

export class PoolReader {
  readonly #name: string;
  #consumer: TensorConsumer | null = null;
  #metadata: PoolMetadata | null = null;
  #last: StateUpdate;
  readonly #news: StateUpdate[] = [];
  #held: Frame | null = null;
  #wake = new AbortController();
  #closed = false;

  constructor(name: string) {
    this.#name = name;
    this.#last = { kind: 'state', state: 'waiting', form: null, message: null, publishedMs: null };
    this.#news.push(this.#last);
  }

  /** The next change of state, or the newest frame as a copy of the caller's own. Null once closed. */
  async next(): Promise<StateUpdate | ReadFrame | null> {
    while (!this.#closed) {
      const state = this.#news.shift();
      if (state !== undefined) return state;
      const frame = this.#held ?? (await this.#read());
      this.#held = null;
      if (frame === null) {
        if (this.#news.length === 0 && !this.#closed) return this.#last;
        continue;
      }
      // A frame of another form than the one told last: its form comes first.
      const metadata = this.#consumer?.metadata ?? null;
      if (metadata !== null && metadata !== this.#metadata) this.#tell('live', metadata);
      if (this.#news.length === 0) return { header: headerOf(frame, this.#metadata), frame };
      this.#held = frame;
    }
    return null;
  }

  close(): void {
    this.#closed = true;
    this.#wake.abort();
    this.#consumer?.close();
  }

  async #read(): Promise<Frame | null> {
    this.#wake = new AbortController();
    const { signal } = this.#wake;
    try {
      this.#consumer ??= this.#attach();
      return this.#lastOfDead(this.#consumer) ?? (await this.#consumer.next({ timeoutMs: HEARTBEAT_MS, signal }));
    } catch (error) {
      // A change of state, or close(), ends the waiting.
      if (signal.aborted) return null;
      if (!(error instanceof TensorIpcError)) throw error;
      if (this.#last.message !== error.message) this.#tell('unusable', null, error.message);
      await sleep(RETRY_MS);
      return null;
    }
  }

  /** The last frame of a pool whose producer died before this reader connected. Told once. */
  #lastOfDead(consumer: TensorConsumer): Frame | null {
    // While it is live, 'disconnect' says how that ends.
    if (this.#last.state === 'died' || this.#last.state === 'live' || consumer.connected) return null;
    const info = inspect(this.#name);
    if (info?.state !== 'dead') return null;
    const frame = consumer.peek();
    this.#tell('died', info.metadata);
    return frame;
  }

  #attach(): TensorConsumer {
    const consumer = TensorConsumer.attach(this.#name);
    consumer.on('connect', (metadata) => this.#tell('live', metadata));
    consumer.on('disconnect', (reason) => this.#tell(reason, this.#metadata));
    consumer.on('error', (error) => this.#tell('unusable', null, error instanceof Error ? error.message : String(error)));
    return consumer;
  }

  #tell(state: StreamState, metadata: PoolMetadata | null, message: string | null = null): void {
    if (state === 'live' && metadata === this.#metadata && this.#last.state === 'live') return;
    this.#metadata = metadata;
    const publishedMs = state === 'died' ? publishedMsOf(this.#name) : null;
    this.#last = { kind: 'state', state, form: metadata === null ? null : formOf(metadata), message, publishedMs };
    this.#news.push(this.#last);
    this.#wake.abort();
  }
}

/** When the newest frame was published, CLOCK_MONOTONIC. Null where there is none, or no pool that can be read. */
function publishedMsOf(name: string): number | null {
  try {
    const publishedNs = inspect(name)?.publishedNs ?? null;
    return publishedNs === null ? null : Number(publishedNs) / 1e6;
  } catch (error) {
    if (!(error instanceof TensorIpcError)) throw error;
    return null;
  }
}

function headerOf(frame: Frame, metadata: PoolMetadata | null): FrameHeader {
  const places = metadata?.varying === true ? metadata.fields.map(({ name }) => placeOf(frame, name)) : null;
  return { kind: 'frame', sequence: frame.sequence, timestampMs: Number(frame.timestampNs) / 1e6, places };
}

/** A field of this frame, which has the length that it has here. */
function placeOf(frame: Frame, name: string): FieldPlace {
  const { data, shape } = frame.fields?.[name] ?? frame;
  return { shape, byteOffset: data.byteOffset - frame.data.byteOffset, bytes: data.byteLength };
}

function formOf(metadata: PoolMetadata): PoolForm {
  const fields = metadata.fields.map(
    ({ name, dtype, shape, byteOffset, bytes, encoding = null, unit = null }): FieldForm => ({
      name,
      dtype,
      shape,
      byteOffset,
      bytes,
      encoding,
      unit,
    }),
  );
  return { name: metadata.name, text: `${metadata}`, frameBytes: metadata.frameBytes, fields };
}

/** All bytes of a frame. */
export function bytesOf({ data }: Frame): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data;
  // What `next` copied to lies in ordinary memory; only views are shared.
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('expected a copied frame, found a view');
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Every pool of this machine, for the window's list. */
export function poolRows(): PoolRow[] {
  return list().map(({ name, info, error }): PoolRow => {
    if (info === null) {
      const text = error === null ? 'under construction' : error.message;
      return { name, state: error === null ? 'starting' : 'damaged', text, framesPublished: 0, publishedMs: null };
    }
    const { state, metadata, framesPublished, publishedNs } = info;
    const publishedMs = publishedNs === null ? null : Number(publishedNs) / 1e6;
    return { name, state, text: `${metadata}`, framesPublished, publishedMs };
  });
}

/** CLOCK_MONOTONIC, which timestamps of frames are on, in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
