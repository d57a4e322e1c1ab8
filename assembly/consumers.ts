// The consumer table. Holding the file lock on byte LOCK_CONSUMERS + i *is* owning entry i: the lock is taken first and given up
// last, so there is no instant at which a live consumer looks dead or a dead one alive.

import { consumerCapacityOf, consumersOf, controlOf, entryBit, entryOf } from './handle';
import {
  CONSUMER_ACTIVE,
  CONSUMER_DOORBELL_ID,
  CONSUMER_DOORBELL_KIND,
  CONSUMER_BYTES,
  CONSUMER_DELIVERY,
  CONSUMER_FRAMES_MISSED,
  CONSUMER_FRAMES_TAKEN,
  CONSUMER_FREE,
  CONSUMER_LAST_POSITION,
  CONSUMER_PID,
  CONSUMER_SINCE_NS,
  CONSUMER_STATE,
  HANDLE_CLOCK_NS,
  HANDLE_ENTRY,
  HANDLE_ENTRY_INDEX,
  HANDLE_HOLD_PIN,
  HANDLE_VIEW_PIN,
  HANDLE_WAKE,
} from './layout';
import { BAD_GEOMETRY, OK } from './status';
import { clearArmed, clearBorrowers, loadWakeCount, NONE, orArmed, storeHoldPin, storeViewPin, takeWaiting } from './sync';

function resetEntry(control: usize, entry: usize, bit: u64): void {
  clearBorrowers(control, bit);
  clearArmed(control, bit);
  storeViewPin(entry, NONE);
  storeHoldPin(entry, NONE);
  store<u64>(entry, 0, CONSUMER_DOORBELL_ID);
  atomic.store<u32>(entry, CONSUMER_FREE, CONSUMER_STATE);
}

/** Fills entry `index`, whose lock the caller holds, and binds the handle to it. */
export function consumerRegister(handle: usize, index: u32, pid: u32, delivery: u32, doorbellId: u64): i32 {
  if (index >= consumerCapacityOf(handle)) return BAD_GEOMETRY;
  const control = controlOf(handle);
  const entry = consumersOf(handle) + <usize>index * CONSUMER_BYTES;
  resetEntry(control, entry, (<u64>1) << index);
  // S6: the pins of a dead predecessor may have stopped the producer.
  store<u32>(handle, takeWaiting(control), HANDLE_WAKE);
  store<u32>(entry, pid, CONSUMER_PID);
  store<u32>(entry, delivery, CONSUMER_DELIVERY);
  store<u32>(entry, 0, CONSUMER_DOORBELL_KIND);
  store<u64>(entry, doorbellId, CONSUMER_DOORBELL_ID);
  store<u64>(entry, load<u64>(handle, HANDLE_CLOCK_NS), CONSUMER_SINCE_NS);
  store<u64>(entry, 0, CONSUMER_LAST_POSITION);
  store<u64>(entry, 0, CONSUMER_FRAMES_TAKEN);
  store<u64>(entry, 0, CONSUMER_FRAMES_MISSED);
  store<u32>(handle, <u32>entry, HANDLE_ENTRY);
  store<u32>(handle, index, HANDLE_ENTRY_INDEX);
  store<u64>(handle, NONE, HANDLE_VIEW_PIN);
  store<u64>(handle, NONE, HANDLE_HOLD_PIN);
  atomic.store<u32>(entry, CONSUMER_ACTIVE, CONSUMER_STATE);
  return OK;
}

/** Gives the entry back; the caller unlocks it afterwards. Returns how the producer waits (WAITING_*). */
export function consumerUnregister(handle: usize): i32 {
  const control = controlOf(handle);
  resetEntry(control, entryOf(handle), entryBit(handle));
  store<u32>(handle, 0, HANDLE_ENTRY);
  return <i32>takeWaiting(control); // S6
}

/** Clears the entry of a dead consumer. The caller has just taken that entry's lock, which proves it dead, and holds it. */
export function consumerReap(handle: usize, index: u32): i32 {
  if (index >= consumerCapacityOf(handle)) return BAD_GEOMETRY;
  resetEntry(controlOf(handle), consumersOf(handle) + <usize>index * CONSUMER_BYTES, (<u64>1) << index);
  return OK;
}

/** Asks to be woken at the next publication. Look at the head once more before sleeping (S5). */
export function consumerArm(handle: usize, doorbellKind: u32): void {
  atomic.store<u32>(entryOf(handle), doorbellKind, CONSUMER_DOORBELL_KIND);
  orArmed(controlOf(handle), entryBit(handle));
}

export function consumerDisarm(handle: usize): void {
  clearArmed(controlOf(handle), entryBit(handle));
}

/** Futex word to sleep on, read before the head is looked at for the last time. */
export function consumerWakeCount(handle: usize): u32 {
  return loadWakeCount(controlOf(handle));
}
