// The consumer's side: consistent copies (seqlock) and pinned windows (hazard pointers).
//
// The writer goes round in order, so the oldest frame of a window is the first to be lost: its stamp speaks for the window,
// whatever its length.

import { controlOf, entryBit, entryOf, slotAt, slotCapacityOf } from './handle';
import { slotOf, windowStart } from './history';
import {
  CONSUMER_FRAMES_MISSED,
  CONSUMER_FRAMES_TAKEN,
  CONSUMER_LAST_POSITION,
  HANDLE_EPOCH,
  HANDLE_HOLD_PIN,
  HANDLE_PUBLISHED_NS,
  HANDLE_TIMESTAMP_NS,
  HANDLE_VIEW_PIN,
  HANDLE_WAKE,
  PRODUCER_OPEN,
  SLOT_EPOCH,
  SLOT_PUBLISHED_NS,
  SLOT_TIMESTAMP_NS,
} from './layout';
import { BAD_HEAD, CLOSED, EMPTY, LAPPED, OK } from './status';
import {
  clearBorrowers,
  loadBorrowers,
  loadClaim,
  loadHead,
  loadProducerState,
  loadStamp,
  NONE,
  orBorrowers,
  stampDone,
  storeHoldPin,
  storeViewPin,
  takeWaiting,
} from './sync';
import { MAX_POSITION } from './writer';

/** After this many lost races a view is taken under a hold pin, which every producer honours, whatever its policy. */
const FREE_TRIES: u32 = 3;
/** Each try under a hold pin fails at most once for each frame that was already being written: this is never reached. */
const MAX_TRIES: u32 = 1024;

// @ts-ignore: decorator
@inline
export function noteTaken(handle: usize, position: u64): void {
  const entry = entryOf(handle);
  const last = load<u64>(entry, CONSUMER_LAST_POSITION);
  if (position > last) {
    store<u64>(entry, position, CONSUMER_LAST_POSITION);
    store<u64>(entry, load<u64>(entry, CONSUMER_FRAMES_TAKEN) + 1, CONSUMER_FRAMES_TAKEN);
    if (last != 0) {
      store<u64>(entry, load<u64>(entry, CONSUMER_FRAMES_MISSED) + (position - last - 1), CONSUMER_FRAMES_MISSED);
    }
  }
}

/** A lossless reader counts the frames that it takes in order, not those that it looks at in between. */
// @ts-ignore: decorator
@inline
function noteRead(handle: usize, position: u64): void {
  if (load<u64>(handle, HANDLE_HOLD_PIN) == NONE) noteTaken(handle, position);
}

// @ts-ignore: decorator
@inline
export function readTimes(handle: usize, newest: usize): void {
  store<u64>(handle, load<u64>(newest, SLOT_TIMESTAMP_NS), HANDLE_TIMESTAMP_NS);
  store<u64>(handle, load<u64>(newest, SLOT_PUBLISHED_NS), HANDLE_PUBLISHED_NS);
  store<u32>(handle, load<u32>(newest, SLOT_EPOCH), HANDLE_EPOCH);
}

/**
 * Sequence number of the newest frame, whether the pool is open or closed, or EMPTY, BAD_HEAD. Whoever has seen it closed, and looks then,
 * has the last frame there will be.
 */
export function readerNewest(handle: usize): f64 {
  const head = loadHead(controlOf(handle));
  const capacity = slotCapacityOf(handle);
  if (head == capacity) return <f64>EMPTY;
  if (head < capacity || head > MAX_POSITION) return <f64>BAD_HEAD;
  return <f64>(head - 1 - capacity);
}

/** Sequence number of the newest frame of an open pool, or EMPTY, CLOSED, BAD_HEAD. */
export function readerLatest(handle: usize): f64 {
  if (loadProducerState(controlOf(handle)) != PRODUCER_OPEN) return <f64>CLOSED;
  return readerNewest(handle);
}

/** Spins until a frame newer than `sequence` is published or `iterations` looks have been taken. Returns readerLatest's value. */
export function readerSpin(handle: usize, sequence: f64, iterations: u32): f64 {
  const control = controlOf(handle);
  const seen = <u64>(<i64>sequence + 1 + <i64>slotCapacityOf(handle));
  for (let i: u32 = 0; i < iterations; i++) {
    if (loadHead(control) > seen) break;
  }
  return readerLatest(handle);
}

/**
 * Begins a copy of the `count` frames that end with `sequence`, at most historyLen: the slot of the oldest, or LAPPED. The
 * sequence comes from readerLatest. The window is contiguous in the mirrored ring.
 */
export function readerCopyBegin(handle: usize, sequence: f64, count: u32): i32 {
  const capacity = slotCapacityOf(handle);
  const oldest = windowStart(<u64>sequence + 1 + capacity, count);
  const slot = slotOf(oldest, capacity);
  return loadStamp(slotAt(handle, slot)) == stampDone(oldest) ? <i32>slot : LAPPED;
}

/** Ends a copy: OK, or LAPPED when the bytes may be torn and must be thrown away. Leaves the times of the newest frame. */
export function readerCopyEnd(handle: usize, sequence: f64, count: u32): i32 {
  const capacity = slotCapacityOf(handle);
  const position = <u64>sequence + capacity;
  const oldest = windowStart(position + 1, count);
  const newest = slotAt(handle, slotOf(position, capacity));
  readTimes(handle, newest);
  // A remainder costs as much as the rest of this: the window of one frame has its slot already.
  const first = count == 1 ? newest : slotAt(handle, slotOf(oldest, capacity));
  atomic.fence(); // S2: the bytes and the times were read before the stamp is read again
  if (loadStamp(first) != stampDone(oldest)) return LAPPED;
  noteRead(handle, position);
  return OK;
}

