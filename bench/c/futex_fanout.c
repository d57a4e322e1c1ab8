// One process that wakes several with a futex, at a pace: what the kernel alone takes for a frame that nobody copies.
//
//   fanout READERS FRAMES RATE_HZ FRAME_BYTES      µs of CPU of all processes a frame
#include "common.h"
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#define MAX_READERS 64

struct shared {
  _Alignas(64) _Atomic uint32_t head;
  _Alignas(64) _Atomic uint32_t ready;
  _Alignas(64) _Atomic uint32_t done;
  _Alignas(64) double cpu_us[MAX_READERS];
  double checksum[MAX_READERS];
};

static double cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void read_frames(struct shared *shared, const unsigned char *bytes, size_t frame_bytes, uint32_t frames, size_t index) {
  const double before = cpu_us();
  double sum = 0;
  atomic_fetch_add(&shared->ready, 1);
  for (uint32_t seen = 0; seen < frames;) {
    const uint32_t head = atomic_load(&shared->head);
    if (head == seen) {
      syscall(SYS_futex, &shared->head, FUTEX_WAIT, head, NULL, NULL, 0);
      continue;
    }
    seen = head;
    sum += bytes[0] + bytes[frame_bytes - 1];
  }
  shared->checksum[index] = sum;
  shared->cpu_us[index] = cpu_us() - before;
  atomic_fetch_add(&shared->done, 1);
}

static void handle(int count, char **args) {
  const size_t readers = number(count, args, 1), frames = number(count, args, 2), rate = number(count, args, 3);
  const size_t frame_bytes = number(count, args, 4);
  if (readers > MAX_READERS) die("too many readers");
  struct shared *shared = (struct shared *)map_shared(sizeof(struct shared));
  unsigned char *bytes = map_shared(frame_bytes);
  pid_t children[MAX_READERS];
  for (size_t i = 0; i < readers; i++) {
    children[i] = fork_partner();
    if (children[i] == 0) {
      read_frames(shared, bytes, frame_bytes, (uint32_t)frames, i);
      _exit(0);
    }
  }
  while (atomic_load(&shared->ready) < readers) usleep(1000);
  usleep(20000); // until they sleep
  const double before = cpu_us();
  uint64_t due = now_ns();
  for (size_t i = 1; i <= frames; i++) {
    due += 1000000000u / rate;
    struct timespec at = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    bytes[0] = 1;
    bytes[frame_bytes - 1] = 2;
    atomic_store(&shared->head, (uint32_t)i);
    syscall(SYS_futex, &shared->head, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
  }
  double total = cpu_us() - before;
  for (size_t i = 0; i < readers; i++) wait_partner(children[i]);
  for (size_t i = 0; i < readers; i++) total += shared->cpu_us[i];
  figure(total / (double)frames);
  munmap(bytes, frame_bytes);
  munmap(shared, sizeof(struct shared));
}

int main(void) { return serve(handle); }
