// The shared-memory steps of loan + commit and of borrow + release, and nothing else.
//
//   loan    SLOTS OPERATIONS BATCHES           ns of one, for each batch
//   borrow  SLOTS OPERATIONS BATCHES COUNT
#include "ring.h"

static volatile uint64_t sink;

static void handle(int count, char **words) {
  const size_t slots = number(count, words, 1), operations = number(count, words, 2), batches = number(count, words, 3);
  const struct ring ring = ring_map(slots);
  uint64_t frame = 0;
  for (; frame < slots; frame++) {
    ring_begin(ring, frame);
    ring_commit(ring, frame);
  }
  const int borrow = strcmp(words[0], "borrow") == 0;
  const size_t window = borrow ? number(count, words, 4) : 0;
  for (size_t batch = 0; batch < batches; batch++) {
    const uint64_t start = now_ns();
    if (borrow) {
      for (size_t i = 0; i < operations; i++) {
        sink = ring_pin(ring, window);
        sink = ring_unpin(ring);
      }
    } else {
      for (size_t i = 0; i < operations; i++, frame++) {
        ring_begin(ring, frame);
        sink = ring_commit(ring, frame);
      }
    }
    figure((double)(now_ns() - start) / (double)operations);
  }
  ring_unmap(ring);
}

int main(void) { return serve(handle); }
