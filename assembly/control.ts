// Creation and validation of the control block.

import { alignUp, isPageSize, within } from './history';
import {
  BYTE_ORDER_MARK,
  CONSUMER_BYTES,
  CONSUMER_HOLD_PIN,
  CONSUMER_VIEW_PIN,
  HANDLE_CONSUMER_CAPACITY,
  HANDLE_CONSUMERS,
  HANDLE_CONTROL,
  HANDLE_ENTRY,
  HANDLE_FRAME_BYTES,
  HANDLE_FRAME_STRIDE,
  HANDLE_FRAMES_OFFSET,
  HANDLE_HISTORY_LEN,
  HANDLE_HOLD_PIN,
  HANDLE_METADATA_BYTES,
  HANDLE_METADATA_OFFSET,
  HANDLE_OBJECT_BYTES,
  HANDLE_PAGE_BYTES,
  HANDLE_SLOT_CAPACITY,
  HANDLE_SLOTS,
  HANDLE_VIEW_PIN,
  HEADER_BYTE_ORDER,
  HEADER_BYTES,
  HEADER_CONSUMER_CAPACITY,
  HEADER_CONSUMER_OFFSET,
  HEADER_CREATED_NS,
  HEADER_FRAME_BYTES,
  HEADER_FRAME_STRIDE,
  HEADER_FRAMES_OFFSET,
  HEADER_HISTORY_LEN,
  HEADER_LAYOUT_SIGNATURE,
  HEADER_LAYOUT_VERSION,
  HEADER_MAGIC,
  HEADER_METADATA_BYTES,
  HEADER_METADATA_HASH,
  HEADER_METADATA_OFFSET,
  HEADER_OBJECT_BYTES,
  HEADER_PAGE_BYTES,
  HEADER_POOL_ID,
  HEADER_SLOT_CAPACITY,
  HEADER_SLOT_OFFSET,
  LAYOUT_SIGNATURE_HIGH,
  LAYOUT_SIGNATURE_LOW,
  LAYOUT_VERSION,
  MAGIC_HIGH,
  MAGIC_LOW,
  MAX_CONSUMERS,
  MAX_HISTORY_LEN,
  MAX_METADATA_BYTES,
  MAX_SLOT_CAPACITY,
  SLOT_BYTES,
} from './layout';
import {
  BAD_BYTE_ORDER,
  BAD_GEOMETRY,
  BAD_MAGIC,
  BAD_SIGNATURE,
  BAD_SIZE,
  BAD_VERSION,
  NOT_READY,
  OK,
} from './status';
import { NONE, stampDone, storeClaim, storeHead, storeStamp } from './sync';

// @ts-ignore: decorator
@inline
function word(low: i32, high: i32): u64 {
  return (<u64>(<u32>high) << 32) | <u64>(<u32>low);
}

/**
 * Computes every offset from the counts in the handle: consumerCapacity, slotCapacity, historyLen, metadataBytes, pageBytes,
 * frameBytes, frameStride. The only place that knows the order of the parts; creator and validator both call it.
 */
export function controlLayout(handle: usize): i32 {
  const consumerCapacity = load<u32>(handle, HANDLE_CONSUMER_CAPACITY);
  const slotCapacity = load<u32>(handle, HANDLE_SLOT_CAPACITY);
  const historyLen = load<u32>(handle, HANDLE_HISTORY_LEN);
  const metadataBytes = load<u32>(handle, HANDLE_METADATA_BYTES);
  const pageBytes = load<u32>(handle, HANDLE_PAGE_BYTES);
  const frameBytes = load<u64>(handle, HANDLE_FRAME_BYTES);
  const frameStride = load<u64>(handle, HANDLE_FRAME_STRIDE);
  if (!within(consumerCapacity, 1, MAX_CONSUMERS)) return BAD_GEOMETRY;
  if (!within(slotCapacity, 2, MAX_SLOT_CAPACITY)) return BAD_GEOMETRY;
  if (!within(historyLen, 1, MAX_HISTORY_LEN) || historyLen >= slotCapacity) return BAD_GEOMETRY;
  if (!within(metadataBytes, 2, MAX_METADATA_BYTES)) return BAD_GEOMETRY;
  if (!isPageSize(pageBytes)) return BAD_GEOMETRY;
  // Bounds that keep every product below 2^53, so that the host can hold them as numbers.
  if (frameBytes < 1 || frameStride < frameBytes || frameStride > (<u64>1) << 41) return BAD_GEOMETRY;
  if (frameStride > ((<u64>1) << 52) / <u64>slotCapacity) return BAD_GEOMETRY;
  const metadataOffset = HEADER_BYTES + consumerCapacity * CONSUMER_BYTES + slotCapacity * SLOT_BYTES;
  const framesOffset = alignUp(metadataOffset + metadataBytes, pageBytes);
  store<u32>(handle, metadataOffset, HANDLE_METADATA_OFFSET);
  store<u64>(handle, framesOffset, HANDLE_FRAMES_OFFSET);
  store<u64>(handle, alignUp(framesOffset + <u64>slotCapacity * frameStride, pageBytes), HANDLE_OBJECT_BYTES);
  return OK;
}

