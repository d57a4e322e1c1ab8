// Shared by asc and tsc: integer constants only (i32, `+ * <<`), no 64-bit literal, no division.
//
// The one description of the pool object. Everything else (the core, the host, the C header, docs/pool-format.md) takes its
// numbers from here, and tests compare them. All fields are little-endian and naturally aligned.
//
//   object        +--------------------+ 0
//                 | header       512 B |
//                 +--------------------+ HEADER_BYTES
//                 | consumer table     | consumerCapacity entries of CONSUMER_BYTES
//                 +--------------------+
//                 | slot table         | slotCapacity descriptors of SLOT_BYTES
//                 +--------------------+
//                 | metadata JSON      | metadataBytes of UTF-8
//                 +--------------------+ framesOffset, a multiple of pageBytes
//                 | frames             | slotCapacity frames, frameStride apart
//                 +--------------------+ objectBytes
//
//   header        offset  bytes  field             written by, when
//                 ------  -----  ----------------  ------------------------------------------------
//   identity           0      8  magic             creator, first
//                      8      4  layoutVersion     creator, LAST: zero means under construction
//                     12      4  byteOrder         creator
//                     16      8  layoutSignature   creator
//                     24      8  metadataHash      creator: XXH64 of the metadata JSON, seed 0
//                     32      8  objectBytes       creator
//                     40      4  metadataOffset    creator
//                     44      4  metadataBytes     creator
//                     48      4  consumerOffset    creator
//                     52      4  consumerCapacity  creator
//                     56      4  slotOffset        creator
//                     60      4  slotCapacity      creator
//   geometry          64      8  framesOffset      creator
//                     72      8  frameStride       creator
//                     80      8  frameBytes        creator
//                     88      4  historyLen        creator
//                     92      4  pageBytes         creator
//                     96      8  poolId            creator: random, tells objects of one name apart
//                    104      8  createdNs         creator: CLOCK_REALTIME
//   publication      128      8  head              producer, every frame, after the slot's stamp
//   producer         192      4  producerState     producer: open, closing
//                    196      4  producerEpoch     producer, on creation and take-over
//                    200      4  producerPid       producer
//                    204      4  onPinned          producer
//                    208      8  producerSinceNs   producer: CLOCK_MONOTONIC of the take-over
//                    216      8  framesRefused     producer: frames dropped because a slot was pinned
//                    224      8  framesOverrun     producer: frames written over lent views
//                    232      8  waits             producer: times it had to wait for a pin
//                    240      8  periodNs          producer: time between frames that it states, 0 where it states none
//   doorbell         256      8  armed             consumers set their bit, the producer takes all bits
//                    264      4  wakeCount         producer: futex word of sleeping consumers
//   pinning          320      8  borrowers         consumers: bit i set means entry i may hold a pin
//                    328      4  producerWaiting   futex word: producer sets, releasing consumers clear
//
//   consumer      offset  bytes  field             written by
//                 ------  -----  ----------------  ------------------------------------------------
//   pins               0      8  viewPin           consumer: oldest position lent as a view, or NONE
//                      8      8  holdPin           consumer: oldest position it has still to copy, or NONE
//                     16      4  state             consumer: free, active
//                     20      4  delivery          consumer: latest, all
//                     24      4  doorbellKind          consumer: how to wake it
//                     28      4  pid               consumer (informational)
//                     32      8  doorbellId            consumer: names its doorbell; 0 when it left
//                     40      8  sinceNs           consumer: CLOCK_MONOTONIC
//   progress          64      8  lastPosition      consumer: newest position it has taken
//                     72      8  framesTaken       consumer
//                     80      8  framesMissed      consumer
//                     88     32  label             consumer: UTF-8, zero padded
//
//   slot          offset  bytes  field             written by
//                 ------  -----  ----------------  ------------------------------------------------
//                      0      8  stamp             producer: WRITING or DONE and a position
//                      8      8  claim             producer: the position it means to write here, before it looks at the pins
//                     16      8  timestampNs       producer: as given to put, or publishedNs
//                     24      8  publishedNs       producer: CLOCK_MONOTONIC at commit
//                     32      4  epoch             producer: its producerEpoch
//                     40     24  lengths           producer: first extent of each varying field, in the order of the fields
//
// A *position* is a sequence number plus slotCapacity: the ring starts as if one lap of padding frames had been written, so
// windows that reach back before frame 0 need no special case. Frame `sequence` lives at slot `position % slotCapacity`.

/** "TNSRIPC1" read as two little-endian words. */
export const MAGIC_LOW = 0x52534e54;
export const MAGIC_HIGH = 0x31435049;
export const LAYOUT_VERSION = 2;
export const BYTE_ORDER_MARK = 0x01020304;

// XXH64 of the field table that test/layout.test.ts rebuilds from this file: change a field and that test names the new value.
export const LAYOUT_SIGNATURE_LOW = 1906179161;
export const LAYOUT_SIGNATURE_HIGH = -947280655;

// ---- header --------------------------------------------------------------------------------------------------------

