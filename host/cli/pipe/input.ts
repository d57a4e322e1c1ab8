// The standard input, as bytes.

import { fstatSync, read } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

const STDIN = 0;
/** An input that somebody else made non-blocking is asked again after this long. */
const AGAIN_MS = 2;

const readInto = promisify(read);

export class Input {
  // A position of null reads on from where the file is, and pipes know no other.
  readonly #isFile = fstatSync(STDIN).isFile();

  /** Reads what there is, at most as much as fits from `at` on: the bytes read, 0 at the end. */
  async read(to: Uint8Array, at: number): Promise<number> {
    for (;;) {
      try {
        return (await readInto(STDIN, to, at, to.byteLength - at, null)).bytesRead;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EOF') return 0;
        if (code !== 'EAGAIN' || this.#isFile) throw error;
        await setTimeout(AGAIN_MS);
      }
    }
  }

  /** Reads until the frame is full or the input ends: the bytes read. */
  async fill(frame: Uint8Array): Promise<number> {
    let done = 0;
    while (done < frame.byteLength) {
      const bytes = await this.read(frame, done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }
}
