// Arithmetic of the ring: which slot, which window, how many slots. No shared memory is touched here.

import {
  FIELD_ALIGNMENT,
  HANDLE_FRAME_STRIDE,
  MAX_HISTORY_LEN,
  MAX_PAGE_BYTES,
  MAX_SLOT_CAPACITY,
  MIN_PAGE_BYTES,
} from './layout';
import { BAD_GEOMETRY } from './status';

/** Slots beyond historyLen: one that is being written, one so that a full window stays readable meanwhile. */
const HEADROOM: u64 = 2;

/** A dense ring may take this much, or twice the smallest padded one plus this, before frames are padded instead. */
const DENSE_ALLOWANCE_BYTES: u64 = 8 << 20;

/** Slot of a position. */
// @ts-ignore: decorator
@inline
export function slotOf(position: u64, slotCapacity: u64): u32 {
  return <u32>(position % slotCapacity);
}

/** Position of the oldest frame of the window of `count` frames that ends just below `head`. */
// @ts-ignore: decorator
@inline
export function windowStart(head: u64, count: u32): u64 {
  return head - <u64>count;
}

// @ts-ignore: decorator
@inline
export function alignUp(value: u64, alignment: u64): u64 {
  return (value + alignment - 1) & ~(alignment - 1);
}

// @ts-ignore: decorator
@inline
export function within(value: u32, low: u32, high: u32): bool {
  return value >= low && value <= high;
}

/** A power of two between the limits of the layout. */
export function isPageSize(bytes: u32): bool {
  return within(bytes, MIN_PAGE_BYTES, MAX_PAGE_BYTES) && (bytes & (bytes - 1)) == 0;
}

/** Slots needed so that the frame region is a whole number of pages: pages / gcd(pages, stride) divides the count. */
function slotsFor(stride: u64, needed: u64, pageBytes: u64): u64 {
  // pageBytes is a power of two, so its gcd with the stride is the stride's lowest set bit, at most a page.
  let common = stride & (~stride + 1);
  if (common > pageBytes) common = pageBytes;
  const multiple = pageBytes / common;
  return ((needed + multiple - 1) / multiple) * multiple;
}

/**
 * Chooses stride and capacity of a ring whose frame region is a whole number of pages, so that it can be mapped twice, back to
 * back. Dense (stride = frameBytes) unless that costs too much memory; then frames are padded to the alignment, a multiple of
 * 64, that costs least. Returns the capacity and leaves the stride in the handle.
 */
export function chooseGeometry(handle: usize, frameBytes: f64, historyLen: u32, pageBytes: u32): i32 {
  if (!(frameBytes >= 1.0 && frameBytes <= 1099511627776.0)) return BAD_GEOMETRY;
  if (!within(historyLen, 1, MAX_HISTORY_LEN)) return BAD_GEOMETRY;
  if (!isPageSize(pageBytes)) return BAD_GEOMETRY;
  const bytes = <u64>frameBytes;
  const page = <u64>pageBytes;
  const needed = <u64>historyLen + HEADROOM;
  let bestStride: u64 = 0;
  let bestCapacity: u64 = 0;
  for (let alignment: u64 = FIELD_ALIGNMENT; alignment <= page; alignment <<= 1) {
    const stride = alignUp(bytes, alignment);
    const capacity = slotsFor(stride, needed, page);
    if (bestStride == 0 || capacity * stride < bestCapacity * bestStride) {
      bestStride = stride;
      bestCapacity = capacity;
    }
  }
  const denseCapacity = slotsFor(bytes, needed, page);
  if (denseCapacity * bytes <= 2 * bestCapacity * bestStride + DENSE_ALLOWANCE_BYTES) {
    bestStride = bytes;
    bestCapacity = denseCapacity;
  }
  if (bestCapacity > <u64>MAX_SLOT_CAPACITY) return BAD_GEOMETRY;
  store<u64>(handle, bestStride, HANDLE_FRAME_STRIDE);
  return <i32>bestCapacity;
}
