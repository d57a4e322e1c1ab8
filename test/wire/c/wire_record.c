// Records what the idlc writer puts on the wire: one process writes, another takes the samples raw and prints them as JSON, each
// with the values that went in. Run by: node test/wire/recorded/record.mjs
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dds/ddsi/ddsi_serdata.h"
#include "tipcdds.h"
#include "wire.h"

/** Fixed, so that a new recording differs from the old one only where the wire does. */
enum { CREATOR_PID = 4242, MOST_PROGRESS = 12, WAIT_MS = 15000 };

struct session {
  const char *name, *dtype, *backend, *device, *shm_prefix, *payload;
  int64_t shape[5];
  int dimensions;
  int64_t history, item;
  int64_t frames[MOST_PROGRESS];
  int frame_count;
};

static const struct session SESSIONS[] = {
    {"", "uint8", "numpy", "cpu", "tensoripc_", "", {1}, 1, 1, 1, {0, 0}, 2},
    {"w", "bool", "numpy", "cpu", "tensoripc_", "", {8}, 1, 2, 1, {0, 1, 0}, 3},
    {"w0", "float32", "numpy", "cpu", "tensoripc_", "", {7}, 1, 10, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1}, 12},
    {"cam", "uint8", "numpy", "cpu", "tensoripc_", "", {480, 640, 3}, 3, 10, 1, {9}, 1},
    {"cam4", "uint8", "torch", "cpu", "tensoripc_", "", {1080, 1920, 3}, 3, 5, 1, {4, 0}, 2},
    {"depth", "uint16", "numpy", "cpu", "tensoripc_", "", {2, 3, 4, 5, 6}, 5, 3, 2, {2}, 1},
    {"scalar", "float64", "numpy", "cpu", "tensoripc_", "", {0}, 0, 4, 8, {3, 0}, 2},
    {"policy7", "int64", "torch", "cpu", "tensoripc_", "", {1, 12}, 2, 100000, 8, {99999, 0}, 2},
    {"sensor_8", "int16", "numpy", "cpu", "tensoripc_", "{\"note\": \"a \\\"quoted\\\" word, \\u00e9 and \xc3\xa9\"}", {33, 1}, 2, 7, 2, {6}, 1},
    {"cuda_pool", "float32", "torch_cuda", "cuda", "pool_",
     "{\"tensor_size\": [3, 3, 224, 224], \"storage_device\": 0, \"storage_handle\": \"00ff\", \"event_sync_required\": true}",
     {3, 224, 224}, 3, 3, 4, {0, 1, 2}, 3},
    {"int8", "int8", "torch", "cpu", "tensoripc_", "", {5, 0}, 2, 2, 1, {INT64_MAX, INT64_MIN, -1}, 3},
    {"left_gripper_camera_1", "int32", "numpy", "cpu", "tensoripc_", "", {2147483648, 2}, 2, 1, 4, {0}, 1},
};
enum { SESSION_COUNT = sizeof SESSIONS / sizeof *SESSIONS };

static int64_t total_size(const struct session *s) {
  int64_t total = s->item * s->history;
  for (int i = 0; i < s->dimensions; i++) total *= s->shape[i];
  return total;
}

/** Waits until every endpoint has met its partner. */
static void meet(const dds_entity_t *endpoints, bool are_writers) {
  for (int i = 0; i < 2 * SESSION_COUNT; i++)
    for (int waited = 0; tipc_matched(endpoints[i], are_writers) < 1; waited += 5) {
      if (waited > WAIT_MS) {
        fprintf(stderr, "endpoint %d met nobody\n", i);
        exit(1);
      }
      usleep(5000);
    }
}

static void write_all(uint32_t domain, int until) {
  dds_entity_t participant = tipc_participant(domain), writers[2 * SESSION_COUNT];
  for (int i = 0; i < SESSION_COUNT; i++) {
    writers[2 * i] = tipc_meta_writer(participant, SESSIONS[i].name);
    writers[2 * i + 1] = tipc_progress_writer(participant, SESSIONS[i].name, MOST_PROGRESS);
  }
  meet(writers, true);
  for (int i = 0; i < SESSION_COUNT; i++) {
    const struct session *s = &SESSIONS[i];
    char shm_name[300];
    snprintf(shm_name, sizeof shm_name, "%s%s", s->shm_prefix, s->name);
    PoolMetadata metadata = {
        .name = (char *)s->name,
        .shape = {._maximum = (uint32_t)s->dimensions, ._length = (uint32_t)s->dimensions, ._buffer = (int64_t *)s->shape},
        .dtype_str = (char *)s->dtype,
        .backend_type = (char *)s->backend,
        .history_len = s->history,
        .device = (char *)s->device,
        .element_size = s->item,
        .total_size = total_size(s),
        .shm_name = shm_name,
        .creator_pid = CREATOR_PID,
        .payload_json = (char *)s->payload,
    };
    tipc_write_meta(writers[2 * i], &metadata);
    for (int f = 0; f < s->frame_count; f++) tipc_write_progress(writers[2 * i + 1], s->name, s->frames[f]);
  }
  // The samples are there when the taker says so.
  char done;
  if (read(until, &done, 1) < 0) perror("read");
  dds_delete(participant);
  exit(0);
}

