// A producer process that publishes as fast as it can and a consumer process that spins for the latest.
//
//   copy BYTES STRIDE SLOTS MS CPU CPU        memcpy in; memcpy out with the stamp looked at before and after
//   loan BYTES STRIDE SLOTS MS CPU CPU        one byte written; pinned, one byte read, unpinned
//
// Answers two figures: frames a second received, and published.
#include "ring.h"

struct shared {
  _Alignas(64) _Atomic int stop;
  _Alignas(64) _Atomic uint64_t received;
};

static volatile unsigned char sink;

/** Copies the latest frame out, whole. Its number, or the last one when the run is over. */
static uint64_t copy_latest(struct ring ring, const unsigned char *frames, size_t stride, unsigned char *to, size_t bytes,
                            struct shared *shared) {
  for (;;) {
    const uint64_t position = LOAD(&ring.header->head) - 1, latest = position - ring.slot_count;
    const uint64_t *stamp = &ring_slot(ring, position)->stamp;
    if (LOAD(stamp) != TIPC_STAMP_DONE(position)) continue;
    memcpy(to, frames + latest % ring.slot_count * stride, bytes);
    FENCE();
    if (LOAD(stamp) == TIPC_STAMP_DONE(position) || atomic_load(&shared->stop)) return latest;
  }
}

static void consume(int copy, struct ring ring, unsigned char *frames, size_t bytes, size_t stride, struct shared *shared) {
  unsigned char *own = private_bytes(bytes);
  uint64_t seen = 0, received = 0;
  while (!atomic_load(&shared->stop)) {
    if (ring_published(ring) <= seen) continue;
    if (copy) {
      seen = copy_latest(ring, frames, stride, own, bytes, shared) + 1;
    } else {
      const uint64_t latest = ring_pin(ring, 1);
      sink = frames[latest % ring.slot_count * stride];
      ring_unpin(ring);
      seen = latest + 1;
    }
    atomic_store_explicit(&shared->received, ++received, memory_order_relaxed);
  }
}

static void handle(int count, char **words) {
  const int copy = strcmp(words[0], "copy") == 0;
  const size_t bytes = number(count, words, 1), stride = number(count, words, 2), slots = number(count, words, 3);
  const uint64_t run_ns = number(count, words, 4) * 1000000u, warm_ns = 30000000u;
  const struct ring ring = ring_map(slots);
  struct shared *shared = (struct shared *)map_shared(sizeof(struct shared));
  unsigned char *frames = map_shared(slots * stride);
  const pid_t child = fork_partner();
  run_on(cpu_word(count, words, child == 0 ? 6 : 5));
  if (child == 0) {
    consume(copy, ring, frames, bytes, stride, shared);
    _exit(0);
  }
  unsigned char *own = private_bytes(bytes);
  uint64_t frame = 0, first_frame = 0, first_received = 0, from = 0;
  const uint64_t start = now_ns();
  for (;;) {
    while (!ring_begin(ring, frame)) {
    }
    unsigned char *slot = frames + frame % slots * stride;
    if (copy) memcpy(slot, own, bytes);
    else slot[0] = (unsigned char)frame;
    ring_commit(ring, frame);
    frame++;
    if (!copy && (frame & 63) != 0) continue;
    const uint64_t now = now_ns();
    if (from == 0 && now - start >= warm_ns) {
      from = now;
      first_frame = frame;
      first_received = atomic_load(&shared->received);
    } else if (from != 0 && now - from >= run_ns) {
      const double seconds = (double)(now - from) / 1e9;
      figure((double)(atomic_load(&shared->received) - first_received) / seconds);
      figure((double)(frame - first_frame) / seconds);
      break;
    }
  }
  atomic_store(&shared->stop, 1);
  wait_partner(child);
  free(own);
  munmap(frames, slots * stride);
  ring_unmap(ring);
  munmap(shared, sizeof(struct shared));
}

int main(void) { return serve(handle); }
