// A consumer of Python's wire, in C. One JSON line in, one out; the operations are listed in test/wire/support/peers.ts.
// Unlike Python's it does not wait on the receive thread for a notice that will not come.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tipcdds.h"
#include "wire.h"

static struct pool pool;
static dds_entity_t participant, meta_reader, progress_reader;
static bool consuming, with_callback, head_only;

/** What the listener's thread shares with the main one. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static bool connected, refused;
static int64_t latest = -1;

struct notice {
  int64_t slot;
  int seed;
  double at_us;
};
static struct notice *notices;
static size_t notice_count, notice_room;

static bool equal(const PoolMetadata *found) {
  char shm_name[300];
  snprintf(shm_name, sizeof shm_name, "tensoripc_%s", pool.name);
  if (found->shape._length != (uint32_t)pool.dimensions) return false;
  for (int i = 0; i < pool.dimensions; i++)
    if (found->shape._buffer[i] != pool.shape[i]) return false;
  return strcmp(found->name, pool.name) == 0 && strcmp(found->dtype_str, pool.dtype) == 0 &&
         strcmp(found->backend_type, pool.backend) == 0 && found->history_len == pool.history &&
         strcmp(found->device, "cpu") == 0 && found->element_size == (int64_t)item_size(pool.dtype) &&
         found->total_size == (int64_t)pool.frame_bytes * pool.history && strcmp(found->shm_name, shm_name) == 0;
}

/** Looks for metadata, once; what does not match is remembered as a refusal. */
static bool connect_pool(void) {
  pthread_mutex_lock(&guard);
  if (!connected && !refused) {
    PoolMetadata *found = tipc_take_next_meta(meta_reader);
    if (found != NULL) {
      if (!equal(found)) refused = true;
      else if (pool.data != NULL || pool_attach(&pool) == 0) connected = true;
      tipc_free_meta(found);
    }
  }
  bool yes = connected;
  pthread_mutex_unlock(&guard);
  return yes;
}

/** Copies slots into `out`, one frame each, while all of them are held. */
static void read_slots(const int64_t *slots, int64_t count, uint8_t *out) {
  static __thread bool wanted[MOST_SLOTS], locked[MOST_SLOTS];
  memset(wanted, 0, sizeof wanted);
  for (int64_t i = 0; i < count; i++) wanted[slots[i]] = true;
  for (int64_t s = 0; s < pool.history; s++) {
    locked[s] = wanted[s] && slot_ensure(&pool, s);
    if (locked[s]) read_lock(&pool, s);
  }
  for (int64_t i = 0; i < count; i++)
    memcpy(out + (size_t)i * pool.frame_bytes, pool.data + (size_t)slots[i] * pool.frame_bytes, pool.frame_bytes);
  for (int64_t s = pool.history - 1; s >= 0; s--)
    if (locked[s]) read_unlock(&pool, s);
}

static int64_t modulo(int64_t value) { return ((value % pool.history) + pool.history) % pool.history; }

/** The newest frames, newest first; wraps and repeats where more are asked for than there are. */
static void window(int64_t count, uint8_t *out) {
  pthread_mutex_lock(&guard);
  int64_t newest = latest;
  pthread_mutex_unlock(&guard);
  int64_t slots[MOST_SLOTS];
  for (int64_t i = 0; i < count; i++) slots[i] = modulo(newest - i);
  read_slots(slots, count, out);
}

static void on_data(dds_entity_t reader, void *arg) {
  (void)arg;
  int64_t slot;
  if (!connect_pool() || tipc_take_next_progress(reader, &slot) != 1) return;
  pthread_mutex_lock(&guard);
  latest = slot;
  pthread_mutex_unlock(&guard);
  if (!with_callback) return;
  static uint8_t *frame;
  if (frame == NULL) frame = malloc(pool.frame_bytes);
  window(1, frame);
  double at = now_us();
  int seed = frame_seed(frame, pool.dtype, head_only && pool.elements > 256 ? 256 : pool.elements);
  pthread_mutex_lock(&guard);
  if (notice_count == notice_room) {
    notice_room = notice_room == 0 ? 1024 : 2 * notice_room;
    notices = realloc(notices, notice_room * sizeof *notices);
  }
  notices[notice_count++] = (struct notice){slot, seed, at};
  pthread_mutex_unlock(&guard);
}

