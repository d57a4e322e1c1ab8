/*
 * A producer and consumers of frames of varying length in C, written from docs/pool-format.md alone.
 *
 *   varying-peer produce NAME FRAMES HOW    puts FRAMES frames; HOW "stay": at once, and stays until its input ends; "close": once it has
 *                                           read a line, and closes the pool behind them
 *   varying-peer copy    NAME LAST          the newest frame, copied, again and again
 *   varying-peer window  NAME LAST          four frames at once, copied
 *   varying-peer view    NAME LAST          the newest frame in place, asleep in between
 *   varying-peer lossless NAME LAST         every frame from the oldest, asleep in between
 *
 * Consumers check every word of every frame, and end once they have seen frame LAST: "checked N missed N epochs A B". Frame s has
 * s * 37 % 301 points, whose words are s * 1000 + i, and s * 101 % 301 labels, whose bytes are (s * 31 + i) % 251.
 */
#include "varying-pool.h"

struct frame {
  uint64_t sequence;
  uint32_t epoch, lengths[2];
  float points[3 * MAX_LENGTH];
  uint64_t id;
  uint8_t labels[MAX_LENGTH];
};

static uint32_t points_of(uint64_t s) { return (uint32_t)(s * 37 % (MAX_LENGTH + 1)); }
static uint32_t labels_of(uint64_t s) { return (uint32_t)(s * 101 % (MAX_LENGTH + 1)); }

/* ---- producer */

/* A FIFO to ring, or -1: nobody listens there, or it is a socket, which this peer does not know. */
static int open_doorbell(const char *pool, uint64_t id) {
  char path[320];
  snprintf(path, sizeof path, "/dev/shm/" TIPC_DOORBELL_PREFIX "%s.%016" PRIx64, pool, id);
  const int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))) return fd;
  close(fd);
  return -1;
}

/* 0 when nobody listens there any more. */
static int ring_fd(int fd) {
  if (write(fd, "\1", 1) == 1 || errno == EAGAIN) return 1;
  if (errno != EPIPE) die("ring");
  return 0;
}

static void ring_once(const char *pool, uint64_t id) {
  const int fd = open_doorbell(pool, id);
  if (fd < 0) return;
  ring_fd(fd);
  close(fd);
}

/* The doorbell of an entry, which stays open: at its end its consumer would ask whether this producer has died. */
static void ring_entry(const struct pool *pool, uint32_t index) {
  static struct {
    uint64_t id;
    int fd;
  } open_now[TIPC_MAX_CONSUMERS];
  const uint64_t id = pool->consumers[index].doorbell_id;
  if (open_now[index].id == id && id != 0 && ring_fd(open_now[index].fd)) return;
  if (open_now[index].id != 0) close(open_now[index].fd);
  open_now[index].fd = open_doorbell(pool->name, id);
  open_now[index].id = open_now[index].fd < 0 ? 0 : id;
  if (open_now[index].fd >= 0) ring_fd(open_now[index].fd);
}

/* Step 7 of opening: whoever waits for a pool of this name. */
static void ring_newcomers(const char *pool) {
  char prefix[260];
  const int length = snprintf(prefix, sizeof prefix, TIPC_DOORBELL_PREFIX "%s.", pool);
  DIR *directory = opendir("/dev/shm");
  if (!directory) die("opendir");
  for (const struct dirent *file = readdir(directory); file; file = readdir(directory)) {
    if (strncmp(file->d_name, prefix, (size_t)length) != 0) continue;
    const char *digits = file->d_name + length;
    if (strlen(digits) == 16 && strspn(digits, "0123456789abcdef") == 16) ring_once(pool, strtoull(digits, NULL, 16));
  }
  closedir(directory);
}

static void ring(struct pool *pool) {
  if (LOAD(&pool->shared->armed) == 0) return;
  const uint64_t bits = __atomic_exchange_n(&pool->shared->armed, 0, __ATOMIC_SEQ_CST);
  if (bits == 0) return;
  __atomic_add_fetch(&pool->shared->wake_count, 1, __ATOMIC_SEQ_CST);
  int futex = 0;
  for (uint32_t i = 0; i < pool->header.consumer_capacity; i++) {
    if ((bits >> i & 1) == 0) continue;
    const uint32_t kind = LOAD(&pool->consumers[i].doorbell_kind);
    if (kind == TIPC_DOORBELL_FILE) ring_entry(pool, i);
    else if (kind == TIPC_DOORBELL_FUTEX) futex = 1;
  }
  if (futex) futex_wake(&pool->shared->wake_count);
}

