// Frames from the loopback server (serve.ts): one request a frame, its body streamed into a ring of shared memory.

import { type RingSlot, SlotRing } from './ring';
import type { FrameHeader, FrameSource, FrameUpdate, PoolRow, PoolStream, StateUpdate, Update } from './source';

/** Asked so often, the fastest answer is within a fraction of a millisecond. */
const CLOCK_ROUNDS = 8;
const LENGTH_BYTES = 4;

export class HttpSource implements FrameSource {
  readonly #ring = new SlotRing();
  #offsetMs: number | null = null;

  async pools(): Promise<readonly PoolRow[]> {
    return (await (await request('pools')).json()) as readonly PoolRow[];
  }

  open(pool: string): PoolStream {
    const stream = crypto.randomUUID();
    const ring = this.#ring;
    const cancel = new AbortController();
    return {
      async next() {
        return readUpdate(await request(`next?${new URLSearchParams({ stream, pool })}`, cancel.signal), ring);
      },
      // The server notices that nobody asks any more.
      close: () => cancel.abort(),
    };
  }

  /** Compares the page's clock with the server's: the true offset lies within the round trip, so the shortest one counts. */
  async synchronise(): Promise<void> {
    let shortest = Infinity;
    for (let round = 0; round < CLOCK_ROUNDS; round++) {
      const sent = performance.now();
      const { monotonicMs } = (await (await request('clock')).json()) as { monotonicMs: number };
      const received = performance.now();
      if (received - sent >= shortest) continue;
      shortest = received - sent;
      this.#offsetMs = monotonicMs - performance.timeOrigin - (sent + received) / 2;
    }
  }

  clockOffsetMs(): number | null {
    return this.#offsetMs;
  }
}

/** Relative to the page, whose address carries the token. */
async function request(path: string, signal: AbortSignal | null = null): Promise<Response> {
  const response = await fetch(path, { cache: 'no-store', signal });
  if (!response.ok) throw new Error(`the server answered ${response.status} ${await response.text()}`);
  return response;
}

/** Four bytes of length, so many of JSON, and a frame's bytes, which go into shared memory as they arrive. */
async function readUpdate({ body, headers }: Response, ring: SlotRing): Promise<Update> {
  if (body === null) throw new Error('the answer has no body');
  let head = new Uint8Array(0);
  let header: StateUpdate | FrameHeader | null = null;
  let slot: RingSlot | null = null;
  let at = 0;
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    let chunk = part.value;
    if (header === null) {
      head = joined(head, chunk);
      if (head.length < LENGTH_BYTES) continue;
      const end = LENGTH_BYTES + new DataView(head.buffer).getUint32(0, true);
      if (head.length < end) continue;
      header = JSON.parse(new TextDecoder().decode(head.subarray(LENGTH_BYTES, end))) as StateUpdate | FrameHeader;
      chunk = head.subarray(end);
      if (header.kind === 'frame') slot = ring.take(Number(headers.get('content-length')) - end);
    }
    slot?.bytes.set(chunk, at);
    at += chunk.length;
  }
  if (header?.kind === 'state') return header;
  if (header === null || slot === null || at !== slot.bytes.length) throw new Error('the answer ended too early');
  const { bytes, release } = slot;
  return { ...header, bytes, release } satisfies FrameUpdate;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
