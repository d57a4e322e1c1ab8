// The pins of one place in a pool's table. They outlast the consumer: what is lent keeps them until it is given back, or forgotten.

import { PinGuard } from '../endpoint/view';
import type { Mapping } from '../memory/mapping';
import { registerOpen } from '../runtime/lifecycle';
import { messageOf } from '../runtime/realm';
import { everyStep, runSteps } from '../runtime/steps';
import { platform } from '../runtime/system';

interface Forgotten {
  readonly pins: Pins;
  readonly index: number;
}

// Holds the pins, and with them mapping, lock and descriptor, as long as the guard of one may be with a view. Pins know no guards:
// a guard that the registry could reach would never be forgotten.
const forgottenViews = new FinalizationRegistry<Forgotten>(({ pins, index }) => pins.forget(index));

export class Pins {
  readonly #mapping: Mapping;
  readonly #wake: (waiting: number) => void;
  readonly #leave: () => void;
  readonly #unmap: () => void;
  readonly #unregister: () => void;
  // Oldest sequence number that each pin holds; Infinity where none is out.
  readonly #oldest: number[] = [];
  #count = 0;
  #closed = false;
  #left = false;
  #unmapped = false;

  /**
   * @param wake Ends the sleep of a producer that waits for a pin. @param leave Gives the place in the table up: runs once all is closed and
   * nothing is pinned, or at exit. @param unmap What follows when nothing is pinned. None of them may reach a guard.
   */
  constructor(mapping: Mapping, wake: (waiting: number) => void, leave: () => void, unmap: () => void) {
    this.#mapping = mapping;
    this.#wake = wake;
    this.#leave = leave;
    this.#unmap = unmap;
    // Behind the consumers, which are closed then. A view that is still out keeps its pages, for listeners of exit that come later.
    this.#unregister = registerOpen(() => this.#leaveOnce(), { last: true, signals: false });
  }

  /** A guard for one view at a time. */
  guard(): PinGuard {
    const guard = new PinGuard(this.#oldest.length);
    this.#oldest.push(Infinity);
    forgottenViews.register(guard, { pins: this, index: guard.index });
    return guard;
  }

  /** The pin just made, whose window starts at `oldest`, is this guard's. */
  add(guard: PinGuard, oldest: number): void {
    this.#oldest[guard.index] = oldest;
    this.#count += 1;
  }

  remove(index: number): void {
    this.#oldest[index] = Infinity;
    this.#count -= 1;
    this.drop();
  }

  /** Takes the pin back to what views hold: after a removal, and for a pin that came to no view. */
  drop(): void {
    const { core, handle } = this.#mapping;
    if (this.#count === 0 && this.#closed) this.#end();
    if (this.#left) return;
    if (this.#count === 0) {
      this.#wake(core.readerUnpin(handle));
      return;
    }
    let oldest = Infinity;
    for (const held of this.#oldest) if (held < oldest) oldest = held;
    this.#wake(core.readerUnpinTo(handle, oldest));
  }

  /** The view of this pin was garbage-collected unreleased. Its guard is gone, so the index is not used again. */
  forget(index: number): void {
    if (this.#oldest[index] === Infinity) return;
    const { name } = this.#mapping.metadata;
    platform().warn(`pool '${name}': a borrowed view was dropped without release(); write "using view = consumer.borrow()"`);
    // Nobody called this who could catch an error.
    for (const error of runSteps([() => this.remove(index)])) platform().warn(`pool '${name}': ${messageOf(error)}`);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#count === 0) this.#end();
  }

  #end(): void {
    if (this.#unmapped) return;
    this.#unmapped = true;
    everyStep([() => this.#leaveOnce(), this.#unmap]);
  }

  #leaveOnce(): void {
    if (this.#left) return;
    this.#left = true;
    everyStep([this.#leave, this.#unregister]);
  }
}