/* The first consumer in the way of the frame to be replaced, or -1. */
static int blocker(struct pool *pool, uint64_t doomed) {
  const uint64_t bits = LOAD(&pool->shared->borrowers);
  for (uint32_t i = 0; i < pool->header.consumer_capacity; i++)
    if ((bits >> i & 1) && (LOAD(&pool->consumers[i].hold_pin) <= doomed || LOAD(&pool->consumers[i].view_pin) <= doomed)) return (int)i;
  return -1;
}

/* Clears the entry of a consumer that is dead. */
static int reap(struct pool *pool, int index) {
  if (!try_lock(pool->fd, TIPC_LOCK_CONSUMERS + index, F_WRLCK)) return 0;
  struct tipc_consumer *entry = &pool->consumers[index];
  __atomic_and_fetch(&pool->shared->borrowers, ~(UINT64_C(1) << index), __ATOMIC_SEQ_CST);
  __atomic_and_fetch(&pool->shared->armed, ~(UINT64_C(1) << index), __ATOMIC_SEQ_CST);
  STORE(&entry->view_pin, TIPC_NONE);
  STORE(&entry->hold_pin, TIPC_NONE);
  entry->doorbell_id = 0;
  STORE(&entry->state, TIPC_CONSUMER_FREE);
  try_lock(pool->fd, TIPC_LOCK_CONSUMERS + index, F_UNLCK);
  return 1;
}

/* Steps 1 and 2, and the wait for whoever is in the way. */
static void claim(struct pool *pool, uint64_t position) {
  struct tipc_slot *slot = &pool->slots[position % pool->header.slot_capacity];
  const uint64_t doomed = position - pool->header.slot_capacity;
  STORE(&slot->claim, position);
  for (int index = blocker(pool, doomed), waited = 0; index >= 0; index = blocker(pool, doomed)) {
    if (reap(pool, index)) continue;
    if (!waited) pool->shared->waits += 1;
    waited = 1;
    STORE(&pool->shared->producer_waiting, TIPC_WAITING_FUTEX);
    if (blocker(pool, doomed) >= 0) futex_wait(&pool->shared->producer_waiting, TIPC_WAITING_FUTEX, 50);
    STORE(&pool->shared->producer_waiting, TIPC_WAITING_NONE);
  }
}

static void put(struct pool *pool) {
  const uint64_t position = LOAD(&pool->shared->head), s = position - pool->header.slot_capacity;
  struct tipc_slot *slot = &pool->slots[position % pool->header.slot_capacity];
  char *frame = pool->object + pool->header.frames_offset + position % pool->header.slot_capacity * pool->header.frame_stride;
  claim(pool, position);
  STORE(&slot->stamp, TIPC_STAMP_WRITING(position));
  FENCE();
  /* In place: what is beyond the lengths stays as it was. */
  float *points = (float *)(frame + POINTS_AT);
  uint8_t *labels = (uint8_t *)(frame + LABELS_AT);
  for (uint32_t i = 0; i < 3 * points_of(s); i++) points[i] = (float)(s * 1000 + i);
  memcpy(frame + ID_AT, &s, 8);
  for (uint32_t i = 0; i < labels_of(s); i++) labels[i] = (uint8_t)((s * 31 + i) % 251);
  slot->lengths[0] = points_of(s);
  slot->lengths[1] = labels_of(s);
  slot->published_ns = slot->timestamp_ns = now_ns(CLOCK_MONOTONIC);
  slot->epoch = pool->shared->producer_epoch;
  STORE(&slot->stamp, TIPC_STAMP_DONE(position));
  STORE(&pool->shared->head, position + 1);
  ring(pool);
}

static int produce(const char *name, uint64_t frames, const char *how) {
  char path[300];
  object_path(path, sizeof path, name);
  struct pool pool = own_pool(name);
  printf("epoch %u next %" PRIu64 "\n", pool.shared->producer_epoch, LOAD(&pool.shared->head) - pool.header.slot_capacity);
  fflush(stdout);
  ring_newcomers(name);
  if (strcmp(how, "close") == 0 && getchar() == EOF) return 1;
  while (frames-- > 0) put(&pool);
  printf("put\n");
  fflush(stdout);
  if (strcmp(how, "stay") == 0) return getchar() != EOF;
  STORE(&pool.shared->producer_state, TIPC_PRODUCER_CLOSED);
  ring(&pool);
  shm_unlink(path);
  return 0;
}

/* ---- consumers */

static uint64_t checked, missed, first_epoch, last_epoch;