/** Points the handle at the object's mapping. */
export function controlBind(handle: usize, control: usize): void {
  const consumers = control + HEADER_BYTES;
  store<u32>(handle, <u32>control, HANDLE_CONTROL);
  store<u32>(handle, <u32>consumers, HANDLE_CONSUMERS);
  store<u32>(handle, <u32>consumers + load<u32>(handle, HANDLE_CONSUMER_CAPACITY) * CONSUMER_BYTES, HANDLE_SLOTS);
  store<u32>(handle, 0, HANDLE_ENTRY);
  store<u64>(handle, NONE, HANDLE_VIEW_PIN);
  store<u64>(handle, NONE, HANDLE_HOLD_PIN);
}

/**
 * Builds a control block in zeroed, bound memory. The metadata is already in place. The object stays unreadable until
 * controlPublish.
 */
export function controlCreate(handle: usize, metadataHash: u64, poolId: u64, createdNs: u64): void {
  const control: usize = load<u32>(handle, HANDLE_CONTROL);
  const consumers: usize = load<u32>(handle, HANDLE_CONSUMERS);
  const slots: usize = load<u32>(handle, HANDLE_SLOTS);
  const consumerCapacity = load<u32>(handle, HANDLE_CONSUMER_CAPACITY);
  const slotCapacity = load<u32>(handle, HANDLE_SLOT_CAPACITY);
  store<u64>(control, word(MAGIC_LOW, MAGIC_HIGH), HEADER_MAGIC);
  store<u32>(control, BYTE_ORDER_MARK, HEADER_BYTE_ORDER);
  store<u64>(control, word(LAYOUT_SIGNATURE_LOW, LAYOUT_SIGNATURE_HIGH), HEADER_LAYOUT_SIGNATURE);
  store<u64>(control, metadataHash, HEADER_METADATA_HASH);
  store<u64>(control, load<u64>(handle, HANDLE_OBJECT_BYTES), HEADER_OBJECT_BYTES);
  store<u32>(control, load<u32>(handle, HANDLE_METADATA_OFFSET), HEADER_METADATA_OFFSET);
  store<u32>(control, load<u32>(handle, HANDLE_METADATA_BYTES), HEADER_METADATA_BYTES);
  store<u32>(control, HEADER_BYTES, HEADER_CONSUMER_OFFSET);
  store<u32>(control, consumerCapacity, HEADER_CONSUMER_CAPACITY);
  store<u32>(control, HEADER_BYTES + consumerCapacity * CONSUMER_BYTES, HEADER_SLOT_OFFSET);
  store<u32>(control, slotCapacity, HEADER_SLOT_CAPACITY);
  store<u64>(control, load<u64>(handle, HANDLE_FRAMES_OFFSET), HEADER_FRAMES_OFFSET);
  store<u64>(control, load<u64>(handle, HANDLE_FRAME_STRIDE), HEADER_FRAME_STRIDE);
  store<u64>(control, load<u64>(handle, HANDLE_FRAME_BYTES), HEADER_FRAME_BYTES);
  store<u32>(control, load<u32>(handle, HANDLE_HISTORY_LEN), HEADER_HISTORY_LEN);
  store<u32>(control, load<u32>(handle, HANDLE_PAGE_BYTES), HEADER_PAGE_BYTES);
  store<u64>(control, poolId, HEADER_POOL_ID);
  store<u64>(control, createdNs, HEADER_CREATED_NS);
  for (let i: u32 = 0; i < consumerCapacity; i++) {
    const entry = consumers + <usize>i * CONSUMER_BYTES;
    store<u64>(entry, NONE, CONSUMER_VIEW_PIN);
    store<u64>(entry, NONE, CONSUMER_HOLD_PIN);
  }
  // The lap of padding: slot p holds padding frame p, whose bytes are the zeros of the new object.
  for (let i: u32 = 0; i < slotCapacity; i++) {
    const slot = slots + <usize>i * SLOT_BYTES;
    storeStamp(slot, stampDone(i));
    storeClaim(slot, i);
  }
  storeHead(control, slotCapacity);
}

