/*
 * The layout of a tensor-ipc pool object, for C99 and C++11. Generated from assembly/layout.ts by "npm run generate": do not edit.
 *
 * docs/pool-format.md says what the fields mean and in which order they are read and written. Everything is little-endian. The
 * structs describe memory that other processes change at any time: read and write the words that processes race on with the
 * compiler's atomic builtins, sequentially consistent, and copy everything else out before checking it.
 */
#ifndef TENSOR_IPC_LAYOUT_H
#define TENSOR_IPC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensor-ipc pools are little-endian"
#endif

#if defined(__cplusplus)
#define TIPC_ASSERT(condition, name) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TIPC_ASSERT(condition, name) _Static_assert(condition, #name)
#else
#define TIPC_ASSERT(condition, name) typedef char tipc_assert_##name[(condition) ? 1 : -1]
#endif

#define TIPC_MAGIC UINT64_C(0x3143504952534e54)
#define TIPC_LAYOUT_SIGNATURE UINT64_C(0x3b5c0e208a60a12d)

/* No pin. */
#define TIPC_NONE UINT64_MAX
/* Largest position, so that sequence numbers are exact as doubles. */
#define TIPC_MAX_POSITION (UINT64_C(1) << 53)
/* Values of a slot's stamp. */
#define TIPC_STAMP_DONE(position) (((uint64_t)(position) << 1) + 2)
#define TIPC_STAMP_WRITING(position) (((uint64_t)(position) << 1) + 1)

/* "TNSRIPC1" read as two little-endian words. */
#define TIPC_MAGIC_LOW UINT32_C(0x52534e54)
#define TIPC_MAGIC_HIGH UINT32_C(0x31435049)
#define TIPC_LAYOUT_VERSION 1
#define TIPC_BYTE_ORDER_MARK UINT32_C(0x01020304)
#define TIPC_LAYOUT_SIGNATURE_LOW UINT32_C(0x8a60a12d)
#define TIPC_LAYOUT_SIGNATURE_HIGH UINT32_C(0x3b5c0e20)

/* ---- header */

#define TIPC_HEADER_MAGIC 0
#define TIPC_HEADER_LAYOUT_VERSION 8
#define TIPC_HEADER_BYTE_ORDER 12
#define TIPC_HEADER_LAYOUT_SIGNATURE 16
#define TIPC_HEADER_METADATA_HASH 24
#define TIPC_HEADER_OBJECT_BYTES 32
#define TIPC_HEADER_METADATA_OFFSET 40
#define TIPC_HEADER_METADATA_BYTES 44
#define TIPC_HEADER_CONSUMER_OFFSET 48
#define TIPC_HEADER_CONSUMER_CAPACITY 52
#define TIPC_HEADER_SLOT_OFFSET 56
#define TIPC_HEADER_SLOT_CAPACITY 60
#define TIPC_HEADER_FRAMES_OFFSET 64
#define TIPC_HEADER_FRAME_STRIDE 72
#define TIPC_HEADER_FRAME_BYTES 80
#define TIPC_HEADER_HISTORY_LEN 88
#define TIPC_HEADER_PAGE_BYTES 92
#define TIPC_HEADER_POOL_ID 96
#define TIPC_HEADER_CREATED_NS 104
#define TIPC_HEADER_HEAD 128
#define TIPC_HEADER_PRODUCER_STATE 192
#define TIPC_HEADER_PRODUCER_EPOCH 196
#define TIPC_HEADER_PRODUCER_PID 200
#define TIPC_HEADER_ON_PINNED 204
#define TIPC_HEADER_PRODUCER_SINCE_NS 208
#define TIPC_HEADER_FRAMES_REFUSED 216
#define TIPC_HEADER_FRAMES_OVERRUN 224
#define TIPC_HEADER_WAITS 232
#define TIPC_HEADER_ARMED 256
#define TIPC_HEADER_WAKE_COUNT 264
#define TIPC_HEADER_BORROWERS 320
#define TIPC_HEADER_PRODUCER_WAITING 328
#define TIPC_HEADER_BYTES 512

