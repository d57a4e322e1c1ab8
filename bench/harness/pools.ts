// Pools as the benchmarks use them, and what is known of their objects from outside.

import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const SHARED_MEMORY = '/dev/shm';

// Byte offsets in the header of a pool object: docs/pool-format.md.
const SLOT_CAPACITY_OFFSET = 60;
const FRAME_STRIDE_OFFSET = 72;
const BORROWERS_OFFSET = 320;

/** A frame of `bytes` bytes with something in it: pages never written to would all be the one zero page, and free to read. */
export function sampleFrame(bytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) frame[i] = (i * 31 + (i >> 8)) & 255;
  return frame;
}

/** History that keeps a pool of large frames small. */
export function historyFor(frameBytes: number, wanted: number): number {
  return frameBytes > 8_000_000 ? Math.min(wanted, 2) : wanted;
}

export interface Ring {
  readonly slots: number;
  readonly strideBytes: number;
}

function headerOf(pool: string): DataView {
  const fd = openSync(join(SHARED_MEMORY, `tensoripc.${pool}`), 'r');
  try {
    const header = new DataView(new ArrayBuffer(512));
    readSync(fd, header, 0, header.byteLength, 0);
    return header;
  } finally {
    closeSync(fd);
  }
}

/** How the ring of a pool is laid out, so that a baseline can walk an equal one. */
export function ringOf(pool: string): Ring {
  const header = headerOf(pool);
  return {
    slots: header.getUint32(SLOT_CAPACITY_OFFSET, true),
    strideBytes: Number(header.getBigUint64(FRAME_STRIDE_OFFSET, true)),
  };
}

/** Bits of the consumers whose pins every put looks at. */
export function borrowersOf(pool: string): bigint {
  return headerOf(pool).getBigUint64(BORROWERS_OFFSET, true);
}

/** Removes what processes that were killed left of pools whose names start with `prefix`. */
export function sweepPools(prefix: string): void {
  // Names on the Python package's wire have no hyphens, because topics have none.
  const onWire = `tensoripc_${prefix.replaceAll('-', '_')}`;
  const starts = [`tensoripc.${prefix}`, `tensoripc-bell.${prefix}`, onWire, `sem.${onWire}`];
  for (const name of readdirSync(SHARED_MEMORY)) {
    if (starts.some((start) => name.startsWith(start))) {
      rmSync(join(SHARED_MEMORY, name), { force: true });
    }
  }
}