export const HEADER_MAGIC = 0;
export const HEADER_LAYOUT_VERSION = HEADER_MAGIC + 8;
export const HEADER_BYTE_ORDER = HEADER_LAYOUT_VERSION + 4;
export const HEADER_LAYOUT_SIGNATURE = HEADER_BYTE_ORDER + 4;
export const HEADER_METADATA_HASH = HEADER_LAYOUT_SIGNATURE + 8;
export const HEADER_OBJECT_BYTES = HEADER_METADATA_HASH + 8;
export const HEADER_METADATA_OFFSET = HEADER_OBJECT_BYTES + 8;
export const HEADER_METADATA_BYTES = HEADER_METADATA_OFFSET + 4;
export const HEADER_CONSUMER_OFFSET = HEADER_METADATA_BYTES + 4;
export const HEADER_CONSUMER_CAPACITY = HEADER_CONSUMER_OFFSET + 4;
export const HEADER_SLOT_OFFSET = HEADER_CONSUMER_CAPACITY + 4;
export const HEADER_SLOT_CAPACITY = HEADER_SLOT_OFFSET + 4;

export const HEADER_FRAMES_OFFSET = HEADER_SLOT_CAPACITY + 4;
export const HEADER_FRAME_STRIDE = HEADER_FRAMES_OFFSET + 8;
export const HEADER_FRAME_BYTES = HEADER_FRAME_STRIDE + 8;
export const HEADER_HISTORY_LEN = HEADER_FRAME_BYTES + 8;
export const HEADER_PAGE_BYTES = HEADER_HISTORY_LEN + 4;
export const HEADER_POOL_ID = HEADER_PAGE_BYTES + 4;
export const HEADER_CREATED_NS = HEADER_POOL_ID + 8;

// Words that different processes write sit on cache lines of their own.
export const HEADER_HEAD = 128;

export const HEADER_PRODUCER_STATE = 192;
export const HEADER_PRODUCER_EPOCH = HEADER_PRODUCER_STATE + 4;
export const HEADER_PRODUCER_PID = HEADER_PRODUCER_EPOCH + 4;
export const HEADER_ON_PINNED = HEADER_PRODUCER_PID + 4;
export const HEADER_PRODUCER_SINCE_NS = HEADER_ON_PINNED + 4;
export const HEADER_FRAMES_REFUSED = HEADER_PRODUCER_SINCE_NS + 8;
export const HEADER_FRAMES_OVERRUN = HEADER_FRAMES_REFUSED + 8;
export const HEADER_WAITS = HEADER_FRAMES_OVERRUN + 8;
export const HEADER_PERIOD_NS = HEADER_WAITS + 8;

export const HEADER_ARMED = 256;
export const HEADER_WAKE_COUNT = HEADER_ARMED + 8;

export const HEADER_BORROWERS = 320;
export const HEADER_PRODUCER_WAITING = HEADER_BORROWERS + 8;

export const HEADER_BYTES = 512;

// ---- consumer table ------------------------------------------------------------------------------------------------

export const CONSUMER_VIEW_PIN = 0;
export const CONSUMER_HOLD_PIN = CONSUMER_VIEW_PIN + 8;
export const CONSUMER_STATE = CONSUMER_HOLD_PIN + 8;
export const CONSUMER_DELIVERY = CONSUMER_STATE + 4;
export const CONSUMER_DOORBELL_KIND = CONSUMER_DELIVERY + 4;
export const CONSUMER_PID = CONSUMER_DOORBELL_KIND + 4;
export const CONSUMER_DOORBELL_ID = CONSUMER_PID + 4;
export const CONSUMER_SINCE_NS = CONSUMER_DOORBELL_ID + 8;

export const CONSUMER_LAST_POSITION = 64;
export const CONSUMER_FRAMES_TAKEN = CONSUMER_LAST_POSITION + 8;
export const CONSUMER_FRAMES_MISSED = CONSUMER_FRAMES_TAKEN + 8;
export const CONSUMER_LABEL = CONSUMER_FRAMES_MISSED + 8;
export const CONSUMER_LABEL_BYTES = 32;

export const CONSUMER_BYTES = 128;

// ---- slot table ----------------------------------------------------------------------------------------------------

export const SLOT_STAMP = 0;
export const SLOT_CLAIM = SLOT_STAMP + 8;
export const SLOT_TIMESTAMP_NS = SLOT_CLAIM + 8;
export const SLOT_PUBLISHED_NS = SLOT_TIMESTAMP_NS + 8;
export const SLOT_EPOCH = SLOT_PUBLISHED_NS + 8;
export const SLOT_LENGTHS = SLOT_EPOCH + 8;

export const SLOT_BYTES = 64;

// ---- values --------------------------------------------------------------------------------------------------------

export const PRODUCER_NONE = 0;
export const PRODUCER_OPEN = 1;
export const PRODUCER_CLOSED = 2;

export const ON_PINNED_WAIT = 0;
export const ON_PINNED_DROP = 1;
export const ON_PINNED_OVERWRITE = 2;

