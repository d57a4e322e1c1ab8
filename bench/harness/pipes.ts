// The bare pipe that waking is compared with: a FIFO read by the event loop with a fixed buffer, written with writeSync.

import { execFileSync } from 'node:child_process';
import { constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const ONE_BYTE = new Uint8Array([1]);

export function makeFifo(path: string): void {
  // Node has no call for it.
  execFileSync('mkfifo', ['-m', '600', path]);
}

/** Calls `onBytes` with the number of bytes whenever some arrive. Close it to let the process end. */
export function readFifo(path: string, onBytes: (count: number) => void): Socket {
  // Open for both ends: a reader that is its own writer never sees end of file.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
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
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return { ring: () => void writeSync(fd, ONE_BYTE) };
}
