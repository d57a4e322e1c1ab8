// Bells as FIFOs that the event loop reads through node:net: Node by libuv, Deno (2.9) by its own implementation of it.

import { Socket } from 'node:net';
import { openPipe } from '../../native-shim/ddsc-pipe';
import { type Bell, type Notifier, platform } from '../system';

export function openFifoBell(name: string, mode: number, onRing: () => void): Bell {
  return watch(platform().system().createFifo(name, mode), onRing);
}

/** A pipe without a name, for the threads of this process. */
export function openPipeNotifier(onWake: () => void): Notifier {
  const { readFd, writeFd } = openPipe();
  return { fd: writeFd, ...watch(readFd, onWake) };
}

function watch(fd: number, onRing: () => void): Bell {
  const callback = () => {
    onRing();
    return true;
  };
  // One buffer for all rings: what is in it does not matter. (The types know `onread` for connecting sockets only.)
  const options = { fd, readable: true, writable: false, onread: { buffer: new Uint8Array(64), callback } };
  const socket = new Socket(options);
  socket.unref();
  return {
    setRef: (ref) => void (ref ? socket.ref() : socket.unref()),
    close: () => void socket.destroy(),
  };
}