// @ts-ignore: decorator
@inline
export function lower(a: u64, b: u64): u64 {
  return a < b ? a : b;
}

/**
 * Pins the newest `count` frames with the view pin (`hold` false) or the hold pin (`hold` true) and returns the sequence number
 * of the newest, or EMPTY, CLOSED, BAD_HEAD, LAPPED. Between tries the pin stays where it is: it stops the writer one lap
 * further on, so the next try can hardly fail. (A window is shorter than the ring by two, so a claim on the frame
 * after the head never reaches it.)
 */
function pinNewest(handle: usize, count: u32, hold: bool): f64 {
  const control = controlOf(handle);
  const entry = entryOf(handle);
  const capacity = slotCapacityOf(handle);
  const bit = entryBit(handle);
  if ((loadBorrowers(control) & bit) == 0) orBorrowers(control, bit); // before the first pin, or the writer would not look
  const viewHeld = load<u64>(handle, HANDLE_VIEW_PIN);
  const holdHeld = load<u64>(handle, HANDLE_HOLD_PIN);
  let result = <f64>LAPPED;
  let tries: u32 = 0;
  store<u32>(handle, 0, HANDLE_WAKE);
  for (; tries < MAX_TRIES; tries++) {
    const head = loadHead(control);
    if (loadProducerState(control) != PRODUCER_OPEN) {
      result = <f64>CLOSED;
      break;
    }
    if (head <= capacity || head > MAX_POSITION) {
      result = head == capacity ? <f64>EMPTY : <f64>BAD_HEAD;
      break;
    }
    const oldest = windowStart(head, count);
    if (hold || tries >= FREE_TRIES) storeHoldPin(entry, lower(oldest, holdHeld)); // S3
    if (!hold) storeViewPin(entry, lower(oldest, viewHeld)); // S3
    // S3: a slot that the next lap has claimed may be written by a producer that did not see the pin.
    const first = slotAt(handle, slotOf(oldest, capacity));
    if (loadClaim(first) != oldest) continue;
    if (hold) {
      // HANDLE_HOLD_PIN keeps the lossless cursor: readerUnhold goes back to it.
    } else {
      store<u64>(handle, lower(oldest, viewHeld), HANDLE_VIEW_PIN);
      if (tries >= FREE_TRIES) storeHoldPin(entry, holdHeld);
    }
    // S6: the pins of earlier tries may have stopped the producer.
    if (tries > 0) store<u32>(handle, takeWaiting(control), HANDLE_WAKE);
    readTimes(handle, count == 1 ? first : slotAt(handle, slotOf(head - 1, capacity)));
    noteRead(handle, head - 1);
    return <f64>(head - 1 - capacity);
  }
  storeViewPin(entry, viewHeld);
  storeHoldPin(entry, holdHeld);
  store<u32>(handle, takeWaiting(control), HANDLE_WAKE);
  return result;
}

/** Pins the newest `count` frames for a view: the sequence number of the newest, or EMPTY, CLOSED, BAD_HEAD, LAPPED. */
export function readerPin(handle: usize, count: u32): f64 {
  return pinNewest(handle, count, false);
}

/** Moves the view pin up to `oldest`, the first sequence number that a remaining view holds. Returns how the producer waits (WAITING_*). */
export function readerUnpinTo(handle: usize, oldest: f64): i32 {
  const position = <u64>(<i64>oldest + <i64>slotCapacityOf(handle));
  store<u64>(handle, position, HANDLE_VIEW_PIN);
  storeViewPin(entryOf(handle), position); // S4, S6
  return <i32>takeWaiting(controlOf(handle));
}

/** Drops the view pin. Returns how the producer waits (WAITING_*). */
export function readerUnpin(handle: usize): i32 {
  store<u64>(handle, NONE, HANDLE_VIEW_PIN);
  storeViewPin(entryOf(handle), NONE); // S4, S6
  return <i32>takeWaiting(controlOf(handle));
}

/**
 * For a look now and then: a reader that holds nothing takes its bit back, and puts do not look at its pins any more. Its next pin sets the
 * bit again before anything else.
 */
export function readerRest(handle: usize): void {
  if (load<u64>(handle, HANDLE_VIEW_PIN) != NONE || load<u64>(handle, HANDLE_HOLD_PIN) != NONE) return;
  const control = controlOf(handle);
  const bit = entryBit(handle);
  if ((loadBorrowers(control) & bit) != 0) clearBorrowers(control, bit); // S3: the pins were dropped before
}

/** Holds the newest `count` frames for a copy that has lost too many races. Ends with readerUnhold, with no readerPin in between. */
export function readerHold(handle: usize, count: u32): f64 {
  return pinNewest(handle, count, true);
}

/** Ends a hold: back to the lossless cursor, if there is one. Returns how the producer waits (WAITING_*). */
export function readerUnhold(handle: usize): i32 {
  storeHoldPin(entryOf(handle), load<u64>(handle, HANDLE_HOLD_PIN)); // S4, S6
  return <i32>takeWaiting(controlOf(handle));
}

/** Whether the window of a view that starts at `oldest` has not been touched since it was pinned. */
export function readerIntact(handle: usize, oldest: f64): bool {
  const capacity = slotCapacityOf(handle);
  const position = <u64>(<i64>oldest + <i64>capacity);
  atomic.fence(); // S2: what the caller read from the view came before this look
  return loadStamp(slotAt(handle, slotOf(position, capacity))) == stampDone(position);
}
