// Doorbells as FIFOs that the event loop reads through node:net: Node by libuv, Deno (2.9) by its own implementation of it.

import { Socket } from 'node:net';
import { openPipe } from '../../native-shim/ddsc-pipe';
import { TensorIpcError } from '../runtime/errors';
import { everyStep, runSteps } from '../runtime/steps';
import { type Doorbell, type Notifier, platform } from '../runtime/system';

/**
 * @param readsAtOnce Whether the runtime reads before it asks whether there is anything to read: then it finds the end of a FIFO that nobody has
 * opened for writing yet, again and again.
 */
export function openFifoDoorbell(
  name: string,
  mode: number,
  onRing: () => void,
  onHangUp?: () => void,
  readsAtOnce = false,
): Doorbell {
  const system = platform().system();
  const fd = onHangUp === undefined ? system.createFifo(name, mode) : system.createHangingUpFifo(name, mode);
  try {
    return onHangUp === undefined ? watch(fd, onRing) : new HangingUpFifo(name, fd, onRing, onHangUp, readsAtOnce);
  } catch (error) {
    runSteps([() => system.unlinkDoorbell(name), () => system.closeDoorbell(fd)]);
    throw unwatchable(error);
  }
}

/**
 * A FIFO that nobody here has open for writing: the event loop reads its end when the last who rings is gone, however it went. A reader that
 * has read the end is of no more use, so another takes its place.
 */
class HangingUpFifo implements Doorbell {
  readonly hangsUp = true;
  readonly #name: string;
  readonly #onRing: () => void;
  readonly #onHangUp: () => void;
  readonly #readsAtOnce: boolean;
  #reader: Doorbell | null;
  // The end for writing that this process holds until somebody rings, where it would find the end of the FIFO otherwise.
  #own: number | null = null;
  #ref = false;

  constructor(name: string, fd: number, onRing: () => void, onHangUp: () => void, readsAtOnce: boolean) {
    this.#name = name;
    this.#onHangUp = onHangUp;
    this.#readsAtOnce = readsAtOnce;
    this.#onRing = () => {
      this.#letGo();
      onRing();
    };
    this.#reader = this.#watch(fd);
  }

  #watch(fd: number): Doorbell {
    this.#letGo();
    // Before the first read.
    if (this.#readsAtOnce) this.#own = platform().system().openDoorbell(this.#name);
    try {
      return watch(fd, this.#onRing, this.#ended);
    } catch (error) {
      runSteps([() => this.#letGo()]);
      throw error;
    }
  }

  /** Who has rung has the FIFO open now, or its end is to be read. */
  #letGo(): void {
    const own = this.#own;
    this.#own = null;
    if (own !== null) platform().system().closeDoorbell(own);
  }

  get deaf(): boolean {
    return this.#reader === null;
  }

  readonly #ended = (): void => {
    const old = this.#reader;
    if (old === null) return;
    // Before the old one goes: who rings a FIFO without a reader takes it for nobody's.
    this.#reader = this.#again();
    old.close();
    this.#onHangUp();
  };

  #again(): Doorbell | null {
    const system = platform().system();
    let fd: number | null = null;
    try {
      fd = system.openOwnFifo(this.#name);
      const reader = this.#watch(fd);
      reader.setRef(this.#ref);
      return reader;
    } catch {
      // Its name or the descriptors are gone. It is deaf until its owner makes another.
      const left = fd;
      if (left !== null) runSteps([() => system.closeDoorbell(left)]);
      return null;
    }
  }

  setRef(ref: boolean): void {
    this.#ref = ref;
    this.#reader?.setRef(ref);
  }

  close(): void {
    const reader = this.#reader;
    this.#reader = null;
    everyStep([() => reader?.close(), () => this.#letGo()]);
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

function watch(fd: number, onRing: (bytes: number, buffer: Uint8Array) => void, onEnd?: () => void): Doorbell {
  const callback = (bytes: number, buffer: Uint8Array) => {
    onRing(bytes, buffer);
    return true;
  };
  // One buffer for all rings. (The types know `onread` for connecting sockets only.)
  const options = { fd, readable: true, writable: false, onread: { buffer: new Uint8Array(64), callback } };
  const socket = new Socket(options);
  socket.unref();
  if (onEnd !== undefined) socket.on('end', onEnd);
  return {
    setRef: (ref) => void (ref ? socket.ref() : socket.unref()),
    close: () => void socket.destroy(),
  };
}
