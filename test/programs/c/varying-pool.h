/* A pool of frames of varying length, found, made and taken over as docs/pool-format.md says, and from that page alone. */
#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pool-check.h"

/* points: float32 [n, 3]; id: uint64 [1]; labels: uint8 [m]. */
#define MAX_LENGTH 300
#define HISTORY_LEN 4
#define POINTS_AT 0
#define ID_AT 3648
#define LABELS_AT 3712
#define FRAME_BYTES 4032

#define LOAD(word) __atomic_load_n((word), __ATOMIC_SEQ_CST)
#define STORE(word, value) __atomic_store_n((word), (value), __ATOMIC_SEQ_CST)
#define FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)

struct pool {
  const char *name;
  int fd;
  char *object;
  struct tipc_header header; /* checked */
  struct tipc_header *shared;
  struct tipc_consumer *consumers;
  struct tipc_slot *slots;
};

static inline void die(const char *what) {
  fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static inline int64_t now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline uint64_t random_u64(void) {
  uint64_t value = 0;
  while (value == 0)
    if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value) die("getrandom");
  return value;
}

static inline void futex_wait(uint32_t *word, uint32_t value, int ms) {
  const struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
}

static inline void futex_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

static inline int try_lock(int fd, off_t byte, short type) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  if (fcntl(fd, TIPC_F_OFD_SETLK, &lock) == 0) return 1;
  if (errno != EAGAIN && errno != EACCES) die("F_OFD_SETLK");
  return 0;
}

static inline int is_locked(int fd, off_t byte) {
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  if (fcntl(fd, TIPC_F_OFD_GETLK, &lock) != 0) die("F_OFD_GETLK");
  return lock.l_type != F_UNLCK;
}

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

static inline uint64_t xxh64(const unsigned char *at, size_t bytes) {
  static const uint64_t p1 = 0x9e3779b185ebca87, p2 = 0xc2b2ae3d27d4eb4f, p3 = 0x165667b19e3779f9, p4 = 0x85ebca77c2b2ae63,
                        p5 = 0x27d4eb2f165667c5;
  const unsigned char *end = at + bytes;
  uint64_t hash = p5, lane[4] = {p1 + p2, p2, 0, -p1}, word;
  if (bytes >= 32) {
    for (; end - at >= 32; at += 32)
      for (int i = 0; i < 4; i++) {
        memcpy(&word, at + 8 * i, 8);
        lane[i] = ROTATE(lane[i] + word * p2, 31) * p1;
      }
    hash = ROTATE(lane[0], 1) + ROTATE(lane[1], 7) + ROTATE(lane[2], 12) + ROTATE(lane[3], 18);
    for (int i = 0; i < 4; i++) hash = (hash ^ (ROTATE(lane[i] * p2, 31) * p1)) * p1 + p4;
  }
  hash += bytes;
  for (; end - at >= 8; at += 8) {
    memcpy(&word, at, 8);
    hash = ROTATE(hash ^ (ROTATE(word * p2, 31) * p1), 27) * p1 + p4;
  }
  if (end - at >= 4) {
    uint32_t half;
    memcpy(&half, at, 4);
    hash = ROTATE(hash ^ (half * p1), 23) * p2 + p3;
    at += 4;
  }
  for (; at < end; at++) hash = ROTATE(hash ^ (*at * p5), 11) * p1;
  hash = (hash ^ (hash >> 33)) * p2;
  hash = (hash ^ (hash >> 29)) * p3;
  return hash ^ (hash >> 32);
}