static void wrong(const struct frame *frame, const char *what, uint64_t at) {
  fprintf(stderr, "frame %" PRIu64 " (lengths %u and %u): %s at %" PRIu64 "\n", frame->sequence, frame->lengths[0], frame->lengths[1], what, at);
  exit(1);
}

static void check(const struct frame *frame) {
  const uint64_t s = frame->sequence;
  if (frame->lengths[0] != points_of(s) || frame->lengths[1] != labels_of(s)) wrong(frame, "lengths", 0);
  for (uint32_t i = 0; i < 3 * frame->lengths[0]; i++)
    if (frame->points[i] != (float)(s * 1000 + i)) wrong(frame, "points", i);
  if (frame->id != s) wrong(frame, "id", frame->id);
  for (uint32_t i = 0; i < frame->lengths[1]; i++)
    if (frame->labels[i] != (s * 31 + i) % 251) wrong(frame, "labels", i);
  if (frame->epoch < last_epoch) wrong(frame, "epoch", frame->epoch);
  if (checked++ == 0) first_epoch = frame->epoch;
  last_epoch = frame->epoch;
}

/* Loads each length once. 0 when one cannot be. */
static int load_lengths(const struct tipc_slot *slot, uint32_t lengths[2]) {
  for (int i = 0; i < 2; i++) {
    lengths[i] = ((const volatile uint32_t *)slot->lengths)[i];
    if (lengths[i] > MAX_LENGTH) return 0;
  }
  return 1;
}

/* Copies what is there of the frame at a position. 0 when its lengths cannot be. */
static int copy_out(struct pool *pool, uint64_t position, struct frame *to) {
  const uint64_t capacity = pool->header.slot_capacity;
  const struct tipc_slot *slot = &pool->slots[position % capacity];
  const char *from = pool->object + pool->header.frames_offset + position % capacity * pool->header.frame_stride;
  if (!load_lengths(slot, to->lengths)) return 0;
  memcpy(to->points, from + POINTS_AT, 12 * (size_t)to->lengths[0]);
  memcpy(&to->id, from + ID_AT, 8);
  memcpy(to->labels, from + LABELS_AT, to->lengths[1]);
  to->sequence = position - capacity;
  to->epoch = slot->epoch;
  return 1;
}

/* Copy, steps 1 to 6: the newest `count` frames, the oldest first. The head, or 0 when there is nothing yet. */
static uint64_t copy_latest(struct pool *pool, uint32_t count, struct frame *to) {
  const uint64_t capacity = pool->header.slot_capacity;
  for (;;) {
    const uint64_t head = LOAD(&pool->shared->head), oldest = head - count;
    if (head < capacity + count) return 0;
    const uint64_t *stamp = &pool->slots[oldest % capacity].stamp;
    if (LOAD(stamp) != TIPC_STAMP_DONE(oldest)) continue;
    int sane = 1;
    for (uint32_t i = 0; i < count && sane; i++) sane = copy_out(pool, oldest + i, &to[i]);
    FENCE();
    if (LOAD(stamp) != TIPC_STAMP_DONE(oldest)) continue;
    if (!sane) errno = 0, die("lengths");
    return head;
  }
}

static int copies(struct pool *pool, uint32_t count, uint64_t last) {
  static struct frame frames[HISTORY_LEN];
  for (uint64_t seen = 0;;) {
    const uint64_t head = copy_latest(pool, count, frames);
    if (head <= seen) continue;
    for (uint32_t i = 0; i < count; i++) {
      last_epoch = i == 0 ? 0 : last_epoch;
      check(&frames[i]);
    }
    seen = head;
    if (frames[count - 1].sequence >= last) return 0;
  }
}

static struct tipc_consumer *take_entry(struct pool *pool, uint32_t delivery, uint64_t *bit) {
  for (uint32_t i = 0; i < pool->header.consumer_capacity; i++) {
    if (!try_lock(pool->fd, TIPC_LOCK_CONSUMERS + (off_t)i, F_WRLCK)) continue;
    struct tipc_consumer *entry = &pool->consumers[i];
    *bit = UINT64_C(1) << i;
    __atomic_and_fetch(&pool->shared->borrowers, ~*bit, __ATOMIC_SEQ_CST);
    __atomic_and_fetch(&pool->shared->armed, ~*bit, __ATOMIC_SEQ_CST);
    STORE(&entry->view_pin, TIPC_NONE);
    STORE(&entry->hold_pin, TIPC_NONE);
    entry->delivery = delivery;
    entry->pid = (uint32_t)getpid();
    entry->doorbell_id = 0;
    entry->since_ns = now_ns(CLOCK_MONOTONIC);
    entry->last_position = entry->frames_taken = entry->frames_missed = 0;
    STORE(&entry->state, TIPC_CONSUMER_ACTIVE);
    return entry;
  }
  errno = 0;
  die("no entry is free");
  return NULL;
}

