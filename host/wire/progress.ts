// The progress messages of one pool. All of them are alike but for the slot, so most are read without decoding: at a camera's pace the
// caches are cold with every frame, and each line of code that is not run is time won.

import { decodeProgress, encodeProgress } from './messages';

const SLOT_BYTES = 8;

export class ProgressReader {
  readonly #pool: string;
  readonly #like: Uint8Array;

  constructor(pool: string) {
    this.#pool = pool;
    this.#like = encodeProgress(pool, 0);
  }

  /**
   * The slot of the newest frame.
   *
   * @throws TensorIpcError CORRUPT_OBJECT
   */
  slot(bytes: Uint8Array): number {
    const like = this.#like;
    const at = like.length - SLOT_BYTES;
    if (bytes.length !== like.length) return decodeProgress(this.#pool, bytes);
    for (let i = 0; i < at; i++) if (bytes[i] !== like[i]) return decodeProgress(this.#pool, bytes);
    // A history of 65536 and more has yet to be seen.
    for (let i = at + 2; i < like.length; i++) if (bytes[i] !== 0) return decodeProgress(this.#pool, bytes);
    return (bytes[at] as number) + 256 * (bytes[at + 1] as number);
  }
}
