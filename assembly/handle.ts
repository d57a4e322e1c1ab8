// The private side of one participant: where its pool is mapped and the geometry that was checked when it attached.

import {
  HANDLE_CONSUMER_CAPACITY,
  HANDLE_CONSUMERS,
  HANDLE_CONTROL,
  HANDLE_ENTRY,
  HANDLE_ENTRY_INDEX,
  HANDLE_POSITION,
  HANDLE_SLOT_CAPACITY,
  HANDLE_SLOTS,
  SLOT_BYTES,
} from './layout';

// @ts-ignore: decorator
@inline
export function controlOf(handle: usize): usize {
  return load<u32>(handle, HANDLE_CONTROL);
}

// @ts-ignore: decorator
@inline
export function entryOf(handle: usize): usize {
  return load<u32>(handle, HANDLE_ENTRY);
}

// @ts-ignore: decorator
@inline
export function entryBit(handle: usize): u64 {
  return (<u64>1) << load<u32>(handle, HANDLE_ENTRY_INDEX);
}

// @ts-ignore: decorator
@inline
export function consumersOf(handle: usize): usize {
  return load<u32>(handle, HANDLE_CONSUMERS);
}

// @ts-ignore: decorator
@inline
export function consumerCapacityOf(handle: usize): u32 {
  return load<u32>(handle, HANDLE_CONSUMER_CAPACITY);
}

// @ts-ignore: decorator
@inline
export function slotCapacityOf(handle: usize): u64 {
  return load<u32>(handle, HANDLE_SLOT_CAPACITY);
}

// @ts-ignore: decorator
@inline
export function positionOf(handle: usize): u64 {
  return load<u64>(handle, HANDLE_POSITION);
}

/** Address of the descriptor of a slot; the index is below slotCapacity by construction (a remainder). */
// @ts-ignore: decorator
@inline
export function slotAt(handle: usize, index: u32): usize {
  return <usize>load<u32>(handle, HANDLE_SLOTS) + <usize>index * SLOT_BYTES;
}
