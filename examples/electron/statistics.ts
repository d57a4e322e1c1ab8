// What the utility process finds out about a pool, on its own mapping and without a copy. Nothing of Electron in here.

import { TensorConsumer } from 'tensor-ipc';

const REPORT_EVERY_MS = 1000;

/** About the frames of the last second. */
export interface Statistics {
  readonly pool: string;
  readonly frames: number;
  readonly missed: number;
  /** Between two frames, by their timestamps; null with fewer than two frames. */
  readonly longestGapMs: number | null;
  /** Of all bytes of the latest frame. */
  readonly meanByte: number | null;
}

/** Looks at every frame it can, and reports once a second until the signal aborts. */
export async function watchPool(pool: string, report: (statistics: Statistics) => void, signal: AbortSignal): Promise<void> {
  using consumer = TensorConsumer.attach(pool, { signal });
  let frames = 0;
  let missed = 0;
  let longestGapNs = 0n;
  let lastNs: bigint | null = null;
  let meanByte: number | null = null;
  const timer = setInterval(() => {
    report({ pool, frames, missed, longestGapMs: frames > 1 ? Number(longestGapNs) / 1e6 : null, meanByte });
    frames = 0;
    missed = 0;
    longestGapNs = 0n;
  }, REPORT_EVERY_MS);
  try {
    for await (using view of consumer.frames({ borrow: true, signal })) {
      frames += 1;
      missed += view.missed;
      if (lastNs !== null && view.timestampNs - lastNs > longestGapNs) longestGapNs = view.timestampNs - lastNs;
      lastNs = view.timestampNs;
      const { buffer, byteOffset, byteLength } = view.data;
      let sum = 0;
      for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) sum += byte;
      // A frame of varying length may be empty.
      meanByte = byteLength === 0 ? null : sum / byteLength;
    }
  } finally {
    clearInterval(timer);
  }
}
