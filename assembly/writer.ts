// The producer's side: one writer per pool, guaranteed by its file lock.
//
//   begin    claim := p, look at the pins, stamp := WRITING(p), fence   (S3, S2)
//   bytes    by the host, into the slot
//   commit   stamp := DONE(p), head := p + 1, look at the doorbell      (S1, S5)

import { consumerCapacityOf, consumersOf, controlOf, positionOf, slotAt, slotCapacityOf } from './handle';
import { slotOf } from './history';
import {
  CONSUMER_BYTES,
  HANDLE_ARMED,
  HANDLE_CLOCK_NS,
  HANDLE_DESCRIPTOR,
  HANDLE_DUE_NS,
  HANDLE_EPOCH,
  HANDLE_PERIOD_NS,
  HANDLE_POSITION,
  HANDLE_TIMESTAMP_NS,
  HEADER_FRAMES_OVERRUN,
  HEADER_FRAMES_REFUSED,
  HEADER_ON_PINNED,
  HEADER_PERIOD_NS,
  HEADER_PRODUCER_EPOCH,
  HEADER_PRODUCER_PID,
  HEADER_PRODUCER_SINCE_NS,
  HEADER_WAITS,
  PRODUCER_CLOSED,
  PRODUCER_OPEN,
  SLOT_EPOCH,
  SLOT_PUBLISHED_NS,
  SLOT_TIMESTAMP_NS,
} from './layout';
import { BAD_HEAD, COMMIT_DUE, COMMIT_WAITED, OK, PINNED } from './status';
import {
  addWakeCount,
  loadArmed,
  loadBorrowers,
  loadHead,
  loadHoldPin,
  loadViewPin,
  stampDone,
  stampWriting,
  storeClaim,
  storeHead,
  storeProducerState,
  storeStamp,
  storeWaiting,
  takeArmed,
} from './sync';

/** Largest position: sequence numbers stay exact as JavaScript numbers. */
export const MAX_POSITION: u64 = (<u64>1) << 53;

/** Takes the pool over: the position goes on where the head stands. The caller holds the producer's lock. */
export function writerOpen(handle: usize, pid: u32, onPinned: u32): i32 {
  const control = controlOf(handle);
  const head = loadHead(control);
  if (head < slotCapacityOf(handle) || head >= MAX_POSITION) return BAD_HEAD;
  store<u64>(handle, head, HANDLE_POSITION);
  store<u32>(control, pid, HEADER_PRODUCER_PID);
  store<u32>(control, onPinned, HEADER_ON_PINNED);
  store<u64>(control, load<u64>(handle, HANDLE_CLOCK_NS), HEADER_PRODUCER_SINCE_NS);
  store<u64>(control, load<u64>(handle, HANDLE_PERIOD_NS), HEADER_PERIOD_NS);
  store<u32>(handle, atomic.add<u32>(control, 1, HEADER_PRODUCER_EPOCH) + 1, HANDLE_EPOCH);
  storeWaiting(control, 0);
  storeProducerState(control, PRODUCER_OPEN);
  return OK;
}

/** Says goodbye. The caller wakes whoever writerTakeArmed names. */
export function writerClose(handle: usize): void {
  storeProducerState(controlOf(handle), PRODUCER_CLOSED);
}

/** Sequence number of the next frame. */
export function writerSequence(handle: usize): f64 {
  return <f64>(positionOf(handle) - slotCapacityOf(handle));
}

/**
 * Index of the first consumer, from `from` on, that holds a pin on the frame that the next one replaces, or -1. With
 * `ignoreViews` only consumers that have still to copy that frame count.
 */
export function writerBlocker(handle: usize, from: u32, ignoreViews: bool): i32 {
  // The frame to be replaced and all older ones: a reader's oldest pin stands for everything above it.
  const doomed = positionOf(handle) - slotCapacityOf(handle);
  let borrowers = loadBorrowers(controlOf(handle)) >> from;
  const table = consumersOf(handle);
  const capacity = consumerCapacityOf(handle);
  let index = from;
  while (borrowers != 0) {
    const step = <u32>ctz<u64>(borrowers);
    index += step;
    // Bits beyond the table are somebody's scribble: never an address.
    if (index >= capacity) break;
    const entry = table + <usize>index * CONSUMER_BYTES;
    if (loadHoldPin(entry) <= doomed || (!ignoreViews && loadViewPin(entry) <= doomed)) return <i32>index;
    // Two shifts: a shift by 64 would be a shift by 0.
    borrowers = (borrowers >> step) >> 1;
    index += 1;
  }
  return -1;
}

