// What other processes announce of a pool's endpoints, as discovery brings it: a line of JSON for each, until there are as many as
// asked for.   wire_endpoints --domain N POOL COUNT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dds/dds.h"
#include "wire.h"

enum { WAIT_MS = 20000, STEP_MS = 10 };

static const char *const RELIABILITY[] = {"best effort", "reliable"};
static const char *const DURABILITY[] = {"volatile", "transient local", "transient", "persistent"};
static const char *const HISTORY[] = {"keep last", "keep all"};
static const char *const LIVELINESS[] = {"automatic", "manual by participant", "manual by topic"};

static void print_duration(const char *key, dds_duration_t duration) {
  if (duration == DDS_INFINITY) printf(",\"%s\":null", key);
  else printf(",\"%s\":%.3f", key, (double)duration / 1e6);
}

static void print_endpoint(const char *kind, const dds_builtintopic_endpoint_t *endpoint) {
  dds_reliability_kind_t reliability = DDS_RELIABILITY_BEST_EFFORT;
  dds_durability_kind_t durability = DDS_DURABILITY_VOLATILE;
  dds_history_kind_t history = DDS_HISTORY_KEEP_LAST;
  dds_liveliness_kind_t liveliness = DDS_LIVELINESS_AUTOMATIC;
  dds_duration_t blocking = DDS_INFINITY, lease = DDS_INFINITY;
  int32_t depth = -1;
  uint32_t count = 0;
  dds_data_representation_id_t *ids = NULL;
  dds_qget_reliability(endpoint->qos, &reliability, &blocking);
  dds_qget_durability(endpoint->qos, &durability);
  dds_qget_history(endpoint->qos, &history, &depth);
  dds_qget_liveliness(endpoint->qos, &liveliness, &lease);
  dds_qget_data_representation(endpoint->qos, &count, &ids);
  const dds_typeinfo_t *info = NULL;
  bool typed = dds_builtintopic_get_endpoint_type_info((dds_builtintopic_endpoint_t *)endpoint, &info) == 0 && info != NULL;
  printf("{\"kind\":\"%s\",\"topic\":\"%s\",\"type\":\"%s\",\"reliability\":\"%s\"", kind, endpoint->topic_name, endpoint->type_name,
         RELIABILITY[reliability]);
  print_duration("blocking_ms", blocking);
  printf(",\"durability\":\"%s\",\"history\":\"%s\",\"depth\":%d,\"liveliness\":\"%s\"", DURABILITY[durability], HISTORY[history], depth,
         LIVELINESS[liveliness]);
  print_duration("lease_ms", lease);
  printf(",\"type_information\":%s,\"representations\":[", typed ? "true" : "false");
  for (uint32_t i = 0; i < count; i++) printf("%s%d", i == 0 ? "" : ",", ids[i]);
  printf("]}\n");
  dds_free(ids);
}

/** Prints those of the pool; how many. */
static int take(dds_entity_t reader, const char *kind, const char *prefix) {
  int found = 0;
  void *sample = NULL;
  dds_sample_info_t info;
  while (dds_take(reader, &sample, &info, 1, 1) == 1) {
    const dds_builtintopic_endpoint_t *endpoint = sample;
    if (info.valid_data && strncmp(endpoint->topic_name, prefix, strlen(prefix)) == 0) {
      print_endpoint(kind, endpoint);
      found++;
    }
    dds_return_loan(reader, &sample, 1);
  }
  return found;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  dds_entity_t participant = dds_create_participant(domain_of(argc, argv), NULL, NULL);
  dds_entity_t writers = dds_create_reader(participant, DDS_BUILTIN_TOPIC_DCPSPUBLICATION, NULL, NULL);
  dds_entity_t readers = dds_create_reader(participant, DDS_BUILTIN_TOPIC_DCPSSUBSCRIPTION, NULL, NULL);
  char prefix[320];
  snprintf(prefix, sizeof prefix, "tensoripc_%s_", argv[argc - 2]);
  int wanted = atoi(argv[argc - 1]), found = 0;
  for (int waited = 0; found < wanted && waited < WAIT_MS; waited += STEP_MS) {
    found += take(writers, "writer", prefix) + take(readers, "reader", prefix);
    if (found < wanted) usleep(STEP_MS * 1000);
  }
  dds_delete(participant);
  return found < wanted ? 1 : 0;
}
