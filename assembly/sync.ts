// Every word that two processes race on is read and written through these verbs. WebAssembly atomics are sequentially
// consistent, so the verb names what the protocol needs; the instruction may give more. The pairs that matter:
//
//   S1 publish    writer: bytes, storeStampDone, storeHead           reader: loadHead, loadStamp, bytes
//                 A reader that sees the head sees the frame below it.
//   S2 seqlock    writer: storeStampWriting, fence, bytes            reader: bytes, fence, loadStamp
//                 A copy during which the writer touched the slot is recognised. The fences are for arm64: a store-release
//                 does not hold back the plain stores after it, nor a load-acquire the plain loads before it.
//   S3 pin        writer: storeClaim, loadPin                        reader: storePin, loadClaim
//                 Store-then-load on both sides: either the writer sees the pin or the reader sees the claim.
//   S4 unpin      reader: bytes, storePin(NONE)                      writer: loadPin, bytes
//                 The reader's loads are over before the writer's stores begin.
//   S5 doorbell   consumer: orArmed, loadHead                        producer: storeHead, loadArmed
//                 Either the consumer sees the new head or the producer sees that it must ring.
//   S6 waiting    producer: storeWaiting(1), loadPin                 consumer: storePin, takeWaiting
//                 Either the producer sees the pin gone or the consumer sees that it must wake the producer.

import {
  CONSUMER_HOLD_PIN,
  CONSUMER_VIEW_PIN,
  HEADER_ARMED,
  HEADER_BORROWERS,
  HEADER_HEAD,
  HEADER_PRODUCER_STATE,
  HEADER_PRODUCER_WAITING,
  HEADER_WAKE_COUNT,
  SLOT_CLAIM,
} from './layout';

/** No pin. Above every position, so that "pin <= position" needs no special case. */
export const NONE: u64 = u64.MAX_VALUE;

// A stamp is twice the position plus 2 when DONE, plus 1 while WRITING; zero has never been written.
//
//   state        who leaves it        next                         a crash here means
//   DONE(p)      the producer         WRITING(p + capacity)        nothing: the frame is whole
//   WRITING(p)   the producer         DONE(p) on commit            the slot is unreadable, head is still p; the successor
//                                                                  writes p again
//
// A slot's claim is the position that the producer is about to write there, writes, or wrote last: it never goes back. The frame in
// the slot is taken for lost once the next one has claimed it, although a producer that finds it pinned leaves it untouched, stamp
// and all, and waits. The claim lies beside the stamp, on a cache line that both sides touch for this frame anyway.
// @ts-ignore: decorator
@inline
export function stampDone(position: u64): u64 {
  return (position << 1) + 2;
}

// @ts-ignore: decorator
@inline
export function stampWriting(position: u64): u64 {
  return (position << 1) + 1;
}

// @ts-ignore: decorator
@inline
export function loadStamp(slot: usize): u64 {
  return atomic.load<u64>(slot);
}

// @ts-ignore: decorator
@inline
export function storeStamp(slot: usize, stamp: u64): void {
  atomic.store<u64>(slot, stamp);
}

// @ts-ignore: decorator
@inline
export function loadHead(control: usize): u64 {
  return atomic.load<u64>(control, HEADER_HEAD);
}

// @ts-ignore: decorator
@inline
export function storeHead(control: usize, head: u64): void {
  atomic.store<u64>(control, head, HEADER_HEAD);
}

// @ts-ignore: decorator
@inline
export function loadClaim(slot: usize): u64 {
  return atomic.load<u64>(slot, SLOT_CLAIM);
}

// @ts-ignore: decorator
@inline
export function storeClaim(slot: usize, position: u64): void {
  atomic.store<u64>(slot, position, SLOT_CLAIM);
}

// @ts-ignore: decorator
@inline
export function loadProducerState(control: usize): u32 {
  return atomic.load<u32>(control, HEADER_PRODUCER_STATE);
}

// @ts-ignore: decorator
@inline
export function storeProducerState(control: usize, state: u32): void {
  atomic.store<u32>(control, state, HEADER_PRODUCER_STATE);
}

// @ts-ignore: decorator
@inline
export function loadViewPin(entry: usize): u64 {
  return atomic.load<u64>(entry, CONSUMER_VIEW_PIN);
}

// @ts-ignore: decorator
@inline
export function storeViewPin(entry: usize, position: u64): void {
  atomic.store<u64>(entry, position, CONSUMER_VIEW_PIN);
}

// @ts-ignore: decorator
@inline
export function loadHoldPin(entry: usize): u64 {
  return atomic.load<u64>(entry, CONSUMER_HOLD_PIN);
}

// @ts-ignore: decorator
@inline
export function storeHoldPin(entry: usize, position: u64): void {
  atomic.store<u64>(entry, position, CONSUMER_HOLD_PIN);
}

// @ts-ignore: decorator
@inline
export function loadBorrowers(control: usize): u64 {
  return atomic.load<u64>(control, HEADER_BORROWERS);
}

// @ts-ignore: decorator
@inline
export function orBorrowers(control: usize, bits: u64): void {
  atomic.or<u64>(control, bits, HEADER_BORROWERS);
}

// @ts-ignore: decorator
@inline
export function clearBorrowers(control: usize, bits: u64): void {
  atomic.and<u64>(control, ~bits, HEADER_BORROWERS);
}

// @ts-ignore: decorator
@inline
export function loadArmed(control: usize): u64 {
  return atomic.load<u64>(control, HEADER_ARMED);
}

// @ts-ignore: decorator
@inline
export function orArmed(control: usize, bits: u64): void {
  atomic.or<u64>(control, bits, HEADER_ARMED);
}

// @ts-ignore: decorator
@inline
export function clearArmed(control: usize, bits: u64): void {
  atomic.and<u64>(control, ~bits, HEADER_ARMED);
}

// @ts-ignore: decorator
@inline
export function takeArmed(control: usize): u64 {
  return atomic.xchg<u64>(control, 0, HEADER_ARMED);
}

// @ts-ignore: decorator
@inline
export function loadWakeCount(control: usize): u32 {
  return atomic.load<u32>(control, HEADER_WAKE_COUNT);
}

// @ts-ignore: decorator
@inline
export function addWakeCount(control: usize): void {
  atomic.add<u32>(control, 1, HEADER_WAKE_COUNT);
}

// @ts-ignore: decorator
@inline
export function storeWaiting(control: usize, value: u32): void {
  atomic.store<u32>(control, value, HEADER_PRODUCER_WAITING);
}

// @ts-ignore: decorator
@inline
export function takeWaiting(control: usize): u32 {
  // Looks first: an exchange would take the line, which the producer reads for every frame, at every release.
  if (atomic.load<u32>(control, HEADER_PRODUCER_WAITING) == 0) return 0;
  return atomic.xchg<u32>(control, 0, HEADER_PRODUCER_WAITING);
}
