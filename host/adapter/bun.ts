// Bun: its event loop watches sockets, but neither FIFOs that may be left (its streams keep the process alive) nor node:net's
// descriptors. So its bells are Unix datagram sockets, which producers ring in the same way.

import { openSocketPair } from '../../native-shim/ddsc-pipe';
import type { Bell, Notifier, Platform, System } from '../system';
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

class SocketBell implements Bell {
  readonly #system: System;
  readonly #name: string;
  readonly #mode: number;
  readonly #onRing: () => void;
  #socket: BunSocket | null = null;
  #ref = false;
  #closed = false;

  constructor(system: System, name: string, mode: number, onRing: () => void) {
    this.#system = system;
    this.#name = name;
    this.#mode = mode;
    this.#onRing = onRing;
    this.#open();
  }

  #open(): void {
    const fd = this.#system.createSocket(this.#name, this.#mode);
    Bun.connect({
      fd,
      socket: {
        data: () => this.#onRing(),
        // Bun takes an empty datagram, which none of us sends, for the end of a stream.
        close: () => this.#reopen(),
        error: (_socket, error) => common.warn(`the bell ${this.#name}: ${error.message}`),
      },
    }).then(
      (socket) => {
        this.#socket = socket;
        if (this.#closed) socket.terminate();
        else this.setRef(this.#ref);
      },
      (error: Error) => common.warn(`the bell ${this.#name} cannot be watched: ${error.message}`),
    );
  }

  #reopen(): void {
    this.#socket = null;
    if (this.#closed) return;
    this.#system.unlinkBell(this.#name);
    this.#open();
    this.#onRing();
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

/** One end of a pair of sockets, watched; the other is for native threads. */
class SocketNotifier implements Notifier {
  readonly fd: number;
  #socket: BunSocket | null = null;
  #ref = false;
  #closed = false;

  constructor(onWake: () => void) {
    const { readFd, writeFd } = openSocketPair();
    this.fd = writeFd;
    Bun.connect({
      fd: readFd,
      socket: {
        data: () => onWake(),
        close: () => {
          if (!this.#closed) common.warn('the notifier was closed by somebody else: its readers are not woken any more');
        },
        error: (_socket, error) => common.warn(`the notifier: ${error.message}`),
      },
    }).then(
      (socket) => {
        this.#socket = socket;
        if (this.#closed) socket.terminate();
        else this.setRef(this.#ref);
      },
      (error: Error) => common.warn(`the notifier cannot be watched: ${error.message}`),
    );
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

export const bunPlatform: Platform = {
  ...common,
  runtime: 'bun',
  system: openSystem,
  // Bun's own clocks start with the process and go on while the machine sleeps.
  monotonicNs: () => openSystem().monotonicNs(),
  openBell: (name, mode, onRing) => new SocketBell(openSystem(), name, mode, onRing),
  openNotifier: (onWake) => new SocketNotifier(onWake),
};
