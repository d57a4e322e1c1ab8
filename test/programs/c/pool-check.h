/* What a reader checks of a copy of the header, from docs/pool-format.md alone. */
#pragma once
#include <stddef.h>

#include "tensor_ipc_layout.h"

static inline uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

/* NULL when the copy of the header describes an object of this size, otherwise what is wrong. */
static inline const char *refuse(const struct tipc_header *h, uint64_t object_bytes) {
  /* Its creator has given it its size and written nothing yet. */
  if (h->magic == 0 && h->layout_version == 0) return "under construction";
  if (h->magic != TIPC_MAGIC) return "not a pool";
  if (h->layout_version == 0) return "under construction";
  if (h->layout_version != TIPC_LAYOUT_VERSION) return "another version";
  if (h->byte_order != TIPC_BYTE_ORDER_MARK) return "another byte order";
  if (h->layout_signature != TIPC_LAYOUT_SIGNATURE) return "another layout";
  if (h->consumer_capacity < 1 || h->consumer_capacity > TIPC_MAX_CONSUMERS) return "consumerCapacity";
  if (h->slot_capacity < 2 || h->slot_capacity > TIPC_MAX_SLOT_CAPACITY) return "slotCapacity";
  if (h->history_len < 1 || h->history_len > TIPC_MAX_HISTORY_LEN || h->history_len >= h->slot_capacity) return "historyLen";
  if (h->metadata_bytes < 2 || h->metadata_bytes > TIPC_MAX_METADATA_BYTES) return "metadataBytes";
  if (h->page_bytes < TIPC_MIN_PAGE_BYTES || h->page_bytes > TIPC_MAX_PAGE_BYTES) return "pageBytes";
  if (h->page_bytes & (h->page_bytes - 1)) return "pageBytes";
  if (h->frame_bytes < 1 || h->frame_stride < h->frame_bytes || h->frame_stride > UINT64_C(1) << 41) return "frameStride";
  if (h->frame_stride > (UINT64_C(1) << 52) / h->slot_capacity) return "frameStride";
  const uint64_t slots = TIPC_HEADER_BYTES + (uint64_t)h->consumer_capacity * TIPC_CONSUMER_BYTES;
  const uint64_t metadata = slots + (uint64_t)h->slot_capacity * TIPC_SLOT_BYTES;
  const uint64_t frames = align_up(metadata + h->metadata_bytes, h->page_bytes);
  if (h->consumer_offset != TIPC_HEADER_BYTES || h->slot_offset != slots || h->metadata_offset != metadata) return "offsets";
  if (h->frames_offset != frames) return "framesOffset";
  if (h->object_bytes != align_up(frames + h->slot_capacity * h->frame_stride, h->page_bytes)) return "objectBytes";
  if (h->object_bytes != object_bytes) return "the size of the object";
  return NULL;
}
