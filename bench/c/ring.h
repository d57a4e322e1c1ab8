// The shared words of a ring and the steps on them that publishing, borrowing and copying take, as docs/pool-format.md describes
// them. A limit for what the library does, so: nothing is checked, and nobody is woken.
#pragma once
#include "common.h"

#define NO_PIN UINT64_MAX

struct slot {
  _Alignas(64) _Atomic uint64_t stamp;
  _Atomic uint64_t claim; // the frame that the producer is about to write here, writes, or wrote last
  uint64_t timestamp_ns;
  uint64_t published_ns;
  uint32_t epoch;
};

struct ring {
  _Alignas(64) _Atomic uint64_t head; // frames published
  _Alignas(64) _Atomic uint64_t armed;
  _Alignas(64) _Atomic uint64_t borrowers;
  _Atomic uint32_t producer_waiting;
  _Alignas(64) _Atomic uint64_t pin;
  uint64_t slot_count;
  struct slot slots[];
};

static inline size_t ring_bytes(size_t slot_count) { return sizeof(struct ring) + slot_count * sizeof(struct slot); }

static inline void ring_init(struct ring *ring, size_t slot_count) {
  ring->slot_count = slot_count;
  atomic_store(&ring->pin, NO_PIN);
}

static inline uint64_t stamp_done(uint64_t frame) { return 2 * frame + 2; }

/** Claims the next slot; false while a view holds it, and the frame in it stays as it was. */
static inline int ring_begin(struct ring *ring, uint64_t frame) {
  struct slot *slot = &ring->slots[frame % ring->slot_count];
  atomic_store(&slot->claim, frame); // before the pin is read: either the reader sees the claim or this sees the pin
  if (atomic_load(&ring->borrowers) != 0 && frame >= ring->slot_count &&
      atomic_load(&ring->pin) <= frame - ring->slot_count)
    return 0;
  atomic_store(&slot->stamp, 2 * frame + 1);
#if !defined(__x86_64__)
  // Before a byte is written. x86-64 keeps stores in order: docs/design/0013-fences.md.
  atomic_thread_fence(memory_order_seq_cst);
#endif
  compiler_barrier();
  return 1;
}

/** Publishes the slot. Returns who would have to be woken. */
static inline uint64_t ring_commit(struct ring *ring, uint64_t frame) {
  struct slot *slot = &ring->slots[frame % ring->slot_count];
  slot->timestamp_ns = slot->published_ns = now_ns();
  slot->epoch = 1;
  atomic_store(&slot->stamp, stamp_done(frame));
  atomic_store(&ring->head, frame + 1);
  return atomic_load(&ring->armed);
}

/** Pins the latest `count` frames; the number of the latest. */
static inline uint64_t ring_pin(struct ring *ring, uint64_t count) {
  if (atomic_load(&ring->borrowers) == 0) atomic_fetch_or(&ring->borrowers, 1);
  for (;;) {
    const uint64_t head = atomic_load(&ring->head), oldest = head - count;
    atomic_store(&ring->pin, oldest);
    if (atomic_load(&ring->slots[oldest % ring->slot_count].claim) == oldest) return head - 1;
  }
}

static inline uint32_t ring_unpin(struct ring *ring) {
  atomic_store(&ring->pin, NO_PIN);
  return atomic_load(&ring->producer_waiting) == 0 ? 0 : atomic_exchange(&ring->producer_waiting, 0);
}
