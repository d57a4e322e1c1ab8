// The standard input or a file, as bytes.

import { closeSync, fstatSync, openSync, read, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CliError } from '../command';

const STDIN = 0;
/** An input that somebody else made non-blocking is asked again after this long. */
const AGAIN_MS = 2;

const readInto = promisify(read);

export class Input implements Disposable {
  readonly #fd: number;
  // A position of null reads on from where the file is, and pipes know no other.
  readonly #isFile: boolean;
  // What was read ahead.
  #ahead: Uint8Array = new Uint8Array(0);

  /** @param path a file; without one the standard input */
  constructor(path?: string) {
    try {
      this.#fd = path === undefined ? STDIN : openSync(path, 'r');
    } catch (error) {
      throw new CliError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const status = fstatSync(this.#fd);
    if (status.isDirectory()) {
      this[Symbol.dispose]();
      throw new CliError(`cannot read ${path ?? 'the standard input'}: it is a directory`);
    }
    this.#isFile = status.isFile();
  }

  /** A file under a name can be read again, by somebody else too; what comes out of a pipe cannot. */
  get isNamedFile(): boolean {
    return this.#isFile && this.#fd !== STDIN;
  }

  /** Bytes from here to the end, where they can be known: of a file. */
  get remaining(): number | null {
    if (!this.#isFile) return null;
    const at = Number(/^pos:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${this.#fd}`, 'utf8'))?.[1] ?? 0);
    return fstatSync(this.#fd).size - at + this.#ahead.byteLength;
  }

  /** Looks at the first bytes, as many as there are of them. What follows reads them again. */
  async peek(bytes: number): Promise<Uint8Array> {
    const ahead = new Uint8Array(bytes);
    this.#ahead = ahead.subarray(0, await this.fill(ahead));
    return this.#ahead;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== STDIN) closeSync(this.#fd);
  }

  /** Reads what there is, at most as much as fits from `at` on: the bytes read, 0 at the end. */
  async read(to: Uint8Array, at: number): Promise<number> {
    if (this.#ahead.byteLength > 0) {
      const part = this.#ahead.subarray(0, to.byteLength - at);
      to.set(part, at);
      this.#ahead = this.#ahead.subarray(part.byteLength);
      return part.byteLength;
    }
    for (;;) {
      try {
        return (await readInto(this.#fd, to, at, to.byteLength - at, null)).bytesRead;
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
