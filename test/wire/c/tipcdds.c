#include "tipcdds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What the Python binding's take_next and take_one ask for. */
#define LIVING_UNREAD (DDS_ANY_VIEW_STATE | DDS_ALIVE_INSTANCE_STATE | DDS_NOT_READ_SAMPLE_STATE)

dds_entity_t tipc_participant(uint32_t domain) { return dds_create_participant(domain, NULL, NULL); }

static dds_entity_t topic(dds_entity_t participant, const dds_topic_descriptor_t *type, const char *pool, const char *kind) {
  char name[512];
  snprintf(name, sizeof name, "tensoripc_%s_%s", pool, kind);
  return dds_create_topic(participant, type, name, NULL, NULL);
}

/** Durability and history are set; reliability stays the default: writers reliable for 100 ms, readers best effort. */
static dds_qos_t *quality(dds_durability_kind_t durability, int32_t keep_last) {
  dds_qos_t *qos = dds_create_qos();
  dds_qset_durability(qos, durability);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, keep_last);
  return qos;
}

dds_entity_t tipc_meta_writer(dds_entity_t participant, const char *pool) {
  dds_entity_t of = topic(participant, &PoolMetadata_desc, pool, "meta");
  if (of < 0) return of;
  dds_qos_t *qos = quality(DDS_DURABILITY_TRANSIENT, 1);
  dds_entity_t writer = dds_create_writer(participant, of, qos, NULL);
  dds_delete_qos(qos);
  return writer;
}

dds_entity_t tipc_progress_writer(dds_entity_t participant, const char *pool, int32_t keep_last) {
  dds_entity_t of = topic(participant, &PoolProgressMessage_desc, pool, "progress");
  if (of < 0) return of;
  dds_qos_t *qos = quality(DDS_DURABILITY_TRANSIENT_LOCAL, keep_last);
  dds_entity_t writer = dds_create_writer(participant, of, qos, NULL);
  dds_delete_qos(qos);
  return writer;
}

dds_entity_t tipc_meta_reader(dds_entity_t participant, const char *pool) {
  dds_entity_t of = topic(participant, &PoolMetadata_desc, pool, "meta");
  // No qualities at all: best effort, volatile, keep last 1.
  return of < 0 ? of : dds_create_reader(participant, of, NULL, NULL);
}

dds_entity_t tipc_progress_reader(dds_entity_t participant, const char *pool, int32_t keep_last,
                                  dds_on_data_available_fn on_data, void *arg) {
  dds_entity_t of = topic(participant, &PoolProgressMessage_desc, pool, "progress");
  if (of < 0) return of;
  dds_listener_t *listener = dds_create_listener(arg);
  if (on_data != NULL) dds_lset_data_available(listener, on_data);
  dds_qos_t *qos = quality(DDS_DURABILITY_TRANSIENT_LOCAL, keep_last);
  dds_entity_t reader = dds_create_reader(participant, of, qos, listener);
  dds_delete_qos(qos);
  dds_delete_listener(listener);
  return reader;
}

int32_t tipc_write_meta(dds_entity_t writer, const PoolMetadata *metadata) { return dds_write(writer, metadata); }

int32_t tipc_write_progress(dds_entity_t writer, const char *pool, int64_t latest_frame) {
  PoolProgressMessage message = {.pool_name = (char *)pool, .latest_frame = latest_frame};
  return dds_write(writer, &message);
}

PoolMetadata *tipc_take_next_meta(dds_entity_t reader) {
  void *sample = PoolMetadata__alloc();
  memset(sample, 0, sizeof(PoolMetadata));
  dds_sample_info_t info;
  if (dds_take_mask(reader, &sample, &info, 1, 1, LIVING_UNREAD) == 1 && info.valid_data) return sample;
  tipc_free_meta(sample);
  return NULL;
}

void tipc_free_meta(PoolMetadata *metadata) { PoolMetadata_free(metadata, DDS_FREE_ALL); }

int32_t tipc_take_next_progress(dds_entity_t reader, int64_t *latest_frame) {
  PoolProgressMessage message = {NULL, 0};
  void *sample = &message;
  dds_sample_info_t info;
  int32_t count = dds_take_mask(reader, &sample, &info, 1, 1, LIVING_UNREAD);
  if (count == 1 && info.valid_data) *latest_frame = message.latest_frame;
  else if (count == 1) count = 0;
  PoolProgressMessage_free(&message, DDS_FREE_CONTENTS);
  return count;
}

int32_t tipc_take_one_progress(dds_entity_t participant, dds_entity_t reader, int64_t *latest_frame) {
  dds_entity_t waitset = dds_create_waitset(participant);
  dds_entity_t condition = dds_create_readcondition(reader, LIVING_UNREAD);
  int32_t taken = dds_waitset_attach(waitset, condition, 0);
  while (taken >= 0) {
    taken = tipc_take_next_progress(reader, latest_frame);
    if (taken != 0) break;
    taken = dds_waitset_wait(waitset, NULL, 0, DDS_INFINITY);
  }
  dds_delete(waitset);
  dds_delete(condition);
  return taken;
}

int32_t tipc_matched(dds_entity_t endpoint, bool is_writer) {
  if (is_writer) {
    dds_publication_matched_status_t status;
    int32_t rc = dds_get_publication_matched_status(endpoint, &status);
    return rc < 0 ? rc : (int32_t)status.current_count;
  }
  dds_subscription_matched_status_t status;
  int32_t rc = dds_get_subscription_matched_status(endpoint, &status);
  return rc < 0 ? rc : (int32_t)status.current_count;
}

int32_t tipc_delete(dds_entity_t entity) { return dds_delete(entity); }