/* ---- consumer table */

#define TIPC_CONSUMER_VIEW_PIN 0
#define TIPC_CONSUMER_HOLD_PIN 8
#define TIPC_CONSUMER_STATE 16
#define TIPC_CONSUMER_DELIVERY 20
#define TIPC_CONSUMER_DOORBELL_KIND 24
#define TIPC_CONSUMER_PID 28
#define TIPC_CONSUMER_DOORBELL_ID 32
#define TIPC_CONSUMER_SINCE_NS 40
#define TIPC_CONSUMER_LAST_POSITION 64
#define TIPC_CONSUMER_FRAMES_TAKEN 72
#define TIPC_CONSUMER_FRAMES_MISSED 80
#define TIPC_CONSUMER_LABEL 88
#define TIPC_CONSUMER_LABEL_BYTES 32
#define TIPC_CONSUMER_BYTES 128

/* ---- slot table */

#define TIPC_SLOT_STAMP 0
#define TIPC_SLOT_CLAIM 8
#define TIPC_SLOT_TIMESTAMP_NS 16
#define TIPC_SLOT_PUBLISHED_NS 24
#define TIPC_SLOT_BYTES 64

/* ---- values */

#define TIPC_PRODUCER_NONE 0
#define TIPC_PRODUCER_OPEN 1
#define TIPC_PRODUCER_CLOSED 2
#define TIPC_ON_PINNED_WAIT 0
#define TIPC_ON_PINNED_DROP 1
#define TIPC_ON_PINNED_OVERWRITE 2
#define TIPC_CONSUMER_FREE 0
#define TIPC_CONSUMER_ACTIVE 1
#define TIPC_DELIVERY_LATEST 0
#define TIPC_DELIVERY_ALL 1
#define TIPC_DOORBELL_NONE 0
#define TIPC_DOORBELL_FILE 1
#define TIPC_DOORBELL_FUTEX 2
#define TIPC_WAITING_NONE 0
#define TIPC_WAITING_FUTEX 1
#define TIPC_WAITING_DOORBELL 2

/* ---- locks */

#define TIPC_LOCK_PRODUCER 0
#define TIPC_LOCK_CONSUMERS 1

/* ---- limits */

/* One bit each in `armed` and `borrowers`. */
#define TIPC_MAX_CONSUMERS 64
#define TIPC_MAX_HISTORY_LEN 1048576
#define TIPC_MAX_SLOT_CAPACITY 2097152
#define TIPC_MAX_METADATA_BYTES 1048576
#define TIPC_MIN_PAGE_BYTES 4096
#define TIPC_MAX_PAGE_BYTES 2097152
/* Every field of a record with several fields, and every padded frame, starts on a multiple of this. */
#define TIPC_FIELD_ALIGNMENT 64

/* ---- handle: private memory of one participant, never shared */

