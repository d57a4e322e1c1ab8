// memcpy into and out of the slots of a ring in shared memory, with nothing around it.
//
//   in    BYTES STRIDE SLOTS OPERATIONS BATCHES   slot after slot, timed by the batch: ns of one, for each batch
//   out   BYTES STRIDE SLOTS OPERATIONS BATCHES   the same slot again and again, timed by the batch
//   each  BYTES STRIDE SLOTS COUNT                out of slot after slot, each timed, after a lap that is not counted
#include "common.h"

static void *mapped;
static size_t mapped_bytes;
static unsigned char *own;
static size_t own_bytes;

static unsigned char *ring_of(size_t bytes) {
  if (mapped_bytes != bytes) {
    if (mapped != NULL) munmap(mapped, mapped_bytes);
    mapped = map_shared(bytes);
    memset(mapped, 7, bytes);
    mapped_bytes = bytes;
  }
  return mapped;
}

static unsigned char *own_of(size_t bytes) {
  if (own_bytes != bytes) {
    free(own);
    own = private_bytes(bytes);
    own_bytes = bytes;
  }
  return own;
}

static void handle(int count, char **words) {
  const size_t bytes = number(count, words, 1), stride = number(count, words, 2), slots = number(count, words, 3);
  const size_t operations = number(count, words, 4);
  unsigned char *ring = ring_of(stride * slots), *frame = own_of(bytes);
  static size_t at;
  at %= slots;
  if (strcmp(words[0], "each") == 0) {
    // The first lap fetches what others have driven out of the caches.
    for (size_t i = 0; i < slots + operations; i++) {
      const uint64_t start = now_ns();
      memcpy(frame, ring + at * stride, bytes);
      compiler_barrier();
      if (i >= slots) figure((double)(now_ns() - start));
      at = at + 1 == slots ? 0 : at + 1;
    }
    return;
  }
  const int in = strcmp(words[0], "in") == 0;
  const size_t batches = number(count, words, 5);
  for (size_t batch = 0; batch < batches; batch++) {
    const uint64_t start = now_ns();
    if (in) {
      for (size_t i = 0; i < operations; i++) {
        memcpy(ring + at * stride, frame, bytes);
        compiler_barrier();
        at = at + 1 == slots ? 0 : at + 1;
      }
    } else {
      for (size_t i = 0; i < operations; i++) {
        memcpy(frame, ring + at * stride, bytes);
        compiler_barrier();
      }
    }
    figure((double)(now_ns() - start) / (double)operations);
  }
}

int main(void) { return serve(handle); }
