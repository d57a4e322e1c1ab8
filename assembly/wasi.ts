// The same core as a WASI reactor: any WASI host can load it (`_initialize`, memory exported), with the clock that the
// shim brings, so that a host without FFI can stamp frames.

export * from './index';

/** CLOCK_MONOTONIC of the WASI host, ns. */
export function clockMonotonicNs(): u64 {
  return process.hrtime();
}

/** A block of the reactor's own memory for handles, headers and frames: zeroed, 16-byte aligned, never freed. */
export function reserve(bytes: usize): usize {
  const block = heap.alloc(bytes);
  memory.fill(block, 0, bytes);
  return block;
}