#define TIPC_HANDLE_CONTROL 0
#define TIPC_HANDLE_SLOTS 4
#define TIPC_HANDLE_CONSUMERS 8
#define TIPC_HANDLE_CONSUMER_CAPACITY 12
#define TIPC_HANDLE_SLOT_CAPACITY 16
#define TIPC_HANDLE_HISTORY_LEN 20
#define TIPC_HANDLE_ENTRY 24
#define TIPC_HANDLE_ENTRY_INDEX 28
/* Producer: position of the next frame. */
#define TIPC_HANDLE_POSITION 32
/* Producer: descriptor of the slot that writerBegin claimed. */
#define TIPC_HANDLE_DESCRIPTOR 40
/* Consumer: oldest position that any of its views holds, or NONE. */
#define TIPC_HANDLE_VIEW_PIN 48
/* Consumer: lossless cursor, or NONE. */
#define TIPC_HANDLE_HOLD_PIN 56
/* In: CLOCK_MONOTONIC, ns, as the host has just read it. */
#define TIPC_HANDLE_CLOCK_NS 64
/* In: the timestamp to publish. Out: the timestamp of the newest frame of the last window. */
#define TIPC_HANDLE_TIMESTAMP_NS 72
/* Out: when the newest frame of the last window was published. */
#define TIPC_HANDLE_PUBLISHED_NS 80
/* Out of writerTakeArmed: the bits of the consumers to wake. */
#define TIPC_HANDLE_ARMED 88
/* Out of readerPin and readerHold: how the producer waits (WAITING_*) when a pin moved up on the way. */
#define TIPC_HANDLE_WAKE 96
/* Out of chooseGeometry and controlValidate. */
#define TIPC_HANDLE_FRAME_STRIDE 104
#define TIPC_HANDLE_FRAME_BYTES 112
#define TIPC_HANDLE_FRAMES_OFFSET 120
#define TIPC_HANDLE_OBJECT_BYTES 128
#define TIPC_HANDLE_METADATA_OFFSET 136
#define TIPC_HANDLE_METADATA_BYTES 140
#define TIPC_HANDLE_PAGE_BYTES 144
#define TIPC_HANDLE_BYTES 256

/* ---- status codes of the core */

enum tipc_status {
  TIPC_OK = 0,
  TIPC_EMPTY = -1, /* No frame has been published yet. */
  TIPC_CLOSED = -2, /* The producer closed the pool. */
  TIPC_LAPPED = -3, /* The window asked for was overwritten before it could be validated: take a newer head and try again. */
  TIPC_PINNED = -4, /* A live pin covers the frame that the writer wants to overwrite. */
  TIPC_NOT_READY = -10, /* The object is under construction: version is still zero. */
  TIPC_BAD_MAGIC = -11,
  TIPC_BAD_VERSION = -12,
  TIPC_BAD_BYTE_ORDER = -13,
  TIPC_BAD_SIGNATURE = -14,
  TIPC_BAD_SIZE = -15, /* The object's size is not the one its header states. */
  TIPC_BAD_GEOMETRY = -16, /* Counts, offsets or strides in the header contradict each other or exceed their limits. */
  TIPC_BAD_HEAD = -17, /* The head is outside the range in which sequence numbers are exact. */
};

/* ---- structs */

struct tipc_header {
  uint64_t magic;               /*   0  creator, first */
  uint32_t layout_version;      /*   8  creator, LAST: zero means under construction */
  uint32_t byte_order;          /*  12  creator */
  uint64_t layout_signature;    /*  16  creator */
  uint64_t metadata_hash;       /*  24  creator: XXH64 of the metadata JSON, seed 0 */
  uint64_t object_bytes;        /*  32  creator */
  uint32_t metadata_offset;     /*  40  creator */
  uint32_t metadata_bytes;      /*  44  creator */
  uint32_t consumer_offset;     /*  48  creator */
  uint32_t consumer_capacity;   /*  52  creator */
  uint32_t slot_offset;         /*  56  creator */
  uint32_t slot_capacity;       /*  60  creator */
  uint64_t frames_offset;       /*  64  creator */
  uint64_t frame_stride;        /*  72  creator */
  uint64_t frame_bytes;         /*  80  creator */
  uint32_t history_len;         /*  88  creator */
  uint32_t page_bytes;          /*  92  creator */
  uint64_t pool_id;             /*  96  creator: random, tells objects of one name apart */
  int64_t created_ns;           /* 104  creator: CLOCK_REALTIME */
  uint8_t reserved_112[16];
  uint64_t head;                /* 128  producer, every frame, after the slot's stamp */
  uint8_t reserved_136[56];
  uint32_t producer_state;      /* 192  producer: open, closing */
  uint32_t producer_epoch;      /* 196  producer, on creation and take-over */
  uint32_t producer_pid;        /* 200  producer */
  uint32_t on_pinned;           /* 204  producer */
  int64_t producer_since_ns;    /* 208  producer: CLOCK_MONOTONIC of the take-over */
  uint64_t frames_refused;      /* 216  producer: frames dropped because a slot was pinned */
  uint64_t frames_overrun;      /* 224  producer: frames written over lent views */
  uint64_t waits;               /* 232  producer: times it had to wait for a pin */
  uint8_t reserved_240[16];
  uint64_t armed;               /* 256  consumers set their bit, the producer takes all bits */
  uint32_t wake_count;          /* 264  producer: futex word of sleeping consumers */
  uint8_t reserved_268[52];
  uint64_t borrowers;           /* 320  consumers: bit i set means entry i may hold a pin */
  uint32_t producer_waiting;    /* 328  futex word: producer sets, releasing consumers clear */
  uint8_t reserved_332[180];
};

