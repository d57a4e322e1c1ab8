// A Python pool that a consumer is attached to: its object, its locks, and the views that are out.

import type { DdsLiveliness } from '../dds/reader';
import type { Trust } from '../endpoint/options';
import { type Holder, PinGuard } from '../endpoint/view';
import { BufferPool } from '../memory/buffer-pool';
import { checkFile } from '../native/trust';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { registerOpen } from '../runtime/lifecycle';
import { everyStep, runSteps } from '../runtime/steps';
import { platform, type System } from '../runtime/system';
import type { PoolMetadata } from '../tensor/metadata';
import { MAX_WIRE_HISTORY, wireObject } from './form';
import { Locks } from './locks';
import { checkWireObject, WireObject } from './object';
import { countOwn, otherProcesses, ownCount } from './participants';

/** How long after its announcement a producer has to be found. */
const DISCOVERY_MS = 3000;

interface Forgotten {
  readonly pool: WirePool;
  readonly index: number;
}

// Holds the pool, and with it the locks, as long as a view of it may be out: it knows no guards, which could then never be forgotten.
const forgottenViews = new FinalizationRegistry<Forgotten>(({ pool, index }) => pool.forget(index));

interface Process {
  readonly pid: number;
  readonly start: number;
}

export interface WirePoolOptions {
  readonly trust: Trust;
  readonly waitTimeoutMs: number;
  readonly repair: boolean;
}

export class WirePool implements Holder {
  readonly metadata: PoolMetadata;
  readonly object: WireObject;
  readonly locks: Locks;
  readonly buffers: BufferPool;
  readonly #system: System;
  // The producer's process, where this process can see it: then its end can be seen as well.
  readonly #creator: Process | null;
  readonly #repairs: boolean;
  readonly #uncount: () => void;
  readonly #unregister: () => void;
  // Slots that each view holds.
  readonly #lent = new Map<number, readonly number[]>();
  readonly #openedMs = steadyMs();
  // Whether DDS has known its producer.
  #found = false;
  #nextGuard = 0;
  #closed = false;

  private constructor(
    system: System,
    object: WireObject,
    metadata: PoolMetadata,
    creatorPid: number,
    { trust, waitTimeoutMs, repair }: WirePoolOptions,
  ) {
    const { name, historyLen } = metadata;
    this.#system = system;
    this.metadata = metadata;
    this.object = object;
    this.buffers = new BufferPool(metadata);
    // Of another namespace of processes, a number means nothing here.
    const visible = system.mappedObjects().get(wireObject(name))?.includes(creatorPid) ?? false;
    const start = visible ? system.processStart(creatorPid) : null;
    // One that has just ended is DDS's to miss: a process without a start would be alive for ever.
    this.#creator = start === null ? null : { pid: creatorPid, start };
    this.#uncount = countOwn(name);
    // A slot that this process took with it would stay locked for ever.
    this.#unregister = registerOpen(() => this.#releaseAll());
    this.#repairs = repair;
    this.locks = new Locks(system, name, historyLen, {
      trust,
      timeoutMs: waitTimeoutMs,
      repair: () => this.#repair(),
      current: () => this.named(),
    });
  }

  #repair(): boolean {
    const { name } = this.metadata;
    // The producer's own are its to repair while it lives; others' while they do.
    if (!this.#repairs || this.#lent.size > 0 || ownCount(name) > 1 || otherProcesses(this.#system, name).length > 0)
      return false;
    this.locks.reset();
    return true;
  }

  /**
   * With `repair`, the producer's process having died: frees the slot that it was writing, before the package's next producer comes to
   * it and waits for ever. Not once that one is there: then the slot may be its.
   */
  heal(): void {
    const creator = this.#creator;
    if (!this.#repairs || creator === null || this.#system.processStart(creator.pid) === creator.start || !this.named()) return;
    if (!this.#repair()) this.locks.releaseWriters(() => this.named());
  }

  /** Null when there is no object. Throws when it is not what it should be. */
  static open(system: System, metadata: PoolMetadata, creatorPid: number, options: WirePoolOptions): WirePool | null {
    const name = wireObject(metadata.name);
    if (metadata.historyLen > MAX_WIRE_HISTORY) {
      throw new TensorIpcError(
        'CORRUPT_OBJECT',
        `pool '${metadata.name}': a history of ${metadata.historyLen} frames is announced, at most ${MAX_WIRE_HISTORY} are taken: ` +
          'each has four files of locks',
      );
    }
    const fd = system.openObject(name);
    if (fd === null) return null;
    let close = () => system.close(fd);
    try {
      checkFile(metadata.name, name, system.statDescriptor(fd), system, options.trust);
      checkWireObject(system, metadata.name, fd, metadata);
      const object = new WireObject(system, fd, metadata);
      close = () => object.close();
      return new WirePool(system, object, metadata, creatorPid, options);
    } catch (error) {
      runSteps([close]);
      throw error;
    }
  }

  /**
   * Whether its name still leads to it. Each pool has an object of its own: while that is there, another word on its topics than its
   * producer's is nobody's.
   */
  named(): boolean {
    return this.object.named(wireObject(this.metadata.name));
  }

  /** Whether the next pool has its name: producers make their object before they speak. */
  replaced(): boolean {
    return this.object.replaced(wireObject(this.metadata.name));
  }

  /** Whether its producer lives: by its process, where that can be seen, otherwise by what DDS knows. */
  creatorLives({ alive, notAlive }: DdsLiveliness): boolean {
    if (this.#creator !== null) return this.#system.processStart(this.#creator.pid) === this.#creator.start;
    if (alive > 0) {
      this.#found = true;
      return true;
    }
    // The dead are forgotten, and then counted as nothing: one that was known is gone, one that never was has a while to be found.
    return !this.#found && notAlive === 0 && steadyMs() - this.#openedMs < DISCOVERY_MS;
  }

  /** Keeps slots, whose locks are held, for a view. */
  lend(slots: readonly number[]): PinGuard {
    const guard = new PinGuard(this.#nextGuard);
    this.#nextGuard += 1;
    this.#lent.set(guard.index, slots);
    forgottenViews.register(guard, { pool: this, index: guard.index }, guard);
    return guard;
  }

  intact(): boolean {
    return true;
  }

  releasePin(guard: PinGuard): void {
    forgottenViews.unregister(guard);
    this.#release(guard.index);
  }

  /** The view was garbage-collected unreleased. */
  forget(index: number): void {
    if (!this.#lent.has(index)) return;
    this.#release(index);
    platform().warn(
      `pool '${this.metadata.name}': a borrowed view was dropped without release(); write "using view = consumer.borrow()"`,
    );
  }

  #release(index: number): void {
    const slots = this.#lent.get(index);
    if (slots === undefined) return;
    this.#lent.delete(index);
    everyStep([() => this.locks.unlockRead(slots), () => this.#closed && this.#lent.size === 0 && this.#free()]);
  }

  #releaseAll(): void {
    everyStep([...this.#lent.keys()].map((index) => () => this.#release(index)));
  }

  /** Leaves the pool. Views that are still out keep its pages, and their slots' locks, until they are released. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.buffers.close();
    if (this.#lent.size === 0) this.#free();
  }

  #free(): void {
    everyStep([this.#unregister, () => this.locks.close(), () => this.object.close(), this.#uncount]);
  }
}
