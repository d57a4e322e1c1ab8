// Two processes that wake each other with a futex in shared memory.
//
//   pingpong ROUND_TRIPS BATCHES CPU CPU      ns one way, for each batch
#include "common.h"
#include <linux/futex.h>
#include <sys/syscall.h>

struct words {
  _Alignas(64) _Atomic uint32_t ping;
  _Alignas(64) _Atomic uint32_t pong;
};

static void post(_Atomic uint32_t *word, uint32_t value) {
  atomic_store(word, value);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(_Atomic uint32_t *word, uint32_t value) {
  for (;;) {
    const uint32_t seen = atomic_load(word);
    if (seen == value) return;
    syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
  }
}

static void handle(int count, char **args) {
  const size_t trips = number(count, args, 1), batches = number(count, args, 2);
  struct words *words = (struct words *)map_shared(sizeof(struct words));
  const uint32_t last = (uint32_t)(trips * batches);
  const pid_t child = fork_partner();
  run_on(cpu_word(count, args, child == 0 ? 4 : 3));
  if (child == 0) {
    for (uint32_t i = 1; i <= last; i++) {
      await(&words->ping, i);
      post(&words->pong, i);
    }
    _exit(0);
  }
  uint32_t i = 0;
  for (size_t batch = 0; batch < batches; batch++) {
    const uint64_t start = now_ns();
    for (size_t trip = 0; trip < trips; trip++) {
      post(&words->ping, ++i);
      await(&words->pong, i);
    }
    figure((double)(now_ns() - start) / (double)(2 * trips));
  }
  wait_partner(child);
  munmap(words, sizeof(struct words));
}

int main(void) { return serve(handle); }