TIPC_ASSERT(sizeof(struct tipc_header) == 512, header_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, magic) == 0, header_magic_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->magic) == 8, header_magic_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, layout_version) == 8, header_layout_version_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->layout_version) == 4, header_layout_version_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, byte_order) == 12, header_byte_order_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->byte_order) == 4, header_byte_order_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, layout_signature) == 16, header_layout_signature_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->layout_signature) == 8, header_layout_signature_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, metadata_hash) == 24, header_metadata_hash_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->metadata_hash) == 8, header_metadata_hash_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, object_bytes) == 32, header_object_bytes_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->object_bytes) == 8, header_object_bytes_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, metadata_offset) == 40, header_metadata_offset_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->metadata_offset) == 4, header_metadata_offset_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, metadata_bytes) == 44, header_metadata_bytes_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->metadata_bytes) == 4, header_metadata_bytes_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, consumer_offset) == 48, header_consumer_offset_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->consumer_offset) == 4, header_consumer_offset_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, consumer_capacity) == 52, header_consumer_capacity_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->consumer_capacity) == 4, header_consumer_capacity_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, slot_offset) == 56, header_slot_offset_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->slot_offset) == 4, header_slot_offset_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, slot_capacity) == 60, header_slot_capacity_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->slot_capacity) == 4, header_slot_capacity_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, frames_offset) == 64, header_frames_offset_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->frames_offset) == 8, header_frames_offset_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, frame_stride) == 72, header_frame_stride_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->frame_stride) == 8, header_frame_stride_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, frame_bytes) == 80, header_frame_bytes_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->frame_bytes) == 8, header_frame_bytes_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, history_len) == 88, header_history_len_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->history_len) == 4, header_history_len_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, page_bytes) == 92, header_page_bytes_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->page_bytes) == 4, header_page_bytes_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, pool_id) == 96, header_pool_id_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->pool_id) == 8, header_pool_id_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, created_ns) == 104, header_created_ns_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->created_ns) == 8, header_created_ns_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, head) == 128, header_head_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->head) == 8, header_head_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, producer_state) == 192, header_producer_state_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->producer_state) == 4, header_producer_state_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, producer_epoch) == 196, header_producer_epoch_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->producer_epoch) == 4, header_producer_epoch_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, producer_pid) == 200, header_producer_pid_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->producer_pid) == 4, header_producer_pid_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, on_pinned) == 204, header_on_pinned_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->on_pinned) == 4, header_on_pinned_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, producer_since_ns) == 208, header_producer_since_ns_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->producer_since_ns) == 8, header_producer_since_ns_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, frames_refused) == 216, header_frames_refused_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->frames_refused) == 8, header_frames_refused_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, frames_overrun) == 224, header_frames_overrun_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->frames_overrun) == 8, header_frames_overrun_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, waits) == 232, header_waits_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->waits) == 8, header_waits_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, armed) == 256, header_armed_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->armed) == 8, header_armed_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, wake_count) == 264, header_wake_count_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->wake_count) == 4, header_wake_count_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, borrowers) == 320, header_borrowers_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->borrowers) == 8, header_borrowers_bytes);
TIPC_ASSERT(offsetof(struct tipc_header, producer_waiting) == 328, header_producer_waiting_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->producer_waiting) == 4, header_producer_waiting_bytes);

