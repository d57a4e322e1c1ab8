import type { SharedPool } from '../memory/share';
import type { Lengths, Window, WindowBuilder } from '../memory/window';
import type { Address } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';

/** What became of frames that readers were in the way of. */
export interface ProducerCounters {
  readonly framesRefused: number;
  readonly framesOverrun: number;
  readonly waits: number;
}

/** The writing end of a pool, however the pool lies in memory and whoever is told of its frames. */
export interface Sink {
  /** Number that the next frame will have. */
  readonly nextSequence: number;
  /** How the frames lie. */
  readonly windows: WindowBuilder;
  /** The slot for the next frame, free of readers; -1 when the policy drops the frame. Throws PIN_TIMEOUT or LOCK_TIMEOUT. */
  claim(): number;
  /**
   * The same without blocking the event loop. `stillOpen` throws when the producer was closed, or its slot lent, while this waited. The slot
   * is used in the turn in which it is claimed: a put, a loan or a close right behind would otherwise have the same one.
   */
  claimAsync(stillOpen: () => void, use: (slot: number) => number): Promise<number>;
  /** The tensors of a slot, on the shared pages: of these lengths, or with all the room there is. */
  window(slot: number, lengths?: Lengths | null): Window;
  address(slot: number): Address;
  /** Copies the elements of a whole frame of one plain tensor into a slot. */
  copyIn(slot: number, from: TypedArray): void;
  /** What is in the claimed slot is the next frame. Returns its number. Lengths are those of its varying fields, null where it has none. */
  publish(slot: number, timestampNs: bigint | undefined, lengths: Lengths | null): number;
  /** The claimed slot is not published: what is in it is nobody's frame. */
  abandon(slot: number): void;
  counters(): ProducerCounters;
  share(): SharedPool;
  /** Tells the readers, and removes what stands under the name. */
  close(): void;
}
