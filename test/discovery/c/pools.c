// Discovery on the types that idlc makes of the documented IDL: "pools DOMAIN list" prints what is announced, "pools DOMAIN announce
// ID NAME" announces a pool until its input ends.
#include <dds/dds.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "discovery.h"

static dds_entity_t checked(dds_entity_t result, const char *what) {
  if (result < 0) {
    fprintf(stderr, "%s: %s\n", what, dds_strretcode(-result));
    exit(1);
  }
  return result;
}

static dds_qos_t *qos_of(dds_duration_t lease) {
  static dds_data_representation_id_t xcdr1[1] = {DDS_DATA_REPRESENTATION_XCDR1};
  dds_qos_t *qos = dds_create_qos();
  dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, 0);
  dds_qset_durability(qos, DDS_DURABILITY_TRANSIENT_LOCAL);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, 1);
  dds_qset_liveliness(qos, DDS_LIVELINESS_AUTOMATIC, lease);
  dds_qset_writer_data_lifecycle(qos, false);
  dds_qset_data_representation(qos, 1, xcdr1);
  return qos;
}

static void print_pool(const tensoripc_PoolAnnouncement2 *a) {
  printf("pool %s %s %s %s %s %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, a->id, a->pool, a->object, a->host,
         a->boot_id, a->version, a->pid, a->started_at_ms, a->frames_published, a->history_len, a->frame_bytes);
  for (uint32_t i = 0; i < a->fields._length; i++) {
    const tensoripc_PoolField *field = &a->fields._buffer[i];
    printf(" %s:%s[", field->name, field->dtype);
    for (uint32_t k = 0; k < field->shape._length; k++) printf("%s%" PRId64, k == 0 ? "" : ",", field->shape._buffer[k]);
    printf("]");
    if (field->max_length != 0) printf("<=%" PRId64, field->max_length);
    if (field->encoding[0] != 0) printf("/%s", field->encoding);
    if (field->unit[0] != 0) printf("/%s", field->unit);
    if (field->frame_id[0] != 0) printf("/%s", field->frame_id);
  }
  printf(" layout %" PRIu32 " period %" PRId64 "\n", a->layout, a->period_ns);
}

/* 1 when standard input has ended. */
static int input_over(int timeout_ms) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  char byte;
  return poll(&input, 1, timeout_ms) > 0 && read(0, &byte, 1) <= 0;
}

static void list(dds_entity_t participant, dds_entity_t topic) {
  dds_entity_t reader = checked(dds_create_reader(participant, topic, qos_of(DDS_INFINITY), NULL), "dds_create_reader");
  puts("ready");
  while (!input_over(10)) {
    void *samples[1] = {NULL};
    dds_sample_info_t info[1];
    while (checked(dds_take(reader, samples, info, 1, 1), "dds_take") == 1) {
      const tensoripc_PoolAnnouncement2 *a = samples[0];
      if (info[0].valid_data && a->closed) printf("closed %s\n", a->id);
      else if (info[0].valid_data) print_pool(a);
      if (info[0].instance_state == DDS_NOT_ALIVE_NO_WRITERS_INSTANCE_STATE) printf("no-writers %s\n", a->id);
      dds_return_loan(reader, samples, 1);
    }
  }
}

static void announce(dds_entity_t participant, dds_entity_t topic, char *id, char *name) {
  dds_entity_t writer = checked(dds_create_writer(participant, topic, qos_of(DDS_MSECS(800)), NULL), "dds_create_writer");
  int64_t rgb[3] = {480, 640, 3}, points[2] = {300000, 3};
  tensoripc_PoolField fields[2] = {
      {.name = "rgb", .dtype = "uint8", .shape = {._maximum = 3, ._length = 3, ._buffer = rgb}, .encoding = "rgb8", .unit = "",
       .frame_id = "optical"},
      {.name = "points", .dtype = "float32", .shape = {._maximum = 2, ._length = 2, ._buffer = points}, .max_length = 300000,
       .encoding = "xyz", .unit = "m", .frame_id = ""},
  };
  char object[256];
  snprintf(object, sizeof object, "tensoripc.%s", name);
  tensoripc_PoolAnnouncement2 a = {
      .id = id, .pool = name, .object = object, .host = "written-in-c", .boot_id = "", .version = "0", .pid = getpid(),
      .started_at_ms = 1700000000123, .frames_published = 7, .history_len = 10, .frame_bytes = 480 * 640 * 3 + 300000 * 12, .closed = false,
      .layout = 2, .period_ns = 33333333,
      .fields = {._maximum = 2, ._length = 2, ._buffer = fields}};
  checked(dds_write(writer, &a), "dds_write");
  puts("ready");
  while (!input_over(1000)) continue;
  a.closed = true;
  checked(dds_write(writer, &a), "dds_write");
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  dds_entity_t participant = checked(dds_create_participant((dds_domainid_t)atoi(argv[1]), NULL, NULL), "dds_create_participant");
  dds_entity_t topic =
      checked(dds_create_topic(participant, &tensoripc_PoolAnnouncement2_desc, "tensoripc_pools", NULL, NULL), "dds_create_topic");
  if (strcmp(argv[2], "list") == 0) list(participant, topic);
  else if (argc > 4) announce(participant, topic, argv[3], argv[4]);
  else return 2;
  checked(dds_delete(participant), "dds_delete");
  return 0;
}
