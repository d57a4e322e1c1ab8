import type { CoreLabel } from './core-modules';

/** What a thread of test/programs/core-hammer.ts is to do. Offsets are in bytes of the shared memory. */
export interface HammerTask {
  readonly role: 'write' | 'copy' | 'pin';
  readonly label: CoreLabel;
  readonly memory: WebAssembly.Memory;
  readonly handle: number;
  readonly framesAt: number;
  readonly frameWords: number;
  readonly slotCapacity: number;
  readonly historyLen: number;
  /** Frames to write before the pool is closed. */
  readonly frames: number;
  /** Offset of a word that ends the writing when it is not 0. */
  readonly stopAt: number;
  readonly ignoreViews: boolean;
}

export interface HammerResult {
  readonly role: HammerTask['role'];
  accepted: number;
  rejected: number;
  torn: number;
  backwards: number;
}
