// Bun: its event loop watches sockets, but neither FIFOs that may be left (its streams keep the process alive) nor node:net's
// descriptors. So its doorbells are Unix datagram sockets, which producers ring in the same way.

import { openSocketPair } from '../../native-shim/ddsc-pipe';
import { type Doorbell, type Notifier, type Platform, SystemError } from '../runtime/system';
import { common, openSystem } from './common';

/** The part of Bun that is used. https://bun.com/reference/bun/connect */
interface BunSocket {
  ref(): void;
  unref(): void;
  terminate(): void;
}

declare const Bun: {
  connect(options: {
    fd: number;
    socket: { data(): void; close(): void; error(socket: BunSocket, error: Error): void };
  }): Promise<BunSocket>;
};

/** A descriptor that Bun's event loop watches. */
class Watched {
  #socket: BunSocket | null = null;
  #ref = false;
  #closed = false;

  /** @param onLost Bun has closed it, unasked. */
  constructor(what: string, fd: number, onData: () => void, onLost: () => void) {
    Bun.connect({
      fd,
      socket: {
        data: onData,
        close: () => {
          if (!this.#closed) onLost();
        },
        error: (_socket, error) => common.warn(`${what}: ${error.message}`),
      },
    }).then(
      (socket) => {
        this.#socket = socket;
        if (this.#closed) socket.terminate();
        else this.setRef(this.#ref);
      },
      (error: Error) => common.warn(`${what} cannot be watched: ${error.message}`),
    );
  }

  get ref(): boolean {
    return this.#ref;
  }

  setRef(ref: boolean): void {
    this.#ref = ref;
    if (ref) this.#socket?.ref();
    else this.#socket?.unref();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }
}

function openDoorbell(name: string, mode: number, onRing: () => void): Doorbell {
  const system = openSystem();
  const open = () => new Watched(`the doorbell ${name}`, system.createSocket(name, mode), onRing, reopen);
  // Bun takes an empty datagram, which none of us sends, for the end of a stream.
  const reopen = () => {
    const { ref } = doorbell;
    try {
      system.unlinkDoorbell(name);
      doorbell = open();
      doorbell.setRef(ref);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // The name is gone, and the next periodic look makes a doorbell under it again.
      common.warn(`the doorbell ${name} cannot be made anew: ${error.message}`);
    }
    onRing();
  };
  let doorbell = open();
  return { setRef: (ref) => doorbell.setRef(ref), close: () => doorbell.close() };
}

/** One end of a pair of sockets, watched; the other is for native threads. */
function openNotifier(onWake: (written: null) => void): Notifier {
  const { readFd, writeFd } = openSocketPair();
  const lost = () => common.warn('the notifier was closed by somebody else: its readers are not woken any more');
  const watched = new Watched('the notifier', readFd, () => onWake(null), lost);
  return { fd: writeFd, setRef: (ref) => watched.setRef(ref), close: () => watched.close() };
}

export const bunPlatform: Platform = {
  ...common,
  runtime: 'bun',
  system: openSystem,
  // Bun's own clocks start with the process and go on while the machine sleeps.
  monotonicNs: () => openSystem().monotonicNs(),
  openDoorbell,
  openNotifier,
};
