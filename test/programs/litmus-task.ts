// What a process of the litmus suite is asked to do, and what it answers.

export type Role =
  // One round after another, each of two processes keeping what it saw.
  | 'claim'
  | 'pin'
  | 'pin again'
  | 'commit'
  | 'arm'
  | 'announce'
  | 'unpin'
  // Without rounds: a writer for as long as the others read.
  | 'put'
  | 'relay'
  | 'publish'
  | 'copy'
  | 'view'
  | 'valid'
  | 'lossless'
  | 'causal'
  | 'log-ab'
  | 'log-ba';

export interface Task {
  readonly role: Role;
  /** Pool that carries the barrier, then the pools that are raced on. */
  readonly board: string;
  readonly pools: readonly string[];
  /** Which of the processes this is, and how many take part. */
  readonly index: number;
  readonly parties: number;
  readonly runs: number;
  /** A fault of this process: the order of two accesses, a check left out. */
  readonly broken: string | null;
  /** Writers: overwrite lent views. */
  readonly ignoreViews: boolean;
}

/** Outcomes counted by the process itself, or what it saw in each round, or what it saw of two pools. */
export type Report = { readonly counts: Record<string, number> } | { readonly seen: Uint8Array } | { readonly log: Uint32Array };

/** Words of the board: a barrier counter for each process on cache lines of their own, then a flag for each that has finished. */
export const BOARD_STRIDE = 64;
export const BOARD_DONE = 512;

/** Words of a frame that are written and read: one in every 64, so that a copy takes its time. */
export const FRAME_WORDS = 1024;
export const WORD_STEP = 64;