/* What this producer says of its pool: keys in the order of the page, so that a pool of another language's with equal metadata goes on. */
static inline size_t describe(char *to, size_t room, const char *name) {
  return (size_t)snprintf(
      to, room,
      "{\"format\":\"tensor-ipc\",\"version\":2,\"name\":\"%s\",\"device\":\"cpu\",\"historyLen\":%d,\"historyPad\":\"zero\",\"frameBytes\":%d,"
      "\"fields\":[{\"name\":\"points\",\"dtype\":\"float32\",\"shape\":[%d,3],\"byteOffset\":%d,\"bytes\":%d,\"maxLength\":%d,"
      "\"encoding\":\"xyz\",\"unit\":\"m\",\"frameId\":\"lidar\"},"
      "{\"name\":\"id\",\"dtype\":\"uint64\",\"shape\":[1],\"byteOffset\":%d,\"bytes\":8},"
      "{\"name\":\"labels\",\"dtype\":\"uint8\",\"shape\":[%d],\"byteOffset\":%d,\"bytes\":%d,\"maxLength\":%d}],"
      "\"attributes\":{\"mount\":[0,0,1.2]}}",
      name, HISTORY_LEN, FRAME_BYTES, MAX_LENGTH, POINTS_AT, 12 * MAX_LENGTH, MAX_LENGTH, ID_AT, MAX_LENGTH, LABELS_AT, MAX_LENGTH,
      MAX_LENGTH);
}

static inline void object_path(char *to, size_t room, const char *name) {
  snprintf(to, room, "/" TIPC_OBJECT_PREFIX "%s", name);
}

static inline void map_pool(struct pool *pool) {
  pool->object = mmap(NULL, pool->header.object_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, pool->fd, 0);
  if (pool->object == MAP_FAILED) die("mmap");
  pool->shared = (struct tipc_header *)pool->object;
  pool->consumers = (struct tipc_consumer *)(pool->object + pool->header.consumer_offset);
  pool->slots = (struct tipc_slot *)(pool->object + pool->header.slot_offset);
}

/* Copies the header out and checks the copy: what is wrong, or NULL. */
static inline const char *read_header(struct pool *pool) {
  struct stat status;
  if (fstat(pool->fd, &status) < 0) die("fstat");
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022)) return "not to be trusted";
  if (pread(pool->fd, &pool->header, sizeof pool->header, 0) != (ssize_t)sizeof pool->header) return "too short";
  const char *wrong = refuse(&pool->header, (uint64_t)status.st_size);
  if (wrong) return wrong;
  if ((uint64_t)status.st_blocks * 512 < (uint64_t)status.st_size) return "holes";
  return NULL;
}

/* Whether the object's metadata is, byte for byte, what this peer would write. */
static inline int same_metadata(const struct pool *pool) {
  char wanted[1024], found[1024];
  const size_t bytes = describe(wanted, sizeof wanted, pool->name);
  if (pool->header.metadata_bytes != bytes || pool->header.history_len != HISTORY_LEN || pool->header.frame_bytes != FRAME_BYTES) return 0;
  if (pread(pool->fd, found, bytes, pool->header.metadata_offset) != (ssize_t)bytes) return 0;
  return xxh64((unsigned char *)found, bytes) == pool->header.metadata_hash && memcmp(wanted, found, bytes) == 0;
}

/* Step 5: builds the object behind a descriptor that holds lock 0. */
static inline void build_pool(struct pool *pool) {
  char metadata[1024];
  const uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
  struct tipc_header *h = &pool->header;
  memset(h, 0, sizeof *h);
  h->byte_order = TIPC_BYTE_ORDER_MARK;
  h->layout_signature = TIPC_LAYOUT_SIGNATURE;
  h->metadata_bytes = (uint32_t)describe(metadata, sizeof metadata, pool->name);
  h->metadata_hash = xxh64((unsigned char *)metadata, h->metadata_bytes);
  h->consumer_offset = TIPC_HEADER_BYTES;
  h->consumer_capacity = TIPC_MAX_CONSUMERS;
  h->slot_offset = h->consumer_offset + h->consumer_capacity * TIPC_CONSUMER_BYTES;
  h->slot_capacity = HISTORY_LEN + 2;
  h->metadata_offset = h->slot_offset + h->slot_capacity * TIPC_SLOT_BYTES;
  h->frames_offset = align_up(h->metadata_offset + h->metadata_bytes, page);
  h->frame_bytes = FRAME_BYTES;
  h->frame_stride = align_up(FRAME_BYTES, page);
  h->object_bytes = align_up(h->frames_offset + h->slot_capacity * h->frame_stride, page);
  h->history_len = HISTORY_LEN;
  h->page_bytes = page;
  h->pool_id = random_u64();
  h->created_ns = now_ns(CLOCK_REALTIME);
  if (ftruncate(pool->fd, (off_t)h->object_bytes) != 0) die("ftruncate");
  if (posix_fallocate(pool->fd, 0, (off_t)h->object_bytes) != 0) die("posix_fallocate");
  map_pool(pool);
  memcpy(pool->object + h->metadata_offset, metadata, h->metadata_bytes);
  for (uint32_t i = 0; i < h->consumer_capacity; i++) pool->consumers[i].view_pin = pool->consumers[i].hold_pin = TIPC_NONE;
  for (uint32_t i = 0; i < h->slot_capacity; i++) {
    STORE(&pool->slots[i].stamp, TIPC_STAMP_DONE(i));
    STORE(&pool->slots[i].claim, i);
  }
  h->magic = TIPC_MAGIC;
  h->head = h->slot_capacity;
  memcpy(pool->shared, h, sizeof *h);
  h->layout_version = TIPC_LAYOUT_VERSION;
  STORE(&pool->shared->layout_version, TIPC_LAYOUT_VERSION);
}