static void consume(const char *line) {
  if (consuming) {
    answer_error("consume", "one pool per process");
    return;
  }
  if (!pool_describe(&pool, "consume", line)) return;
  with_callback = json_bool(line, "callback", false);
  char check[16] = "";
  head_only = json_string(line, "check", check, sizeof check) && strcmp(check, "head") == 0;
  bool attached = pool_attach(&pool) == 0;
  meta_reader = tipc_meta_reader(participant, pool.name);
  progress_reader = tipc_progress_reader(participant, pool.name, (int32_t)json_int(line, "keep_last", 10), on_data, NULL);
  if (meta_reader < 0 || progress_reader < 0) {
    answer_error("consume", "DDS said %d and %d", meta_reader, progress_reader);
    return;
  }
  consuming = true;
  printf("{\"op\":\"consume\",\"pid\":%d,\"attached\":%s}\n", getpid(), attached ? "true" : "false");
}

static void get(const char *line) {
  int64_t count = json_int(line, "history_len", 1);
  bool latest_first = json_bool(line, "latest_first", true);
  if (count < 1 || count > MOST_SLOTS) {
    answer_error("get", "a history_len from 1 to %d", MOST_SLOTS);
    return;
  }
  if (!connect_pool()) {
    if (refused) answer_error("get", "the metadata does not match");
    else printf("{\"op\":\"get\",\"frames\":null}\n");
    return;
  }
  uint8_t *frames = malloc(pool.frame_bytes * (size_t)count);
  double from = now_us();
  window(count, frames);
  double took = now_us() - from;
  printf("{\"op\":\"get\",\"get_us\":%.3f,\"frames\":[", took);
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) printf(",");
    print_seed(frame_seed(frames + (size_t)(latest_first ? i : count - 1 - i) * pool.frame_bytes, pool.dtype, pool.elements));
  }
  printf("]}\n");
  free(frames);
}

/** Windows as fast as they come, without looking at what is in them: something to be killed in the middle of. */
static void get_many(const char *line) {
  int64_t count = json_int(line, "count", 1), each = json_int(line, "history_len", 1), done = 0;
  if (each < 1 || each > MOST_SLOTS) {
    answer_error("get_many", "a history_len from 1 to %d", MOST_SLOTS);
    return;
  }
  uint8_t *frames = malloc(pool.frame_bytes * (size_t)each);
  for (int64_t i = 0; i < count; i++)
    if (connect_pool()) {
      window(each, frames);
      done++;
    } else usleep(1000);
  printf("{\"op\":\"get_many\",\"windows\":%lld}\n", (long long)done);
  free(frames);
}

static void callbacks(const char *line) {
  bool clear = json_bool(line, "clear", false);
  pthread_mutex_lock(&guard);
  printf("{\"op\":\"callbacks\",\"received\":[");
  for (size_t i = 0; i < notice_count; i++) {
    printf("%s{\"slot\":%lld,\"seed\":", i == 0 ? "" : ",", (long long)notices[i].slot);
    print_seed(notices[i].seed);
    printf(",\"at_us\":%.3f}", notices[i].at_us);
  }
  printf("]}\n");
  if (clear) notice_count = 0;
  pthread_mutex_unlock(&guard);
}

static void serve(const char *op, const char *line) {
  int64_t slot = json_int(line, "slot", 0);
  if (strcmp(op, "consume") == 0) consume(line);
  else if (!consuming) answer_error(op, "no pool");
  else if (slot < 0 || slot >= pool.history) answer_error(op, "no slot %lld", (long long)slot);
  else if (strcmp(op, "get") == 0) get(line);
  else if (strcmp(op, "get_many") == 0) get_many(line);
  else if (strcmp(op, "callbacks") == 0) callbacks(line);
  else if (strcmp(op, "hold_reader") == 0) {
    bool ready = slot_ensure(&pool, slot);
    if (ready) read_lock(&pool, slot);
    printf("{\"op\":\"hold_reader\",\"held\":%s}\n", ready ? "true" : "false");
  } else if (strcmp(op, "release") == 0) {
    read_unlock(&pool, slot);
    printf("{\"op\":\"release\"}\n");
  } else if (strcmp(op, "stats") == 0) {
    pthread_mutex_lock(&guard);
    printf("{\"op\":\"stats\",\"pid\":%d,\"connected\":%s,\"slot\":%lld,\"callbacks\":%zu,\"matched_meta\":%d,\"matched_progress\":%d}\n",
           getpid(), connected ? "true" : "false", (long long)latest, notice_count, tipc_matched(meta_reader, false),
           tipc_matched(progress_reader, false));
    pthread_mutex_unlock(&guard);
  } else answer_error(op, "no such operation");
}

int main(int argc, char **argv) {
  die_with_parent();
  participant = tipc_participant(domain_of(argc, argv));
  if (participant < 0) {
    answer_error("start", "no participant: %s", dds_strretcode(participant));
    return 1;
  }
  serve_lines(serve);
  dds_delete(participant);
  pool_detach(&pool);
  printf("{\"op\":\"exit\"}\n");
  return 0;
}
