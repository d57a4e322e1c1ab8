// Slots of shared memory that frames land in. The drawing worker reads them where they lie.

/** One being filled, one ready, one being drawn. */
const SLOTS = 3;

/** Typed arrays of any dtype may begin here. */
const ALIGNMENT = 64;

export interface RingSlot {
  readonly bytes: Uint8Array;
  release(): void;
}

export class SlotRing {
  #memory = new SharedArrayBuffer(0);
  #stride = 0;
  #free: number[] = [];

  /** A slot of so many bytes. A ring that is too small, or all in use, is replaced by a new one; old slots stay readable. */
  take(bytes: number): RingSlot {
    if (bytes > this.#stride || this.#free.length === 0) {
      this.#stride = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
      this.#memory = new SharedArrayBuffer(this.#stride * SLOTS);
      this.#free = Array.from({ length: SLOTS }, (_, index) => index);
    }
    const free = this.#free;
    const index = free.pop() as number;
    return { bytes: new Uint8Array(this.#memory, index * this.#stride, bytes), release: () => void free.push(index) };
  }
}
