// A producer of Python's wire, in C. One JSON line in, one out; the operations are listed in test/wire/support/peers.ts.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tipcdds.h"
#include "wire.h"

/** Metadata is written again with the first put that comes this long after the last. */
static const double METADATA_EVERY_US = 500000;

static struct pool pool;
static dds_entity_t participant, meta_writer, progress_writer;
static int64_t slot_index = -1;
static double metadata_at_us;
static uint8_t *next_frame;
static bool created;

static void write_metadata(bool at_once) {
  double now = now_us();
  if (!at_once && now - metadata_at_us <= METADATA_EVERY_US) return;
  char shm_name[300];
  snprintf(shm_name, sizeof shm_name, "tensoripc_%s", pool.name);
  PoolMetadata metadata = {
      .name = pool.name,
      .shape = {._maximum = (uint32_t)pool.dimensions, ._length = (uint32_t)pool.dimensions, ._buffer = pool.shape},
      .dtype_str = pool.dtype,
      .backend_type = pool.backend,
      .history_len = pool.history,
      .device = "cpu",
      .element_size = (int64_t)item_size(pool.dtype),
      .total_size = (int64_t)pool.frame_bytes * pool.history,
      .shm_name = shm_name,
      .creator_pid = getpid(),
      .payload_json = "",
  };
  tipc_write_meta(meta_writer, &metadata);
  metadata_at_us = now;
}

static void produce(const char *line) {
  if (created) {
    answer_error("produce", "one pool per process");
    return;
  }
  if (!pool_describe(&pool, "produce", line)) return;
  int failed = pool_create(&pool);
  if (failed != 0) {
    answer_error("produce", "%s", strerror(failed));
    return;
  }
  created = true;
  next_frame = malloc(pool.frame_bytes);
  meta_writer = tipc_meta_writer(participant, pool.name);
  write_metadata(true);
  progress_writer = tipc_progress_writer(participant, pool.name, (int32_t)json_int(line, "keep_last", 10));
  if (meta_writer < 0 || progress_writer < 0) answer_error("produce", "DDS said %d and %d", meta_writer, progress_writer);
  else {
    printf("{\"op\":\"produce\",\"pid\":%d,\"total_size\":%zu}\n", getpid(), pool.frame_bytes * (size_t)pool.history);
    fflush(stdout);
  }
}

/** Writes what next_frame holds; how long that took, in microseconds. */
static double put(void) {
  double from = now_us();
  slot_index = (slot_index + 1) % pool.history;
  // Without locks where they cannot be had, as the original does.
  bool locked = slot_ensure(&pool, slot_index);
  if (locked) write_lock(&pool, slot_index);
  memcpy(pool.data + (size_t)slot_index * pool.frame_bytes, next_frame, pool.frame_bytes);
  if (locked) write_unlock(&pool, slot_index);
  write_metadata(false);
  tipc_write_progress(progress_writer, pool.name, slot_index);
  return now_us() - from;
}

static void put_many(const char *line) {
  int64_t count = json_int(line, "count", 1), seed = json_int(line, "seed", 0);
  double rate = json_number(line, "rate_hz", 0), start = now_us();
  bool times = json_bool(line, "times", false);
  double *at = calloc((size_t)count, sizeof *at), *took = calloc((size_t)count, sizeof *took);
  for (int64_t i = 0; i < count; i++) {
    frame_fill(next_frame, pool.dtype, pool.elements, (uint64_t)(seed + i));
    if (rate > 0) sleep_until_us(start + (double)i * 1e6 / rate);
    at[i] = now_us();
    took[i] = put();
  }
  printf("{\"op\":\"put_many\",\"count\":%lld", (long long)count);
  for (int list = 0; times && list < 2; list++) {
    printf(list == 0 ? ",\"at_us\":[" : ",\"put_us\":[");
    for (int64_t i = 0; i < count; i++) printf("%s%.3f", i == 0 ? "" : ",", list == 0 ? at[i] : took[i]);
    printf("]");
  }
  printf("}\n");
  fflush(stdout);
  free(at);
  free(took);
}

static void cleanup(void) {
  if (!created) return;
  // The name's object, whosever it is by now; semaphores and counters stay behind.
  pool_unlink(&pool);
  pool_detach(&pool);
  created = false;
}

static void serve(const char *op, const char *line) {
  int64_t slot = json_int(line, "slot", 0);
  if (strcmp(op, "produce") == 0) produce(line);
  else if (!created) answer_error(op, "no pool");
  else if (slot < 0 || slot >= pool.history) answer_error(op, "no slot %lld", (long long)slot);
  else if (strcmp(op, "put") == 0) {
    frame_fill(next_frame, pool.dtype, pool.elements, (uint64_t)json_int(line, "seed", 0));
    double at = now_us(), took = put();
    printf("{\"op\":\"put\",\"slot\":%lld,\"at_us\":%.3f,\"put_us\":%.3f}\n", (long long)slot_index, at, took);
  } else if (strcmp(op, "put_many") == 0) put_many(line);
  else if (strcmp(op, "hold_writer") == 0) {
    bool ready = slot_ensure(&pool, slot);
    if (ready) write_lock(&pool, slot);
    printf("{\"op\":\"hold_writer\",\"held\":%s}\n", ready ? "true" : "false");
  } else if (strcmp(op, "announce") == 0) {
    write_metadata(true);
    printf("{\"op\":\"announce\"}\n");
  } else if (strcmp(op, "release") == 0) {
    write_unlock(&pool, slot);
    printf("{\"op\":\"release\"}\n");
  } else if (strcmp(op, "stats") == 0) {
    printf("{\"op\":\"stats\",\"pid\":%d,\"slot\":%lld,\"matched_meta\":%d,\"matched_progress\":%d}\n", getpid(),
           (long long)slot_index, tipc_matched(meta_writer, true), tipc_matched(progress_writer, true));
  } else if (strcmp(op, "cleanup") == 0) {
    cleanup();
    printf("{\"op\":\"cleanup\"}\n");
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
  cleanup();
  dds_delete(participant);
  printf("{\"op\":\"exit\"}\n");
  return 0;
}