static void print_text(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text);
  }
  putchar('"');
}

static bool first_sample = true;

/** One sample of the next that come on a reader, as it is on the wire. */
static void print_sample(dds_entity_t reader, const struct session *s, const char *topic, const char *type) {
  struct ddsi_serdata *sample = NULL;
  dds_sample_info_t info;
  for (int waited = 0; dds_takecdr(reader, &sample, 1, &info, DDS_ANY_STATE) != 1; waited += 5) {
    if (waited > WAIT_MS) {
      fprintf(stderr, "no sample on %s of '%s'\n", topic, s->name);
      exit(1);
    }
    usleep(5000);
  }
  uint32_t bytes = ddsi_serdata_size(sample);
  uint8_t *raw = malloc(bytes);
  ddsi_serdata_to_ser(sample, 0, bytes, raw);
  ddsi_serdata_unref(sample);
  printf("%s    {\n      \"topic\": \"tensoripc_", first_sample ? "" : ",\n");
  first_sample = false;
  printf("%s_%s\",\n      \"type\": \"%s\",\n      \"hex\": \"", s->name, topic, type);
  for (uint32_t i = 0; i < bytes; i++) printf("%02x", raw[i]);
  printf("\",\n");
  free(raw);
}

static void print_progress(dds_entity_t reader, const struct session *s, int64_t frame) {
  print_sample(reader, s, "progress", "PoolProgressMessage");
  printf("      \"value\": { \"pool_name\": \"%s\", \"latest_frame\": \"%" PRId64 "\" }\n    }", s->name, frame);
}

static void print_meta(dds_entity_t reader, const struct session *s) {
  print_sample(reader, s, "meta", "PoolMetadata");
  printf("      \"value\": { \"name\": \"%s\", \"shape\": [", s->name);
  for (int i = 0; i < s->dimensions; i++) printf("%s\"%" PRId64 "\"", i == 0 ? "" : ", ", s->shape[i]);
  printf("], \"dtype_str\": \"%s\", \"backend_type\": \"%s\", \"history_len\": \"%" PRId64 "\", \"device\": \"%s\", ", s->dtype, s->backend,
         s->history, s->device);
  printf("\"element_size\": \"%" PRId64 "\", \"total_size\": \"%" PRId64 "\", \"shm_name\": \"%s%s\", \"creator_pid\": \"%d\", ", s->item,
         total_size(s), s->shm_prefix, s->name, CREATOR_PID);
  printf("\"payload_json\": ");
  print_text(s->payload);
  printf(" }\n    }");
}

int main(int argc, char **argv) {
  uint32_t domain = domain_of(argc, argv);
  int until[2];
  if (pipe(until) != 0) return 1;
  // Before anything of DDS: its threads do not survive a fork.
  pid_t writer = fork();
  if (writer == 0) {
    close(until[1]);
    write_all(domain, until[0]);
  }
  dds_entity_t participant = tipc_participant(domain), readers[2 * SESSION_COUNT];
  dds_qos_t *reliable = dds_create_qos();
  dds_qset_reliability(reliable, DDS_RELIABILITY_RELIABLE, DDS_SECS(10));
  dds_qset_history(reliable, DDS_HISTORY_KEEP_ALL, 0);
  for (int i = 0; i < 2 * SESSION_COUNT; i++) {
    char topic[320];
    snprintf(topic, sizeof topic, "tensoripc_%s_%s", SESSIONS[i / 2].name, i % 2 == 0 ? "meta" : "progress");
    dds_entity_t of =
        dds_create_topic(participant, i % 2 == 0 ? &PoolMetadata_desc : &PoolProgressMessage_desc, topic, NULL, NULL);
    readers[i] = dds_create_reader(participant, of, reliable, NULL);
  }
  dds_delete_qos(reliable);
  meet(readers, false);
  printf("{\n  \"comment\": \"Written by idlc's C writer, taken raw with the encapsulation header. 64-bit integers are strings.\",\n");
  printf("  \"samples\": [\n");
  for (int i = 0; i < SESSION_COUNT; i++) {
    print_meta(readers[2 * i], &SESSIONS[i]);
    for (int f = 0; f < SESSIONS[i].frame_count; f++) print_progress(readers[2 * i + 1], &SESSIONS[i], SESSIONS[i].frames[f]);
  }
  printf("\n  ]\n}\n");
  if (write(until[1], "!", 1) != 1) perror("write");
  int status;
  waitpid(writer, &status, 0);
  dds_delete(participant);
  return status == 0 ? 0 : 1;
}
