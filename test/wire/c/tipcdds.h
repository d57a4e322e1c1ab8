// The DDS side of a pool, on the types that idlc generates: topics, qualities of service, writing and taking. Used by the C peers,
// and through ctypes by the Python peer.
#ifndef TIPCDDS_H
#define TIPCDDS_H

#include "tipc_wire.h"
#include "dds/dds.h"

/** Entities are dds_entity_t; negative is an error of DDS. */
dds_entity_t tipc_participant(uint32_t domain);
dds_entity_t tipc_meta_writer(dds_entity_t participant, const char *pool);
dds_entity_t tipc_progress_writer(dds_entity_t participant, const char *pool, int32_t keep_last);
dds_entity_t tipc_meta_reader(dds_entity_t participant, const char *pool);
dds_entity_t tipc_progress_reader(dds_entity_t participant, const char *pool, int32_t keep_last,
                                  dds_on_data_available_fn on_data, void *arg);

int32_t tipc_write_meta(dds_entity_t writer, const PoolMetadata *metadata);
int32_t tipc_write_progress(dds_entity_t writer, const char *pool, int64_t latest_frame);

/** The oldest unread sample of a living instance, or NULL. To be given to tipc_free_meta. */
PoolMetadata *tipc_take_next_meta(dds_entity_t reader);
void tipc_free_meta(PoolMetadata *metadata);

/** Takes the oldest unread notice of a living instance: 1, or 0 where there is none. */
int32_t tipc_take_next_progress(dds_entity_t reader, int64_t *latest_frame);

/**
 * The same, but waits for one without end, as take_one of the Python binding does: called on the receive thread when a writer has
 * gone, it never comes back.
 */
int32_t tipc_take_one_progress(dds_entity_t participant, dds_entity_t reader, int64_t *latest_frame);

/** How many readers a writer is matched with now, or writers a reader. */
int32_t tipc_matched(dds_entity_t endpoint, bool is_writer);

int32_t tipc_delete(dds_entity_t entity);

#endif
