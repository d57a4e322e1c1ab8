// Lossless reading. A follower's cursor is the next position that it has still to take, and its hold pin: the producer, whatever its
// policy towards views, does not replace the frame at the cursor nor any above it. Joining is a pin like any other (S3), and taking a
// frame is letting go of it (S4, S6).

import { controlOf, entryBit, entryOf, slotAt, slotCapacityOf } from './handle';
import { slotOf } from './history';
import { HANDLE_HOLD_PIN, HANDLE_VIEW_PIN, HANDLE_WAKE, PRODUCER_OPEN } from './layout';
import { lower, noteTaken, readTimes } from './reader';
import { BAD_HEAD, CLOSED, EMPTY, LAPPED } from './status';
import {
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

/**
 * Joins at frame `first`, or at the oldest one still held when that is gone, or at the next one to be published when it is not there
 * yet. Returns the sequence number of the first frame that will be taken, or BAD_HEAD, LAPPED.
 */
export function reliableJoin(handle: usize, first: f64): f64 {
  const control = controlOf(handle);
  const entry = entryOf(handle);
  const capacity = slotCapacityOf(handle);
  orBorrowers(control, entryBit(handle)); // before the first pin, or the writer would not look
  store<u64>(handle, NONE, HANDLE_HOLD_PIN);
  const head = loadHead(control);
  if (head < capacity || head > MAX_POSITION) return <f64>BAD_HEAD;
  // The slot at the head may be under way, so a ring holds one frame fewer than it has slots; below capacity there is only padding.
  let cursor = head - capacity + 1;
  if (cursor < capacity) cursor = capacity;
  const wanted = first >= <f64>MAX_POSITION ? head : <u64>first + capacity;
  if (wanted > cursor) cursor = lower(wanted, head);
  // The pin stops the writer a lap further on, so at most one frame is lost to each claim that was made already.
  for (let tries: u64 = 0; tries <= capacity; tries++) {
    storeHoldPin(entry, cursor); // S3
    if (loadClaim(slotAt(handle, slotOf(cursor, capacity))) <= cursor) {
      store<u64>(handle, cursor, HANDLE_HOLD_PIN);
      if (tries > 0) store<u32>(handle, takeWaiting(control), HANDLE_WAKE);
      return <f64>(cursor - capacity);
    }
    cursor += 1;
  }
  storeHoldPin(entry, NONE);
  store<u32>(handle, takeWaiting(control), HANDLE_WAKE);
  return <f64>LAPPED;
}

/**
 * Sequence number of the frame at the cursor, if it has been published: EMPTY if not, CLOSED if it never will be. LAPPED when it is
 * not there although it should be, which takes a producer that breaks the protocol.
 */
export function reliableNext(handle: usize): f64 {
  const control = controlOf(handle);
  const capacity = slotCapacityOf(handle);
  const cursor = load<u64>(handle, HANDLE_HOLD_PIN);
  // The state before the head: after "closed" the head is final.
  const state = loadProducerState(control);
  const head = loadHead(control);
  if (head < capacity || head > MAX_POSITION) return <f64>BAD_HEAD;
  if (cursor >= head) return <f64>(state == PRODUCER_OPEN ? EMPTY : CLOSED);
  if (loadStamp(slotAt(handle, slotOf(cursor, capacity))) != stampDone(cursor)) return <f64>LAPPED;
  return <f64>(cursor - capacity);
}

/** Leaves the times of the frame at the cursor in the handle. */
export function reliableTimes(handle: usize): void {
  readTimes(handle, slotAt(handle, slotOf(load<u64>(handle, HANDLE_HOLD_PIN), slotCapacityOf(handle))));
}

/** Lets go of the frame at the cursor. Returns how the producer waits (WAITING_*). */
export function reliableAdvance(handle: usize): i32 {
  noteTaken(handle, load<u64>(handle, HANDLE_HOLD_PIN));
  return reliableSkip(handle);
}

/** Lets go of the frame at the cursor, which nobody has taken. Returns how the producer waits (WAITING_*). */
export function reliableSkip(handle: usize): i32 {
  const cursor = load<u64>(handle, HANDLE_HOLD_PIN) + 1;
  store<u64>(handle, cursor, HANDLE_HOLD_PIN);
  storeHoldPin(entryOf(handle), cursor); // S4, S6
  return <i32>takeWaiting(controlOf(handle));
}

/** Keeps the frame at the cursor for a view. It is held already: no race, no claim to look at. Then reliableAdvance. */
export function reliablePin(handle: usize): void {
  const pin = lower(load<u64>(handle, HANDLE_HOLD_PIN), load<u64>(handle, HANDLE_VIEW_PIN));
  store<u64>(handle, pin, HANDLE_VIEW_PIN);
  storeViewPin(entryOf(handle), pin);
}