/* Step 7 of pinning. */
static void wake_producer(struct pool *pool) {
  if (LOAD(&pool->shared->producer_waiting) == 0) return;
  const uint32_t how = __atomic_exchange_n(&pool->shared->producer_waiting, 0, __ATOMIC_SEQ_CST);
  if (how == TIPC_WAITING_DOORBELL) ring_once(pool->name, pool->header.pool_id);
  else if (how != 0) futex_wake(&pool->shared->producer_waiting);
}

/* Sleeps until the head is above `seen`: 0 once the pool is closed and will not get there. */
static int await_frame(struct pool *pool, struct tipc_consumer *entry, uint64_t bit, uint64_t seen) {
  for (;;) {
    if (LOAD(&pool->shared->head) > seen) return 1;
    STORE(&entry->doorbell_kind, TIPC_DOORBELL_FUTEX);
    const uint32_t count = LOAD(&pool->shared->wake_count);
    __atomic_or_fetch(&pool->shared->armed, bit, __ATOMIC_SEQ_CST);
    if (LOAD(&pool->shared->head) > seen) return 1;
    if (LOAD(&pool->shared->producer_state) == TIPC_PRODUCER_CLOSED) return LOAD(&pool->shared->head) > seen;
    futex_wait(&pool->shared->wake_count, count, 150);
  }
}

static int views(struct pool *pool, uint64_t last) {
  static struct frame frame;
  uint64_t bit, seen = pool->header.slot_capacity;
  struct tipc_consumer *entry = take_entry(pool, TIPC_DELIVERY_LATEST, &bit);
  __atomic_or_fetch(&pool->shared->borrowers, bit, __ATOMIC_SEQ_CST);
  while (await_frame(pool, entry, bit, seen)) {
    uint64_t oldest;
    do {
      oldest = LOAD(&pool->shared->head) - 1;
      STORE(&entry->view_pin, oldest);
    } while (LOAD(&pool->slots[oldest % pool->header.slot_capacity].claim) != oldest);
    if (!copy_out(pool, oldest, &frame)) errno = 0, die("lengths");
    check(&frame);
    missed += oldest - seen;
    seen = oldest + 1;
    STORE(&entry->view_pin, TIPC_NONE);
    wake_producer(pool);
    if (frame.sequence >= last) return 0;
  }
  return errno = 0, die("closed too early"), 1;
}

static int lossless(struct pool *pool, uint64_t last) {
  static struct frame frame;
  const uint64_t capacity = pool->header.slot_capacity;
  uint64_t bit;
  struct tipc_consumer *entry = take_entry(pool, TIPC_DELIVERY_ALL, &bit);
  __atomic_or_fetch(&pool->shared->borrowers, bit, __ATOMIC_SEQ_CST);
  uint64_t cursor = LOAD(&pool->shared->head) - capacity + 1;
  if (cursor < capacity) cursor = capacity;
  for (;; cursor++) {
    STORE(&entry->hold_pin, cursor);
    if (LOAD(&pool->slots[cursor % capacity].claim) <= cursor) break;
  }
  wake_producer(pool);
  printf("joined %" PRIu64 "\n", cursor - capacity);
  fflush(stdout);
  while (await_frame(pool, entry, bit, cursor)) {
    if (!copy_out(pool, cursor, &frame)) errno = 0, die("lengths");
    check(&frame);
    STORE(&entry->hold_pin, ++cursor);
    wake_producer(pool);
    if (frame.sequence >= last) return 0;
  }
  return errno = 0, die("closed too early"), 1;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 5 && strcmp(argv[1], "produce") == 0) return produce(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
  if (argc != 4) errno = 0, die("usage: varying-peer ROLE NAME NUMBER [HOW]");
  struct pool pool = attach_pool(argv[2]);
  const uint64_t last = strtoull(argv[3], NULL, 10);
  int result = 1;
  if (strcmp(argv[1], "copy") == 0) result = copies(&pool, 1, last);
  else if (strcmp(argv[1], "window") == 0) result = copies(&pool, HISTORY_LEN, last);
  else if (strcmp(argv[1], "view") == 0) result = views(&pool, last);
  else if (strcmp(argv[1], "lossless") == 0) result = lossless(&pool, last);
  printf("checked %" PRIu64 " missed %" PRIu64 " epochs %" PRIu64 " %" PRIu64 "\n", checked, missed, first_epoch, last_epoch);
  return result;
}