/** Claims the next slot: its index, or PINNED with every frame as it was. */
export function writerBegin(handle: usize, ignoreViews: bool): i32 {
  const position = positionOf(handle);
  const slot = slotOf(position, slotCapacityOf(handle));
  const descriptor = slotAt(handle, slot);
  storeClaim(descriptor, position); // S3: before the pins are read
  if (writerBlocker(handle, 0, ignoreViews) >= 0) return PINNED;
  storeStamp(descriptor, stampWriting(position));
  atomic.fence(); // S2: before the host writes a byte
  store<u32>(handle, <u32>descriptor, HANDLE_DESCRIPTOR);
  return <i32>slot;
}

/**
 * Publishes the slot claimed by writerBegin. The clock has been read into the handle; `ownTimestamp` keeps HANDLE_TIMESTAMP_NS
 * as the frame's timestamp. Returns COMMIT_WAITED if somebody waits to be woken, and COMMIT_DUE once the clock is at HANDLE_DUE_NS.
 */
export function writerCommit(handle: usize, ownTimestamp: bool): i32 {
  const control = controlOf(handle);
  const position = positionOf(handle);
  const descriptor: usize = load<u32>(handle, HANDLE_DESCRIPTOR);
  const now = load<u64>(handle, HANDLE_CLOCK_NS);
  store<u64>(descriptor, ownTimestamp ? load<u64>(handle, HANDLE_TIMESTAMP_NS) : now, SLOT_TIMESTAMP_NS);
  store<u64>(descriptor, now, SLOT_PUBLISHED_NS);
  store<u32>(descriptor, load<u32>(handle, HANDLE_EPOCH), SLOT_EPOCH);
  storeStamp(descriptor, stampDone(position)); // S1
  store<u64>(handle, position + 1, HANDLE_POSITION);
  storeHead(control, position + 1); // S1, S5
  const due = load<u64>(handle, HANDLE_DUE_NS);
  return (loadArmed(control) != 0 ? COMMIT_WAITED : 0) | (due != 0 && now >= due ? COMMIT_DUE : 0);
}

/** Takes all armed bits into HANDLE_ARMED, so that each waiter is rung once. Returns 1 if there are any. */
export function writerTakeArmed(handle: usize): i32 {
  const control = controlOf(handle);
  const armed = takeArmed(control);
  store<u64>(handle, armed, HANDLE_ARMED);
  if (armed == 0) return 0;
  addWakeCount(control); // a consumer about to sleep on the old count returns at once
  return 1;
}

/** Announces how the producer waits until a pin goes, or withdraws that with WAITING_NONE (S6). */
export function writerSetWaiting(handle: usize, waiting: u32): void {
  storeWaiting(controlOf(handle), waiting);
}

export function writerCountRefused(handle: usize): void {
  const control = controlOf(handle);
  store<u64>(control, load<u64>(control, HEADER_FRAMES_REFUSED) + 1, HEADER_FRAMES_REFUSED);
}

export function writerCountOverrun(handle: usize): void {
  const control = controlOf(handle);
  store<u64>(control, load<u64>(control, HEADER_FRAMES_OVERRUN) + 1, HEADER_FRAMES_OVERRUN);
}

export function writerCountWait(handle: usize): void {
  const control = controlOf(handle);
  store<u64>(control, load<u64>(control, HEADER_WAITS) + 1, HEADER_WAITS);
}

/** True once views that are lent would be overwritten by the next frame: the 'overwrite' policy counts them. */
export function writerOverruns(handle: usize): bool {
  return loadBorrowers(controlOf(handle)) != 0 && writerBlocker(handle, 0, false) >= 0;
}

