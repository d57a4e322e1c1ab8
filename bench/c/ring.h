// The shared words of a pool and the steps on them that publishing, borrowing and copying take, line by line as docs/pool-format.md has
// them, on the structs of the generated header. A limit for what the library does, so: nothing is checked, and nobody is woken.
#pragma once
#include "common.h"

#include "../../native-shim/include/tensor_ipc_layout.h"

#define LOAD(word) __atomic_load_n((word), __ATOMIC_SEQ_CST)
#define STORE(word, value) __atomic_store_n((word), (value), __ATOMIC_SEQ_CST)
#if defined(__x86_64__)
// x86-64 keeps stores in order, and loads: docs/design/0013-fences.md.
#define FENCE() compiler_barrier()
#else
#define FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

// One reader, in the first entry of the table.
struct ring {
  struct tipc_header *header;
  struct tipc_consumer *consumers;
  struct tipc_slot *slots;
  uint64_t slot_count;
};

static inline size_t ring_bytes(size_t slot_count) {
  return TIPC_HEADER_BYTES + TIPC_MAX_CONSUMERS * TIPC_CONSUMER_BYTES + slot_count * TIPC_SLOT_BYTES;
}

/** An open pool's control block in shared memory of its own: the lap of padding is written. */
static inline struct ring ring_map(size_t slot_count) {
  unsigned char *at = map_shared(ring_bytes(slot_count));
  struct ring ring = {(struct tipc_header *)at, (struct tipc_consumer *)(at + TIPC_HEADER_BYTES),
                      (struct tipc_slot *)(at + TIPC_HEADER_BYTES + TIPC_MAX_CONSUMERS * TIPC_CONSUMER_BYTES), slot_count};
  for (size_t i = 0; i < TIPC_MAX_CONSUMERS; i++) ring.consumers[i].view_pin = ring.consumers[i].hold_pin = TIPC_NONE;
  for (size_t i = 0; i < slot_count; i++) {
    ring.slots[i].stamp = TIPC_STAMP_DONE(i);
    ring.slots[i].claim = i;
  }
  ring.header->producer_epoch = 1;
  ring.header->head = slot_count;
  STORE(&ring.header->producer_state, TIPC_PRODUCER_OPEN);
  return ring;
}

static inline void ring_unmap(struct ring ring) { munmap(ring.header, ring_bytes(ring.slot_count)); }

static inline struct tipc_slot *ring_slot(struct ring ring, uint64_t position) { return &ring.slots[position % ring.slot_count]; }

/** Frames published. */
static inline uint64_t ring_published(struct ring ring) { return LOAD(&ring.header->head) - ring.slot_count; }

/** Publish, 1 to 4, of frame `frame`: false while a reader is in the way, and the frame in the slot stays as it was. */
static inline int ring_begin(struct ring ring, uint64_t frame) {
  const uint64_t position = frame + ring.slot_count, doomed = frame;
  struct tipc_slot *slot = ring_slot(ring, position);
  STORE(&slot->claim, position); // before the pins are read: either the reader sees the claim or this sees the pin
  for (uint64_t bits = LOAD(&ring.header->borrowers); bits != 0; bits &= bits - 1) {
    struct tipc_consumer *entry = &ring.consumers[__builtin_ctzll(bits)];
    if (LOAD(&entry->hold_pin) <= doomed || LOAD(&entry->view_pin) <= doomed) return 0;
  }
  STORE(&slot->stamp, TIPC_STAMP_WRITING(position));
  FENCE(); // before a byte is written
  return 1;
}

/** Publish, 6 to 9. Returns who would have to be woken. */
static inline uint64_t ring_commit(struct ring ring, uint64_t frame) {
  const uint64_t position = frame + ring.slot_count;
  struct tipc_slot *slot = ring_slot(ring, position);
  slot->timestamp_ns = slot->published_ns = (int64_t)now_ns();
  slot->epoch = ring.header->producer_epoch;
  STORE(&slot->stamp, TIPC_STAMP_DONE(position));
  STORE(&ring.header->head, position + 1);
  return LOAD(&ring.header->armed);
}

/** Pin, 1 to 4, of the latest `count` frames; the number of the latest. */
static inline uint64_t ring_pin(struct ring ring, uint64_t count) {
  if ((LOAD(&ring.header->borrowers) & 1) == 0) __atomic_fetch_or(&ring.header->borrowers, 1, __ATOMIC_SEQ_CST);
  for (;;) {
    const uint64_t head = LOAD(&ring.header->head), oldest = head - count;
    if (LOAD(&ring.header->producer_state) != TIPC_PRODUCER_OPEN) die("the pool is closed");
    STORE(&ring.consumers[0].view_pin, oldest);
    if (LOAD(&ring_slot(ring, oldest)->claim) == oldest) return head - 1 - ring.slot_count;
  }
}

/** Pin, 6 and 7. Returns how the producer would have to be woken. */
static inline uint32_t ring_unpin(struct ring ring) {
  STORE(&ring.consumers[0].view_pin, TIPC_NONE);
  return LOAD(&ring.header->producer_waiting) == 0 ? 0 : __atomic_exchange_n(&ring.header->producer_waiting, 0, __ATOMIC_SEQ_CST);
}
