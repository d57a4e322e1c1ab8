/*
 * A consumer in C, written from docs/pool-format.md alone: finds a pool, checks it, and copies the latest frames as they are.
 *
 *   core-reader NAME COUNT   ->   "sequence S timestampNs T bytes B\n" and the bytes of the COUNT newest frames, oldest first
 *
 * It only copies, so it needs no entry in the consumer table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool-check.h"

static int fail(const char *what) {
  fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) return fail("usage: core-reader NAME COUNT");
  const uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
  char path[300];
  snprintf(path, sizeof path, "/" TIPC_OBJECT_PREFIX "%s", argv[1]);
  const int fd = shm_open(path, O_RDONLY, 0);
  if (fd < 0) return fail("shm_open");
  struct stat status;
  if (fstat(fd, &status) < 0) return fail("fstat");
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022)) return fail("not to be trusted");

  /* What is checked must not change afterwards: check a copy, and use the copy. */
  struct tipc_header header;
  if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header) return fail("too short");
  const char *refusal = refuse(&header, (uint64_t)status.st_size);
  if (refusal) return fail(refusal);
  if (count < 1 || count > header.history_len) return fail("COUNT is 1 to historyLen");

  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = TIPC_LOCK_PRODUCER, .l_len = 1};
  if (fcntl(fd, TIPC_F_OFD_GETLK, &lock) < 0) return fail("F_OFD_GETLK");
  if (lock.l_type == F_UNLCK) return fail("no producer");

  const char *object = mmap(NULL, header.object_bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (object == MAP_FAILED) return fail("mmap");
  const struct tipc_header *shared = (const struct tipc_header *)object;
  const struct tipc_slot *slots = (const struct tipc_slot *)(object + header.slot_offset);
  const uint64_t capacity = header.slot_capacity;
  char *copy = malloc(count * header.frame_bytes);
  if (!copy) return fail("malloc");

  for (long tries = 0; tries < 1000000; tries++) {
    if (__atomic_load_n(&shared->producer_state, __ATOMIC_SEQ_CST) != TIPC_PRODUCER_OPEN) return fail("closed");
    const uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_SEQ_CST);
    if (head == capacity) return fail("empty");
    if (head < capacity || head > TIPC_MAX_POSITION) return fail("head");
    const uint64_t oldest = head - count;
    const uint64_t *stamp = &slots[oldest % capacity].stamp;
    if (__atomic_load_n(stamp, __ATOMIC_SEQ_CST) != TIPC_STAMP_DONE(oldest)) continue;
    for (uint32_t i = 0; i < count; i++) {
      const char *frame = object + header.frames_offset + (oldest + i) % capacity * header.frame_stride;
      memcpy(copy + i * header.frame_bytes, frame, header.frame_bytes);
    }
    const int64_t timestamp = slots[(head - 1) % capacity].timestamp_ns;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(stamp, __ATOMIC_SEQ_CST) != TIPC_STAMP_DONE(oldest)) continue;
    const size_t bytes = count * header.frame_bytes;
    printf("sequence %" PRIu64 " timestampNs %" PRId64 " bytes %zu\n", head - 1 - capacity, timestamp, bytes);
    return fwrite(copy, 1, bytes, stdout) == bytes && fflush(stdout) == 0 ? 0 : fail("fwrite");
  }
  return fail("the producer was always faster");
}
