// Where a demo's frames come from, whatever it is.

import type { Size } from './messages';

export interface FrameSource extends Size {
  /** For people. */
  readonly description: string;
  /** Frames a second of its own; null if there is no such thing. */
  readonly fps: number | null;
  /** Whether its frames come when they come: pacing would only delay them. */
  readonly live: boolean;
  /** Frames that it has, as far as it is known: an estimate. */
  readonly frames: number | null;
  /** Frames after which to stop if nobody asks for another number; null for a source that ends by itself, or never. */
  readonly limit: number | null;
  /** Writes frame `index` in place; false when there are no more. */
  fill(into: Uint8Array, index: number): Promise<boolean>;
  /** Stops: a `fill` under way ends with false. */
  stop(): void;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}