struct tipc_consumer {
  uint64_t view_pin;            /*   0  consumer: oldest position lent as a view, or NONE */
  uint64_t hold_pin;            /*   8  consumer: oldest position it has still to copy, or NONE */
  uint32_t state;               /*  16  consumer: free, active */
  uint32_t delivery;            /*  20  consumer: latest, all */
  uint32_t doorbell_kind;       /*  24  consumer: how to wake it */
  uint32_t pid;                 /*  28  consumer (informational) */
  uint64_t doorbell_id;         /*  32  consumer: names its doorbell; 0 when it left */
  int64_t since_ns;             /*  40  consumer: CLOCK_MONOTONIC */
  uint8_t reserved_48[16];
  uint64_t last_position;       /*  64  consumer: newest position it has taken */
  uint64_t frames_taken;        /*  72  consumer */
  uint64_t frames_missed;       /*  80  consumer */
  char label[32];               /*  88  consumer: UTF-8, zero padded */
  uint8_t reserved_120[8];
};

TIPC_ASSERT(sizeof(struct tipc_consumer) == 128, consumer_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, view_pin) == 0, consumer_view_pin_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->view_pin) == 8, consumer_view_pin_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, hold_pin) == 8, consumer_hold_pin_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->hold_pin) == 8, consumer_hold_pin_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, state) == 16, consumer_state_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->state) == 4, consumer_state_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, delivery) == 20, consumer_delivery_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->delivery) == 4, consumer_delivery_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, doorbell_kind) == 24, consumer_doorbell_kind_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->doorbell_kind) == 4, consumer_doorbell_kind_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, pid) == 28, consumer_pid_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->pid) == 4, consumer_pid_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, doorbell_id) == 32, consumer_doorbell_id_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->doorbell_id) == 8, consumer_doorbell_id_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, since_ns) == 40, consumer_since_ns_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->since_ns) == 8, consumer_since_ns_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, last_position) == 64, consumer_last_position_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->last_position) == 8, consumer_last_position_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, frames_taken) == 72, consumer_frames_taken_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->frames_taken) == 8, consumer_frames_taken_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, frames_missed) == 80, consumer_frames_missed_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->frames_missed) == 8, consumer_frames_missed_bytes);
TIPC_ASSERT(offsetof(struct tipc_consumer, label) == 88, consumer_label_offset);
TIPC_ASSERT(sizeof(((struct tipc_consumer *)0)->label) == 32, consumer_label_bytes);

struct tipc_slot {
  uint64_t stamp;               /*   0  producer: WRITING or DONE and a position */
  uint64_t claim;               /*   8  producer: the position it means to write here, before it looks at the pins */
  int64_t timestamp_ns;         /*  16  producer: as given to put, or publishedNs */
  int64_t published_ns;         /*  24  producer: CLOCK_MONOTONIC at commit */
  uint8_t reserved_32[32];
};

TIPC_ASSERT(sizeof(struct tipc_slot) == 64, slot_bytes);
TIPC_ASSERT(offsetof(struct tipc_slot, stamp) == 0, slot_stamp_offset);
TIPC_ASSERT(sizeof(((struct tipc_slot *)0)->stamp) == 8, slot_stamp_bytes);
TIPC_ASSERT(offsetof(struct tipc_slot, claim) == 8, slot_claim_offset);
TIPC_ASSERT(sizeof(((struct tipc_slot *)0)->claim) == 8, slot_claim_bytes);
TIPC_ASSERT(offsetof(struct tipc_slot, timestamp_ns) == 16, slot_timestamp_ns_offset);
TIPC_ASSERT(sizeof(((struct tipc_slot *)0)->timestamp_ns) == 8, slot_timestamp_ns_bytes);
TIPC_ASSERT(offsetof(struct tipc_slot, published_ns) == 24, slot_published_ns_offset);
TIPC_ASSERT(sizeof(((struct tipc_slot *)0)->published_ns) == 8, slot_published_ns_bytes);

#endif
