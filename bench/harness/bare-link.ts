// The bare mechanism of each runtime's event loop, as its limit: the fastest that was found there for one byte between two processes.

import { rmSync } from 'node:fs';
import { type Ring, readDescriptor, writeFifo } from './pipes';
import { FIRST_DESCRIPTOR } from './processes';

/** The part of Bun that is used. https://bun.com/reference/bun/listen */
interface BunSocket {
  write(data: Uint8Array): number;
}
interface BunSocketOptions {
  unix: string;
  socket: { open(socket: BunSocket): void; data(socket: BunSocket, data: Uint8Array): void };
}
declare const Bun: {
  listen(options: BunSocketOptions): unknown;
  connect(options: BunSocketOptions): Promise<BunSocket>;
};

const ONE_BYTE = new Uint8Array([1]);

/** One side of a link: a FIFO each way, or one Unix socket. */
export type LinkSide =
  /** The FIFO it reads from is open as its FIRST_DESCRIPTOR. */
  | { readonly kind: 'fifo'; readonly sends: string }
  | { readonly kind: 'socket'; readonly path: string; readonly side: 'listen' | 'connect' };

/** Bun's streams read FIFOs too, but slower than its sockets. */
export function linkKindOf(runtime: 'node' | 'deno' | 'bun'): LinkSide['kind'] {
  return runtime === 'bun' ? 'socket' : 'fifo';
}

export async function openLink(link: LinkSide, onBytes: (count: number) => void): Promise<Ring> {
  if (link.kind === 'fifo') {
    readDescriptor(FIRST_DESCRIPTOR, onBytes);
    return writeFifo(link.sends).ring;
  }
  let peer: BunSocket | null = null;
  const socket = {
    open: (opened: BunSocket) => {
      peer = opened;
    },
    data: (_: BunSocket, data: Uint8Array) => onBytes(data.length),
  };
  if (link.side === 'connect') {
    await Bun.connect({ unix: link.path, socket });
  } else {
    rmSync(link.path, { force: true });
    Bun.listen({ unix: link.path, socket });
  }
  return () => {
    if (peer === null) throw new Error('nobody has connected to the bare socket');
    peer.write(ONE_BYTE);
  };
}
