// Shared by asc and tsc: integer constants only.
//
// Status codes of the core. Zero and above is success (often a slot index); every refusal is a negative code.
// The core never throws: host/memory/core.ts turns the codes that are errors into TensorIpcError.

export const OK = 0;

/** No frame has been published yet. */
export const EMPTY = -1;
/** The producer closed the pool. */
export const CLOSED = -2;
/** The window asked for was overwritten before it could be validated: take a newer head and try again. */
export const LAPPED = -3;
/** A live pin covers the frame that the writer wants to overwrite. */
export const PINNED = -4;

/** The object is under construction: version is still zero. */
export const NOT_READY = -10;
export const BAD_MAGIC = -11;
export const BAD_VERSION = -12;
export const BAD_BYTE_ORDER = -13;
export const BAD_SIGNATURE = -14;
/** The object's size is not the one its header states. */
export const BAD_SIZE = -15;
/** Counts, offsets or strides in the header contradict each other or exceed their limits. */
export const BAD_GEOMETRY = -16;
/** The head is outside the range in which sequence numbers are exact. */
export const BAD_HEAD = -17;
/** A frame states a length that its field has no room for. Said by hosts: the core does not look at lengths. */
export const BAD_LENGTH = -18;

/** Bits that writerCommit answers: somebody waits to be woken; the clock has come to HANDLE_DUE_NS. */
export const COMMIT_WAITED = 1;
export const COMMIT_DUE = 2;
