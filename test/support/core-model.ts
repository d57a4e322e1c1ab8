// A naive model of the protocol: who pins what, which frame is whole, who waits. One number where the core has stamps and a claim.

import { CLOSED, EMPTY } from '../../assembly/status';
import type { Handle } from '../../host/memory/core';

export interface Window {
  readonly sequence: number;
  readonly count: number;
  readonly oldest: number;
}

/** A copy under way. */
export interface Copy extends Window {
  readonly words: Uint32Array;
  chunk: number;
}

export interface Reader {
  readonly index: number;
  handle: Handle;
  alive: boolean;
  copy: Copy | null;
  hold: Window | null;
  views: Window[];
  lastSequence: number | null;
  taken: number;
  missed: number;
}

export function newReader(index: number, handle: Handle): Reader {
  return { index, handle, alive: true, copy: null, hold: null, views: [], lastSequence: null, taken: 0, missed: 0 };
}

export class ProtocolModel {
  readonly capacity: number;
  readonly readers: Reader[] = [];
  /** Sequence number of the next frame. */
  next = 0;
  open = true;
  /** Whether the next frame's slot is marked as being written, by whoever. */
  writing = false;
  /** Whether a waiting producer wants to be woken. */
  waiting = 0;
  wakeCount = 0;
  armed = 0n;
  /** Timestamps by sequence number. */
  readonly times: bigint[] = [];
  refused = 0n;
  overrun = 0n;
  waits = 0n;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Whether the bytes of a frame, or of padding, are whole in its slot. A frame is lost as soon as its slot is written again. */
  there(sequence: number): boolean {
    return sequence < this.next && sequence >= this.next - this.capacity + (this.writing ? 1 : 0);
  }

  /** Index of the first reader whose pin is in the way of the next frame, or -1. */
  blocker(ignoreViews: boolean): number {
    const doomed = this.next - this.capacity;
    const blocks = (window: Window | null) => window !== null && window.oldest <= doomed;
    return this.readers.findIndex((reader) => blocks(reader.hold) || (!ignoreViews && reader.views.some(blocks)));
  }

  latest(): number {
    return !this.open ? CLOSED : this.next === 0 ? EMPTY : this.next - 1;
  }
}
