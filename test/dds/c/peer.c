// A peer of the Python wire on idlc's types: "peer DOMAIN TOPIC-PREFIX writer|reader|reliable-reader [LEASE-MS]". Commands come on
// standard input, one a line; what happens goes to standard output, one line each. At the end of the input it deletes its participant
// and leaves. A reliable reader, which the wire does not have, is sent what was written before it came.
#include <dds/dds.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

static dds_entity_t checked(dds_entity_t result, const char *what) {
  if (result < 0) {
    fprintf(stderr, "%s: %s\n", what, dds_strretcode(-result));
    exit(1);
  }
  return result;
}

static void both_representations(dds_qos_t *qos) {
  dds_data_representation_id_t ids[2] = {DDS_DATA_REPRESENTATION_XCDR1, DDS_DATA_REPRESENTATION_XCDR2};
  dds_qset_data_representation(qos, 2, ids);
}

static dds_qos_t *qos_of(dds_reliability_kind_t reliability, dds_durability_kind_t durability, int depth, int64_t lease_ms) {
  dds_qos_t *qos = dds_create_qos();
  dds_qset_reliability(qos, reliability, DDS_MSECS(100));
  dds_qset_durability(qos, durability);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, depth);
  dds_qset_liveliness(qos, DDS_LIVELINESS_AUTOMATIC, lease_ms == 0 ? DDS_INFINITY : DDS_MSECS(lease_ms));
  both_representations(qos);
  return qos;
}

static void print_metadata(const PoolMetadata *m) {
  printf("meta %s [", m->name);
  for (uint32_t i = 0; i < m->shape._length; i++) printf("%s%" PRId64, i == 0 ? "" : ",", m->shape._buffer[i]);
  printf("] %s %s %" PRId64 " %s %" PRId64 " %" PRId64 " %s %" PRId64 " %s\n", m->dtype_str, m->backend_type, m->history_len,
         m->device, m->element_size, m->total_size, m->shm_name, m->creator_pid, m->payload_json);
}

static int take_all(dds_entity_t reader, int is_metadata, const char *label) {
  for (;;) {
    void *samples[1] = {NULL};
    dds_sample_info_t info[1];
    int n = checked(dds_take(reader, samples, info, 1, 1), "dds_take");
    if (n == 0) return 0;
    if (!info[0].valid_data) {
      printf("%s %s\n", label, info[0].instance_state == DDS_NOT_ALIVE_NO_WRITERS_INSTANCE_STATE ? "no-writers" : "disposed");
    }
    else if (is_metadata) print_metadata(samples[0]);
    else {
      const PoolProgressMessage *p = samples[0];
      printf("progress %s %" PRId64 "\n", p->pool_name, p->latest_frame);
    }
    dds_return_loan(reader, samples, n);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  // What stdio had read ahead would be hidden from poll.
  setvbuf(stdin, NULL, _IONBF, 0);
  const int writes = strcmp(argv[3], "writer") == 0;
  const int lease_ms = argc > 4 ? atoi(argv[4]) : 0;
  dds_entity_t participant = checked(dds_create_participant((dds_domainid_t)atoi(argv[1]), NULL, NULL), "dds_create_participant");
  char name[256];
  snprintf(name, sizeof name, "%s_meta", argv[2]);
  dds_entity_t meta_topic = checked(dds_create_topic(participant, &PoolMetadata_desc, name, NULL, NULL), "dds_create_topic");
  snprintf(name, sizeof name, "%s_progress", argv[2]);
  dds_entity_t progress_topic = checked(dds_create_topic(participant, &PoolProgressMessage_desc, name, NULL, NULL), "dds_create_topic");
  dds_entity_t meta, progress;
  if (writes) {
    meta = checked(dds_create_writer(participant, meta_topic, qos_of(DDS_RELIABILITY_RELIABLE, DDS_DURABILITY_TRANSIENT, 1, lease_ms), NULL), "meta writer");
    progress = checked(dds_create_writer(participant, progress_topic, qos_of(DDS_RELIABILITY_RELIABLE, DDS_DURABILITY_TRANSIENT_LOCAL, 10, lease_ms), NULL), "progress writer");
  } else {
    meta = checked(dds_create_reader(participant, meta_topic, qos_of(DDS_RELIABILITY_BEST_EFFORT, DDS_DURABILITY_VOLATILE, 1, 0), NULL), "meta reader");
    const int reliable = strcmp(argv[3], "reliable-reader") == 0;
    progress = checked(dds_create_reader(participant, progress_topic, qos_of(reliable ? DDS_RELIABILITY_RELIABLE : DDS_RELIABILITY_BEST_EFFORT, DDS_DURABILITY_TRANSIENT_LOCAL, 10, 0), NULL), "progress reader");
  }
  printf("ready\n");
  char line[4096];
  uint32_t matched[2] = {0, 0};
  uint32_t alive = 0, not_alive = 0;
  for (;;) {
    // A test program may look every millisecond.
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (poll(&input, 1, 1) > 0) {
      if (fgets(line, sizeof line, stdin) == NULL) break;
      if (strncmp(line, "meta", 4) == 0) {
        int64_t shape[3] = {480, 640, 3};
        PoolMetadata m = {.name = argv[2], .shape = {3, 3, shape, false}, .dtype_str = "uint8", .backend_type = "numpy", .history_len = 10,
                          .device = "cpu", .element_size = 1, .total_size = 9216000, .shm_name = "tensoripc_camera",
                          .creator_pid = 4711, .payload_json = "{}"};
        checked(dds_write(meta, &m), "dds_write");
      } else {
        PoolProgressMessage p = {.pool_name = argv[2], .latest_frame = atoll(line + strlen("progress "))};
        checked(dds_write(progress, &p), "dds_write");
      }
    }
    for (int i = 0; i < 2; i++) {
      const char *label = i == 0 ? "meta" : "progress";
      dds_entity_t entity = i == 0 ? meta : progress;
      uint32_t current;
      if (writes) {
        dds_publication_matched_status_t status;
        checked(dds_get_publication_matched_status(entity, &status), "matched");
        current = status.current_count;
      } else {
        dds_subscription_matched_status_t status;
        checked(dds_get_subscription_matched_status(entity, &status), "matched");
        current = status.current_count;
        take_all(entity, i == 0, label);
      }
      if (current != matched[i]) printf("%s matched %u\n", label, matched[i] = current);
    }
    if (!writes) {
      dds_liveliness_changed_status_t status;
      checked(dds_get_liveliness_changed_status(progress, &status), "liveliness");
      if (status.alive_count != alive || status.not_alive_count != not_alive)
        printf("alive %u not-alive %u\n", alive = status.alive_count, not_alive = status.not_alive_count);
    }
  }
  checked(dds_delete(participant), "dds_delete");
  printf("left\n");
  return 0;
}