/* Opens the pool of a name as its producer: steps 1 to 6. */
static inline struct pool own_pool(const char *name) {
  char path[300];
  object_path(path, sizeof path, name);
  for (;;) {
    struct pool pool = {.name = name};
    pool.fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (pool.fd >= 0 && fchmod(pool.fd, 0600) != 0) die("fchmod");
    if (pool.fd < 0) pool.fd = shm_open(path, O_RDWR, 0);
    if (pool.fd < 0 && errno == ENOENT) continue;
    if (pool.fd < 0) die("shm_open");
    for (int patience = 20; !try_lock(pool.fd, TIPC_LOCK_PRODUCER, F_WRLCK); patience--) {
      if (patience == 0) errno = 0, die("a live producer");
      usleep(1000);
    }
    struct stat mine, named;
    char file[310];
    snprintf(file, sizeof file, "/dev/shm%s", path);
    if (fstat(pool.fd, &mine) != 0) die("fstat");
    if (stat(file, &named) != 0 || named.st_ino != mine.st_ino || named.st_dev != mine.st_dev) {
      close(pool.fd);
      continue;
    }
    if (mine.st_size == 0) {
      build_pool(&pool);
    } else {
      const char *wrong = read_header(&pool);
      if (wrong && strcmp(wrong, "under construction") != 0) errno = 0, die(wrong);
      if (wrong || !same_metadata(&pool) || pool.header.producer_state == TIPC_PRODUCER_CLOSED) {
        if (!wrong) {
          map_pool(&pool);
          STORE(&pool.shared->producer_state, TIPC_PRODUCER_CLOSED);
        }
        shm_unlink(path);
        close(pool.fd);
        continue;
      }
      map_pool(&pool);
    }
    struct tipc_header *h = pool.shared;
    const uint64_t head = LOAD(&h->head);
    if (head < pool.header.slot_capacity || head >= TIPC_MAX_POSITION) errno = 0, die("head");
    h->producer_pid = (uint32_t)getpid();
    h->on_pinned = TIPC_ON_PINNED_WAIT;
    h->producer_since_ns = now_ns(CLOCK_MONOTONIC);
    h->period_ns = 0;
    h->producer_epoch += 1;
    STORE(&h->producer_waiting, 0);
    STORE(&h->producer_state, TIPC_PRODUCER_OPEN);
    return pool;
  }
}

/* Attaches to a pool with a live producer, waiting for one. */
static inline struct pool attach_pool(const char *name) {
  char path[300];
  object_path(path, sizeof path, name);
  for (;; usleep(1000)) {
    struct pool pool = {.name = name};
    pool.fd = shm_open(path, O_RDWR, 0);
    if (pool.fd < 0 && errno == ENOENT) continue;
    if (pool.fd < 0) die("shm_open");
    const char *wrong = read_header(&pool);
    if (wrong && strcmp(wrong, "under construction") != 0 && strcmp(wrong, "too short") != 0) errno = 0, die(wrong);
    if (!wrong && !same_metadata(&pool)) errno = 0, die("other metadata");
    if (!wrong && is_locked(pool.fd, TIPC_LOCK_PRODUCER) && pool.header.producer_state != TIPC_PRODUCER_CLOSED) {
      map_pool(&pool);
      return pool;
    }
    close(pool.fd);
  }
}
