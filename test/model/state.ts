// The state of the model: one byte per word of the pool and per program counter, so that a state is a short string.

export const SLOTS = 3;
/** No pin: above every position. */
export const NONE = 255;

let size = 0;
const field = (count = 1): number => {
  const at = size;
  size += count;
  return at;
};

// The pool's words.
export const HEAD = field();
export const CLOSED = field();
export const EPOCH = field();
export const WAITING = field();
export const ARMED = field();
export const WAKES = field();
export const BORROWERS = field();
export const STAMP = field(SLOTS);
export const CLAIM = field(SLOTS);
/** A frame is two words of bytes, each of which holds the position that was written. */
export const BYTES = field(2 * SLOTS);
/** How long each frame is: its position, too. */
export const LENGTHS = field(SLOTS);

// The writer's private state.
export const W_PROGRAM = field();
export const W_LINE = field();
export const W_SUB = field();
export const W_POSITION = field();
export const W_PUTS = field();
export const W_INDEX = field();
export const W_BITS = field();
export const W_ANNOUNCED = field();
/** A WRITING stamp that the other processors do not see yet: the slot plus 1, or 0. */
export const W_PENDING = field();
/** The consumer lock that it holds while it reaps: the entry plus 1, or 0. */
export const W_LOCK = field();
export const W_DEAD = field();
/** Its own doorbell: a byte is in the FIFO. */
export const W_DOORBELL = field();
export const W_CRASHES = field();

// A reader: its table entry, its lock, its doorbell, its private state.
let reader = 0;
const own = (): number => reader++;
export const R_VIEW = own();
export const R_HOLD = own();
export const R_LOCK = own();
export const R_DOORBELL = own();
export const R_PROGRAM = own();
export const R_LINE = own();
export const R_SUB = own();
export const R_HEAD = own();
/** One above the newest position it has taken; the cursor of a lossless reader. */
export const R_SEEN = own();
export const R_LOADED = own();
/** Lengths of frames that it has loaded. */
export const R_MEASURED = own();
export const R_BAD = own();
export const R_WAKES = own();
export const R_EPOCH = own();
export const R_ROUNDS = own();
export const R_TRIES = own();
export const R_CRASHES = own();
export const R_RETURNS = own();
const READER_BYTES = reader;
const READERS_AT = size;

/** Where reader `index` begins. */
export const readerAt = (index: number): number => READERS_AT + index * READER_BYTES;

export type State = Uint8Array;

export const stampDone = (position: number): number => 2 * position + 2;
export const stampWriting = (position: number): number => 2 * position + 1;

export type Policy = 'wait' | 'drop' | 'overwrite';
/** 'lossless' joins at the next frame, 'oldest' at the oldest one held. */
export type ReaderKind = 'copy' | 'view' | 'hold' | 'lossless' | 'oldest';
export type Doorbell = 'fifo' | 'futex';

/** Values of WAITING. */
export const BY_FUTEX = 1;
export const BY_DOORBELL = 2;

/** One world to search: who takes part, how often, and who may die. */
export interface World {
  readonly policy: Policy;
  readonly readers: readonly ReaderKind[];
  /** Frames the writer puts. */
  readonly frames: number;
  /** Reads of each reader that is not lossless. */
  readonly rounds: number;
  /** Frames of a window. */
  readonly count: number;
  /** Whether and how readers sleep for the next frame; without, they read the newest at any time. */
  readonly sleeps: Doorbell | null;
  /** How the writer waits for readers: blocked, or on its event loop. */
  readonly writerSleeps: Doorbell;
  readonly writerCrashes: number;
  readonly readerCrashes: number;
  /** A newcomer takes the entry of a reader that died. */
  readonly returns: boolean;
}

/** A new pool, its lap of padding written, a writer about to put, and registered readers. */
export function initialState(world: World): State {
  const state = new Uint8Array(READERS_AT + world.readers.length * READER_BYTES);
  state[HEAD] = SLOTS;
  state[W_POSITION] = SLOTS;
  state[W_CRASHES] = world.writerCrashes;
  for (let slot = 0; slot < SLOTS; slot++) {
    state[STAMP + slot] = stampDone(slot);
    state[CLAIM + slot] = slot;
    state[LENGTHS + slot] = slot;
    state[BYTES + 2 * slot] = slot;
    state[BYTES + 2 * slot + 1] = slot;
  }
  for (let index = 0; index < world.readers.length; index++) {
    const at = readerAt(index);
    state[at + R_VIEW] = NONE;
    state[at + R_HOLD] = NONE;
    state[at + R_LOCK] = 1;
    state[at + R_SEEN] = SLOTS;
    state[at + R_CRASHES] = world.readerCrashes;
    state[at + R_RETURNS] = world.returns ? 1 : 0;
  }
  return state;
}

export const get = (state: State, at: number): number => state[at] as number;