/** Makes a finished control block readable: the version word is the last to be stored (S1). */
export function controlPublish(handle: usize): void {
  atomic.store<u32>(load<u32>(handle, HANDLE_CONTROL), LAYOUT_VERSION, HEADER_LAYOUT_VERSION);
}

/**
 * Checks a private snapshot of a header against the object's size and fills the handle from it. Works on a copy, so what was
 * checked cannot change afterwards.
 */
export function controlValidate(handle: usize, header: usize, objectBytes: f64): i32 {
  const magic = load<u64>(header, HEADER_MAGIC);
  const version = load<u32>(header, HEADER_LAYOUT_VERSION);
  if (magic != word(MAGIC_LOW, MAGIC_HIGH)) return magic == 0 && version == 0 ? NOT_READY : BAD_MAGIC;
  if (version == 0) return NOT_READY;
  if (version != LAYOUT_VERSION) return BAD_VERSION;
  if (load<u32>(header, HEADER_BYTE_ORDER) != BYTE_ORDER_MARK) return BAD_BYTE_ORDER;
  if (load<u64>(header, HEADER_LAYOUT_SIGNATURE) != word(LAYOUT_SIGNATURE_LOW, LAYOUT_SIGNATURE_HIGH)) {
    return BAD_SIGNATURE;
  }
  store<u32>(handle, load<u32>(header, HEADER_CONSUMER_CAPACITY), HANDLE_CONSUMER_CAPACITY);
  store<u32>(handle, load<u32>(header, HEADER_SLOT_CAPACITY), HANDLE_SLOT_CAPACITY);
  store<u32>(handle, load<u32>(header, HEADER_HISTORY_LEN), HANDLE_HISTORY_LEN);
  store<u32>(handle, load<u32>(header, HEADER_METADATA_BYTES), HANDLE_METADATA_BYTES);
  store<u32>(handle, load<u32>(header, HEADER_PAGE_BYTES), HANDLE_PAGE_BYTES);
  store<u64>(handle, load<u64>(header, HEADER_FRAME_BYTES), HANDLE_FRAME_BYTES);
  store<u64>(handle, load<u64>(header, HEADER_FRAME_STRIDE), HANDLE_FRAME_STRIDE);
  const status = controlLayout(handle);
  if (status != OK) return status;
  const consumerCapacity = load<u32>(handle, HANDLE_CONSUMER_CAPACITY);
  if (
    load<u32>(header, HEADER_METADATA_OFFSET) != load<u32>(handle, HANDLE_METADATA_OFFSET) ||
    load<u32>(header, HEADER_CONSUMER_OFFSET) != HEADER_BYTES ||
    load<u32>(header, HEADER_SLOT_OFFSET) != HEADER_BYTES + consumerCapacity * CONSUMER_BYTES ||
    load<u64>(header, HEADER_FRAMES_OFFSET) != load<u64>(handle, HANDLE_FRAMES_OFFSET) ||
    load<u64>(header, HEADER_OBJECT_BYTES) != load<u64>(handle, HANDLE_OBJECT_BYTES)
  ) {
    return BAD_GEOMETRY;
  }
  if (<f64>load<u64>(handle, HANDLE_OBJECT_BYTES) != objectBytes) return BAD_SIZE;
  return OK;
}
