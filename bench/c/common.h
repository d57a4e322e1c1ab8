// What the C baselines share: shared memory, the clock, and a loop that answers each line of requests with a line of figures.
#pragma once

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORDS 16

static void die(const char *what) {
  perror(what);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/** Keeps the compiler from dropping or moving what was written before. */
static inline void compiler_barrier(void) { __asm__ __volatile__("" ::: "memory"); }

/** Maps a new POSIX shared-memory object, allocated and populated as a pool's is. Its name is gone at once, so nothing leaks. */
static inline unsigned char *map_shared(size_t bytes) {
  char name[64];
  snprintf(name, sizeof name, "/tensoripc-baseline.%d", (int)getpid());
  const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) die("shm_open");
  shm_unlink(name);
  if (posix_fallocate(fd, 0, (off_t)bytes) != 0) die("posix_fallocate: is /dev/shm full?");
  unsigned char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (at == MAP_FAILED) die("mmap");
  close(fd);
  return at;
}

/** Private memory with something in it: pages never written to would all be the one zero page. */
static inline unsigned char *private_bytes(size_t bytes) {
  unsigned char *at = malloc(bytes);
  if (at == NULL) die("malloc");
  for (size_t i = 0; i < bytes; i++) at[i] = (unsigned char)(i * 31 + (i >> 8));
  return at;
}

/** Stays on one CPU from here on; a negative number leaves it to the scheduler. */
static inline void run_on(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) die("sched_setaffinity");
}

/** Forks a process that dies with this one. */
static inline pid_t fork_partner(void) {
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return child;
}

static inline void wait_partner(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) {
    fprintf(stderr, "the partner process failed\n");
    exit(1);
  }
}

/** Answers requests until end of file. The handler prints its figures, each followed by a space. */
static inline int serve(void (*handle)(int count, char **words)) {
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *words[MAX_WORDS];
    int count = 0;
    for (char *word = strtok(line, " \n"); word != NULL && count < MAX_WORDS; word = strtok(NULL, " \n")) words[count++] = word;
    handle(count, words);
    putchar('\n');
    fflush(stdout);
  }
  return 0;
}

static inline void figure(double value) { printf("%.4f ", value); }

/** The CPU named by a word; -1 for any. */
static inline int cpu_word(int count, char **words, int index) { return index < count ? atoi(words[index]) : -1; }

static inline size_t number(int count, char **words, int index) {
  if (index >= count) {
    fprintf(stderr, "word %d is missing\n", index);
    exit(1);
  }
  return (size_t)strtoull(words[index], NULL, 10);
}
