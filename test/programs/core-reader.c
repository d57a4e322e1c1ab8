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

#include "tensor_ipc_layout.h"

static int fail(const char *what) {
  fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  return 1;
}

static uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

/* NULL when the copy of the header describes an object of this size, otherwise what is wrong. */
static const char *refuse(const struct tipc_header *h, uint64_t object_bytes) {
  if (h->magic != TIPC_MAGIC) return "not a pool";
  if (h->layout_version == 0) return "under construction";
  if (h->layout_version != TIPC_LAYOUT_VERSION) return "another version";
  if (h->byte_order != TIPC_BYTE_ORDER_MARK) return "another byte order";
  if (h->layout_signature != TIPC_LAYOUT_SIGNATURE) return "another layout";
  if (h->consumer_capacity < 1 || h->consumer_capacity > TIPC_MAX_CONSUMERS) return "consumerCapacity";
  if (h->slot_capacity < 2 || h->slot_capacity > TIPC_MAX_SLOT_CAPACITY) return "slotCapacity";
  if (h->history_len < 1 || h->history_len > TIPC_MAX_HISTORY_LEN || h->history_len >= h->slot_capacity) return "historyLen";
  if (h->metadata_bytes < 2 || h->metadata_bytes > TIPC_MAX_METADATA_BYTES) return "metadataBytes";
  if (h->page_bytes < TIPC_MIN_PAGE_BYTES || h->page_bytes > TIPC_MAX_PAGE_BYTES) return "pageBytes";
  if (h->page_bytes & (h->page_bytes - 1)) return "pageBytes";
  if (h->frame_bytes < 1 || h->frame_stride < h->frame_bytes || h->frame_stride > UINT64_C(1) << 41) return "frameStride";
  if (h->frame_stride > (UINT64_C(1) << 52) / h->slot_capacity) return "frameStride";
  const uint64_t slots = TIPC_HEADER_BYTES + (uint64_t)h->consumer_capacity * TIPC_CONSUMER_BYTES;
  const uint64_t metadata = slots + (uint64_t)h->slot_capacity * TIPC_SLOT_BYTES;
  const uint64_t frames = align_up(metadata + h->metadata_bytes, h->page_bytes);
  if (h->consumer_offset != TIPC_HEADER_BYTES || h->slot_offset != slots || h->metadata_offset != metadata) return "offsets";
  if (h->frames_offset != frames) return "framesOffset";
  if (h->object_bytes != align_up(frames + h->slot_capacity * h->frame_stride, h->page_bytes)) return "objectBytes";
  if (h->object_bytes != object_bytes) return "the size of the object";
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return fail("usage: core-reader NAME COUNT");
  const uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
  char path[300];
  snprintf(path, sizeof path, "/tensoripc.%s", argv[1]);
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
  if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return fail("F_OFD_GETLK");
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
