// The bare pipe that waking is compared with: a FIFO read by the event loop with a fixed buffer, written with writeSync.

import { execFileSync } from 'node:child_process';
import { constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { nowNs } from './clock';

const ONE_BYTE = new Uint8Array([1]);

export function makeFifo(path: string): void {
  // Node has no call for it.
  execFileSync('mkfifo', ['-m', '600', path]);
}

/** Calls `onBytes` with the number of bytes whenever some arrive. Close it to let the process end. */
export function readFifo(path: string, onBytes: (count: number) => void): Socket {
  return readDescriptor(openFifo(path), onBytes);
}

/** Open for both ends: a reader that is its own writer never sees end of file. */
export function openFifo(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

/** The same of a FIFO that is open already. Deno takes only descriptors that it has not opened itself. */
export function readDescriptor(fd: number, onBytes: (count: number) => void): Socket {
  const callback = (count: number) => {
    onBytes(count);
    return true;
  };
  // The types know `onread` for connecting sockets only.
  const options = { fd, readable: true, writable: false, onread: { buffer: new Uint8Array(64), callback } };
  return new Socket(options);
}

export interface FifoWriter {
  ring(): void;
}

export function writeFifo(path: string): FifoWriter {
  const fd = openFifo(path);
  return { ring: () => void writeSync(fd, ONE_BYTE) };
}

/** Rings the other side's doorbell. */
export type Ring = () => void;

/** One side of a ping-pong of bytes, with nothing between the event loop's callback and the write. */
export class PipeEnd {
  #ring: Ring = () => {};
  #onByte: (() => void) | null = null;
  /** Bytes that came before anybody had been told to answer them. */
  #early = 0;

  /** `connect` opens both ways; it is given what to call when bytes arrive. */
  static async open(connect: (onBytes: (count: number) => void) => Ring | Promise<Ring>): Promise<PipeEnd> {
    const end = new PipeEnd();
    end.#ring = await connect((count) => end.#take(count));
    return end;
  }

  #take(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.#onByte === null) this.#early += 1;
      else this.#onByte();
    }
  }

  /** Answers `count` bytes. */
  echo(count: number): Promise<void> {
    return new Promise((resolve) => {
      let left = count;
      this.#onByte = () => {
        this.#ring();
        left -= 1;
        if (left > 0) return;
        this.#onByte = null;
        resolve();
      };
      const early = this.#early;
      this.#early = 0;
      this.#take(early);
    });
  }

  pingPong(trips: number, batches: number): Promise<number[]> {
    return new Promise((resolve) => {
      const samples: number[] = [];
      let left = trips;
      let start = nowNs();
      this.#onByte = () => {
        left -= 1;
        if (left === 0) {
          samples.push((nowNs() - start) / (2 * trips));
          if (samples.length === batches) {
            this.#onByte = null;
            resolve(samples);
            return;
          }
          left = trips;
          start = nowNs();
        }
        this.#ring();
      };
      this.#ring();
    });
  }
}