export const CONSUMER_FREE = 0;
export const CONSUMER_ACTIVE = 1;

export const DELIVERY_LATEST = 0;
export const DELIVERY_ALL = 1;

export const DOORBELL_NONE = 0;
export const DOORBELL_FILE = 1;
export const DOORBELL_FUTEX = 2;

export const WAITING_NONE = 0;
export const WAITING_FUTEX = 1;
export const WAITING_DOORBELL = 2;

// ---- locks ---------------------------------------------------------------------------------------------------------

// Open-file-description locks on single bytes of the object say who is alive. The bytes' content is irrelevant.
export const LOCK_PRODUCER = 0;
export const LOCK_CONSUMERS = LOCK_PRODUCER + 1;

// ---- limits --------------------------------------------------------------------------------------------------------

/** One bit each in `armed` and `borrowers`. */
export const MAX_CONSUMERS = 64;
export const MAX_HISTORY_LEN = 1 << 20;
export const MAX_SLOT_CAPACITY = 1 << 21;
export const MAX_METADATA_BYTES = 1 << 20;
export const MIN_PAGE_BYTES = 4096;
export const MAX_PAGE_BYTES = 1 << 21;
/** Every field of a record with several fields, and every padded frame, starts on a multiple of this. */
export const FIELD_ALIGNMENT = 64;
/** Fields of a frame whose first extent may differ from frame to frame: each has a place in the slot descriptor. */
export const MAX_VARYING_FIELDS = 6;

// ---- handle: private memory of one participant, never shared --------------------------------------------------------
//
// Filled from a checked snapshot of the header, so that nothing in the hot path depends on a number that another process
// could change. `control` is where the object is mapped in this memory.

export const HANDLE_CONTROL = 0;
export const HANDLE_SLOTS = HANDLE_CONTROL + 4;
export const HANDLE_CONSUMERS = HANDLE_SLOTS + 4;
export const HANDLE_CONSUMER_CAPACITY = HANDLE_CONSUMERS + 4;
export const HANDLE_SLOT_CAPACITY = HANDLE_CONSUMER_CAPACITY + 4;
export const HANDLE_HISTORY_LEN = HANDLE_SLOT_CAPACITY + 4;
export const HANDLE_ENTRY = HANDLE_HISTORY_LEN + 4;
export const HANDLE_ENTRY_INDEX = HANDLE_ENTRY + 4;
/** Producer: position of the next frame. */
export const HANDLE_POSITION = HANDLE_ENTRY_INDEX + 4;
/** Producer: descriptor of the slot that writerBegin claimed. */
export const HANDLE_DESCRIPTOR = HANDLE_POSITION + 8;
/** Consumer: oldest position that any of its views holds, or NONE. */
export const HANDLE_VIEW_PIN = HANDLE_DESCRIPTOR + 8;
/** Consumer: lossless cursor, or NONE. */
export const HANDLE_HOLD_PIN = HANDLE_VIEW_PIN + 8;
/** In: CLOCK_MONOTONIC, ns, as the host has just read it. */
export const HANDLE_CLOCK_NS = HANDLE_HOLD_PIN + 8;
/** In: the period that writerOpen states, ns. */
export const HANDLE_PERIOD_NS = HANDLE_CLOCK_NS + 8;
/** In: the timestamp to publish. Out: the timestamp of the newest frame of the last window. */
export const HANDLE_TIMESTAMP_NS = HANDLE_PERIOD_NS + 8;
/** Out: when the newest frame of the last window was published. */
export const HANDLE_PUBLISHED_NS = HANDLE_TIMESTAMP_NS + 8;
/** Out: whose frame the newest of the last window is, as producerEpoch counts. The writer's own, between writerOpen and writerClose. */
export const HANDLE_EPOCH = HANDLE_PUBLISHED_NS + 8;
/** Out of writerTakeArmed: the bits of the consumers to wake. */
export const HANDLE_ARMED = HANDLE_EPOCH + 8;
/** Out of readerPin and readerHold: how the producer waits (WAITING_*) when a pin moved up on the way. */
export const HANDLE_WAKE = HANDLE_ARMED + 8;
/** Out of chooseGeometry and controlValidate. */
export const HANDLE_FRAME_STRIDE = HANDLE_WAKE + 8;
export const HANDLE_FRAME_BYTES = HANDLE_FRAME_STRIDE + 8;
export const HANDLE_FRAMES_OFFSET = HANDLE_FRAME_BYTES + 8;
export const HANDLE_OBJECT_BYTES = HANDLE_FRAMES_OFFSET + 8;
export const HANDLE_METADATA_OFFSET = HANDLE_OBJECT_BYTES + 8;
export const HANDLE_METADATA_BYTES = HANDLE_METADATA_OFFSET + 4;
export const HANDLE_PAGE_BYTES = HANDLE_METADATA_BYTES + 4;
/** In: when the host wants to be told by writerCommit, as HANDLE_CLOCK_NS counts; 0 for never. */
export const HANDLE_DUE_NS = HANDLE_PAGE_BYTES + 8;
export const HANDLE_BYTES = 256;
