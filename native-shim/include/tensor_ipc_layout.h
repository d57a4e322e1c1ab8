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
#define TIPC_LAYOUT_SIGNATURE UINT64_C(0xc789a4f1719dfc59)

/* No pin. */
#define TIPC_NONE UINT64_MAX
/* Largest position, so that sequence numbers are exact as doubles. */
#define TIPC_MAX_POSITION (UINT64_C(1) << 53)
/* Values of a slot's stamp. */
#define TIPC_STAMP_DONE(position) (((uint64_t)(position) << 1) + 2)
#define TIPC_STAMP_WRITING(position) (((uint64_t)(position) << 1) + 1)

/* Objects and doorbells are files of /dev/shm: prefix and pool name; of a doorbell also '.' and 16 hexadecimal digits. */
#define TIPC_OBJECT_PREFIX "tensoripc."
#define TIPC_DOORBELL_PREFIX "tensoripc-bell."

/* Locks are open-file-description locks: the commands of fcntl, which old headers do not have. */
#define TIPC_F_OFD_GETLK 36
#define TIPC_F_OFD_SETLK 37

/* Dtypes: name in the metadata, bytes, and DLPack's type code and bits (dlpack.h, DLDataTypeCode). */
#define TIPC_DTYPES(X) \
  X("bool", 1, 6, 8) \
  X("int8", 1, 0, 8) \
  X("uint8", 1, 1, 8) \
  X("int16", 2, 0, 16) \
  X("uint16", 2, 1, 16) \
  X("int32", 4, 0, 32) \
  X("uint32", 4, 1, 32) \
  X("int64", 8, 0, 64) \
  X("uint64", 8, 1, 64) \
  X("float16", 2, 2, 16) \
  X("bfloat16", 2, 4, 16) \
  X("float32", 4, 2, 32) \
  X("float64", 8, 2, 64)
/* "TNSRIPC1" read as two little-endian words. */
#define TIPC_MAGIC_LOW UINT32_C(0x52534e54)
#define TIPC_MAGIC_HIGH UINT32_C(0x31435049)
#define TIPC_LAYOUT_VERSION 2
#define TIPC_BYTE_ORDER_MARK UINT32_C(0x01020304)
#define TIPC_LAYOUT_SIGNATURE_LOW UINT32_C(0x719dfc59)
#define TIPC_LAYOUT_SIGNATURE_HIGH UINT32_C(0xc789a4f1)

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
#define TIPC_HEADER_PERIOD_NS 240
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
#define TIPC_SLOT_EPOCH 32
#define TIPC_SLOT_LENGTHS 40
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
/* Fields of a frame whose first extent may differ from frame to frame: each has a place in the slot descriptor. */
#define TIPC_MAX_VARYING_FIELDS 6

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
  int64_t period_ns;            /* 240  producer: time between frames that it states, 0 where it states none */
  uint8_t reserved_248[8];
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
TIPC_ASSERT(offsetof(struct tipc_header, period_ns) == 240, header_period_ns_offset);
TIPC_ASSERT(sizeof(((struct tipc_header *)0)->period_ns) == 8, header_period_ns_bytes);
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
  uint32_t epoch;               /*  32  producer: its producerEpoch */
  uint8_t reserved_36[4];
  uint32_t lengths[6];          /*  40  producer: first extent of each varying field, in the order of the fields */
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
TIPC_ASSERT(offsetof(struct tipc_slot, epoch) == 32, slot_epoch_offset);
TIPC_ASSERT(sizeof(((struct tipc_slot *)0)->epoch) == 4, slot_epoch_bytes);
TIPC_ASSERT(offsetof(struct tipc_slot, lengths) == 40, slot_lengths_offset);
TIPC_ASSERT(sizeof(((struct tipc_slot *)0)->lengths) == 24, slot_lengths_bytes);

#endif
