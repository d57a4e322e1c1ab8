// Doorbells as FIFOs that the event loop reads through node:net: Node by libuv, Deno (2.9) by its own implementation of it.

import { Socket } from 'node:net';
import { openPipe } from '../../native-shim/ddsc-pipe';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import { type Doorbell, type Notifier, platform } from '../runtime/system';

export function openFifoDoorbell(name: string, mode: number, onRing: () => void): Doorbell {
  const system = platform().system();
  const fd = system.createFifo(name, mode);
  try {
    return watch(fd, onRing);
  } catch (error) {
    runSteps([() => system.unlinkDoorbell(name), () => system.closeDoorbell(fd)]);
    throw unwatchable(error);
  }
}

function unwatchable(cause: unknown): TensorIpcError {
  return new TensorIpcError('SYSTEM', `the event loop of this runtime cannot watch a doorbell: ${String(cause)}`, { cause });
}

/** A pipe without a name, for the threads of this process. */
export function openPipeNotifier(onWake: (written: Int32Array | null) => void): Notifier {
  const { readFd, writeFd } = openPipe();
  const onRing = (bytes: number, buffer: Uint8Array) => {
    // What is written to a full pipe is lost, and a full pipe fills the buffer.
    const whole = bytes < buffer.length && bytes % 4 === 0;
    onWake(whole ? new Int32Array(buffer.buffer, buffer.byteOffset, bytes / 4) : null);
  };
  try {
    return { fd: writeFd, ...watch(readFd, onRing) };
  } catch (error) {
    const system = platform().system();
    runSteps([() => system.closeDoorbell(readFd), () => system.closeDoorbell(writeFd)]);
    throw unwatchable(error);
  }
}

function watch(fd: number, onRing: (bytes: number, buffer: Uint8Array) => void): Doorbell {
  const callback = (bytes: number, buffer: Uint8Array) => {
    onRing(bytes, buffer);
    return true;
  };
  // One buffer for all rings. (The types know `onread` for connecting sockets only.)
  const options = { fd, readable: true, writable: false, onread: { buffer: new Uint8Array(64), callback } };
  const socket = new Socket(options);
  socket.unref();
  return {
    setRef: (ref) => void (ref ? socket.ref() : socket.unref()),
    close: () => void socket.destroy(),
  };
}
