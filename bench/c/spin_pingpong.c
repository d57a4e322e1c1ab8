// Two processes that spin on shared memory.
//
//   word ROUND_TRIPS BATCHES CPU CPU          one counter each way, nothing else: ns one way, for each batch
//   ring ROUND_TRIPS BATCHES CPU CPU SLOTS    a ring each way: claim, write 28 bytes, clock, publish; spin, pin, read, unpin
//   paced RATE_HZ FRAMES CPU CPU SLOTS        a ring one way, the writer asleep between frames: ns from before the writing until the
//                                             reader has read, for each frame
#include "ring.h"

#define FRAME_BYTES 28

struct counters {
  _Alignas(64) _Atomic uint64_t ping;
  _Alignas(64) _Atomic uint64_t pong;
};

static void await_word(_Atomic uint64_t *word, uint64_t value) {
  while (atomic_load(word) < value) {
  }
}

static void await_frame(struct ring ring, uint64_t frame) {
  while (ring_published(ring) <= frame) {
  }
}

static void word_pingpong(size_t trips, size_t batches, const int *cpus) {
  struct counters *counters = (struct counters *)map_shared(sizeof(struct counters));
  const uint64_t last = trips * batches;
  const pid_t child = fork_partner();
  run_on(cpus[child == 0]);
  if (child == 0) {
    for (uint64_t i = 1; i <= last; i++) {
      await_word(&counters->ping, i);
      atomic_store(&counters->pong, i);
    }
    _exit(0);
  }
  uint64_t i = 0;
  for (size_t batch = 0; batch < batches; batch++) {
    const uint64_t start = now_ns();
    for (size_t trip = 0; trip < trips; trip++) {
      atomic_store(&counters->ping, ++i);
      await_word(&counters->pong, i);
    }
    figure((double)(now_ns() - start) / (double)(2 * trips));
  }
  wait_partner(child);
  munmap(counters, sizeof(struct counters));
}

struct side {
  struct ring ring;
  unsigned char *frames;
};

static struct side make_side(size_t slots) {
  return (struct side){ring_map(slots), map_shared(slots * FRAME_BYTES)};
}

static void send(struct side side, uint64_t frame, const unsigned char *bytes) {
  while (!ring_begin(side.ring, frame)) {
  }
  memcpy(side.frames + frame % side.ring.slot_count * FRAME_BYTES, bytes, FRAME_BYTES);
  ring_commit(side.ring, frame);
}

static volatile unsigned char sink;

static void receive(struct side side, uint64_t frame) {
  await_frame(side.ring, frame);
  const uint64_t latest = ring_pin(side.ring, 1);
  sink = side.frames[latest % side.ring.slot_count * FRAME_BYTES];
  ring_unpin(side.ring);
}

static void ring_pingpong(size_t trips, size_t batches, const int *cpus, size_t slots) {
  const struct side ping = make_side(slots), pong = make_side(slots);
  unsigned char *bytes = private_bytes(FRAME_BYTES);
  const uint64_t frames = trips * batches;
  const pid_t child = fork_partner();
  run_on(cpus[child == 0]);
  if (child == 0) {
    for (uint64_t i = 0; i < frames; i++) {
      receive(ping, i);
      send(pong, i, bytes);
    }
    _exit(0);
  }
  uint64_t i = 0;
  for (size_t batch = 0; batch < batches; batch++) {
    const uint64_t start = now_ns();
    for (size_t trip = 0; trip < trips; trip++, i++) {
      send(ping, i, bytes);
      receive(pong, i);
    }
    figure((double)(now_ns() - start) / (double)(2 * trips));
  }
  wait_partner(child);
  free(bytes);
  ring_unmap(ping.ring);
  ring_unmap(pong.ring);
  munmap(ping.frames, slots * FRAME_BYTES);
  munmap(pong.frames, slots * FRAME_BYTES);
}

/** What the two sides of a paced run note, beside the ring. */
struct paced_frame {
  uint64_t sent_ns;
  uint64_t read_ns;
};

static void ring_paced(size_t rate_hz, size_t frames, const int *cpus, size_t slots) {
  const struct side side = make_side(slots);
  struct paced_frame *noted = (struct paced_frame *)map_shared(frames * sizeof(struct paced_frame));
  unsigned char *bytes = private_bytes(FRAME_BYTES);
  const pid_t child = fork_partner();
  run_on(cpus[child == 0]);
  if (child == 0) {
    for (uint64_t i = 0; i < frames; i++) {
      receive(side, i);
      noted[i].read_ns = now_ns();
    }
    _exit(0);
  }
  uint64_t due = now_ns() + 20000000;
  for (uint64_t i = 0; i < frames; i++, due += 1000000000u / rate_hz) {
    const struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    noted[i].sent_ns = now_ns();
    send(side, i, bytes);
  }
  wait_partner(child);
  for (uint64_t i = 0; i < frames; i++) figure((double)(noted[i].read_ns - noted[i].sent_ns));
  free(bytes);
  munmap(noted, frames * sizeof(struct paced_frame));
  ring_unmap(side.ring);
  munmap(side.frames, slots * FRAME_BYTES);
}

static void handle(int count, char **words) {
  const size_t trips = number(count, words, 1), batches = number(count, words, 2);
  const int cpus[2] = {cpu_word(count, words, 3), cpu_word(count, words, 4)};
  if (strcmp(words[0], "word") == 0) word_pingpong(trips, batches, cpus);
  else if (strcmp(words[0], "paced") == 0) ring_paced(trips, batches, cpus, number(count, words, 5));
  else ring_pingpong(trips, batches, cpus, number(count, words, 5));
}

int main(void) { return serve(handle); }
