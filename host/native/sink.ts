// The writing end of a native pool.

import { HANDLE_PERIOD_NS, HANDLE_TIMESTAMP_NS, LOCK_PRODUCER } from '../../assembly/layout';
import { COMMIT_DUE, COMMIT_WAITED, OK } from '../../assembly/status';
import type { Trust } from '../endpoint/options';
import type { ProducerCounters, Sink } from '../endpoint/sink';
import { copyToShared, RepeatedArray } from '../memory/copy';
import { poolError } from '../memory/core';
import type { Mapping } from '../memory/mapping';
import { type SharedPool, shareMapping } from '../memory/share';
import type { Lengths, Window, WindowBuilder } from '../memory/window';
import { allAtOnce, type Pieces } from '../runtime/pieces';
import { everyStep, runSteps } from '../runtime/steps';
import { type Address, type Platform, platform, type System } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import type { HistoryPad, PoolMetadata } from '../tensor/metadata';
import { Backpressure, type OnPinned, POLICIES } from './backpressure';
import { readProducerCounters } from './counters';
import { Ringer, ringNewcomers, unlinkDeadDoorbells } from './doorbell';
import { KeptPlaces } from './kept-places';
import { SlotLengths } from './lengths';
import { NameWatch } from './name-watch';
import { type OpenedPool, openForProducer, renewForProducer, translate } from './pool';
import { objectName } from './trust';

export interface NativeSinkOptions {
  readonly historyPad: HistoryPad;
  readonly onPinned: OnPinned;
  readonly waitTimeoutMs: number;
  readonly mode: number;
  /** Time between frames that the producer states; 0 where it states none. */
  readonly periodNs: bigint;
}

export class NativeSink implements Sink {
  readonly #metadata: PoolMetadata;
  readonly #platform: Platform;
  readonly #system: System;
  readonly #mode: number;
  readonly #policy: number;
  readonly #periodNs: bigint;
  #name: NameWatch | null = null;
  #mapping: Mapping;
  #ringer: Ringer;
  readonly #backpressure: Backpressure;
  #lengths: SlotLengths;
  readonly #pad: HistoryPad;
  #sequence: number;
  readonly #repeated = new RepeatedArray();
  // A slot is being written: its bytes lie where the mapping is now.
  #claimed = false;

  /** @param opened What openPool gave, where that was waited for in turns. */
  constructor(metadata: PoolMetadata, options: NativeSinkOptions, opened: OpenedPool | null = null) {
    const { historyPad, onPinned, waitTimeoutMs, mode, periodNs } = options;
    this.#metadata = metadata;
    this.#platform = platform();
    this.#system = this.#platform.system();
    this.#pad = historyPad;
    this.#mode = mode;
    this.#policy = POLICIES[onPinned];
    this.#periodNs = periodNs;
    const { mapping, created } = opened ?? allAtOnce(openPool(metadata, options));
    this.#mapping = mapping;
    this.#backpressure = new Backpressure(mapping, onPinned, waitTimeoutMs, () => this.#lookIfDue(this.#platform.monotonicNs()));
    this.#ringer = new Ringer(mapping);
    this.#lengths = new SlotLengths(mapping);
    try {
      this.#enter(mapping);
      this.#sequence = mapping.core.writerSequence(mapping.handle);
      this.#name = new NameWatch(mapping, {
        busy: () => this.#claimed,
        renew: () => this.#renew(),
        look: () => this.#backpressure.releaseKept(),
      });
      ringNewcomers(this.#system, metadata.name);
    } catch (error) {
      // A pool that was taken over stays as it was found, for the next producer. A new one goes.
      const stay = [() => this.#name?.close(), () => this.#system.unlock(mapping.fd, LOCK_PRODUCER), () => mapping.close()];
      runSteps(created ? [() => this.close()] : stay);
      throw translate(metadata.name, error);
    }
  }

  /** Becomes the producer of a mapped pool, and says so there. */
  #enter(mapping: Mapping): void {
    const { core, handle, arena, metadata } = mapping;
    mapping.setClock(this.#platform.monotonicNs());
    arena.i64[(handle + HANDLE_PERIOD_NS) / 8] = this.#periodNs;
    const code = core.writerOpen(handle, this.#system.pid, this.#policy);
    if (code !== OK) throw poolError(metadata.name, code);
  }

  get nextSequence(): number {
    return this.#sequence;
  }

  get windows(): WindowBuilder {
    return this.#mapping.windows;
  }

  claim(): number {
    const slot = this.#backpressure.claim();
    this.#claimed = slot >= 0;
    return slot;
  }

  claimAsync(stillOpen: () => void, use: (slot: number) => number): Promise<number> {
    return this.#backpressure.claimAsync(stillOpen, (slot) => {
      this.#claimed = slot >= 0;
      return use(slot);
    });
  }

  window(slot: number, lengths: Lengths | null = null): Window {
    return lengths === null ? this.#mapping.window(slot, 1, false) : this.#mapping.sizedWindow(slot, lengths);
  }

  copyIn(slot: number, from: TypedArray): void {
    const mapping = this.#mapping;
    const words = mapping.hasWords ? this.#repeated.wordsOf(from) : null;
    if (words !== null) mapping.copyWords(slot, words);
    else copyToShared(this.#system, mapping.window(slot, 1, false).data, mapping.slotAddress(slot), from);
  }

  address(slot: number): Address {
    return this.#mapping.slotAddress(slot);
  }

  publish(slot: number, timestampNs: bigint | undefined, lengths: Lengths | null): number {
    const mapping = this.#mapping;
    if (lengths !== null) this.#lengths.write(slot, lengths);
    const { core, handle } = mapping;
    const sequence = this.#sequence;
    if (sequence === 0 && this.#pad === 'fill') this.#fillHistory(slot);
    if (timestampNs !== undefined) mapping.arena.i64[(handle + HANDLE_TIMESTAMP_NS) / 8] = timestampNs;
    mapping.setClock(this.#platform.monotonicNs());
    const news = core.writerCommit(handle, timestampNs === undefined ? 0 : 1);
    this.#sequence = sequence + 1;
    this.#claimed = false;
    if ((news & COMMIT_WAITED) !== 0 || this.#ringer.owes) this.#ringer.ring();
    // A producer that never returns to its event loop has no timers. The core compares: with bigints it would cost more than the look at who waits.
    if ((news & COMMIT_DUE) !== 0) this.#name?.look();
    return sequence;
  }

  /** While a put waits for a reader and blocks its thread. */
  #lookIfDue(now: bigint): void {
    if (this.#name !== null && now >= this.#name.dueNs) this.#name.look();
  }

  /** Nothing to undo in the pool: the slot keeps its WRITING stamp, and the next frame is written over it. */
  abandon(): void {
    this.#claimed = false;
  }

  /**
   * Makes the pool anew under its name. Those attached to the old object take what is left there, find it closed, and follow; lossless
   * readers miss nothing. False when another producer has taken the name.
   */
  #renew(): boolean {
    const old = this.#mapping;
    const mapping = renewForProducer(this.#system, old, this.#mode);
    if (mapping === null) return false;
    let kept: KeptPlaces | null = null;
    try {
      kept = KeptPlaces.keep(old, mapping, this.#backpressure.kept);
      this.#enter(mapping);
    } catch (error) {
      runSteps([
        () => kept?.close(),
        () => this.#system.unlinkObject(objectName(this.#metadata.name)),
        () => this.#system.unlock(mapping.fd, LOCK_PRODUCER),
        () => mapping.close(),
      ]);
      throw error;
    }
    const ringer = this.#ringer;
    this.#mapping = mapping;
    this.#ringer = new Ringer(mapping);
    this.#lengths = new SlotLengths(mapping);
    this.#name?.moveTo(mapping);
    everyStep([
      () => this.#backpressure.moveTo(mapping, kept),
      // The new one first: who hears that the old one is closed finds it.
      () => leave(old, ringer, () => {}),
      () => ringNewcomers(this.#system, this.#metadata.name),
    ]);
    return true;
  }

  /** Copies the first frame into the padding before it. Nobody reads any of it until the head moves. */
  #fillHistory(slot: number): void {
    const { geometry, system } = this.#mapping;
    const lengths = this.#metadata.varying ? this.#lengths.read(slot) : null;
    for (let back = 1; back < this.#metadata.historyLen; back++) {
      const to = (slot + geometry.slotCapacity - back) % geometry.slotCapacity;
      system.copy(this.#mapping.slotAddress(to), this.#mapping.slotAddress(slot), geometry.frameBytes);
      if (lengths !== null) this.#lengths.write(to, lengths);
    }
  }

  counters(): ProducerCounters {
    return readProducerCounters(this.#mapping);
  }

  share(): SharedPool {
    return shareMapping(this.#mapping);
  }

  close(): void {
    this.#name?.close();
    try {
      everyStep([() => this.#backpressure.close(), () => leave(this.#mapping, this.#ringer, () => unlinkOwn(this.#mapping))]);
    } catch (error) {
      throw translate(this.#metadata.name, error);
    }
  }
}

/** Takes the object's name. Somebody may have removed it by hand, and another may stand there now. */
function unlinkOwn({ system, metadata, fd }: Mapping): void {
  const name = objectName(metadata.name);
  if (system.statObject(name)?.identity === system.statDescriptor(fd).identity) system.unlinkObject(name);
}

/** Makes the pool's object, or takes over that of a dead producer. */
export function* openPool(metadata: PoolMetadata, { historyPad, mode }: NativeSinkOptions): Pieces<OpenedPool> {
  const trust: Trust = (mode & 0o002) !== 0 ? 'any' : (mode & 0o020) !== 0 ? 'group' : 'owner';
  try {
    return yield* openForProducer(platform().system(), { metadata, historyPad }, { mode, trust });
  } catch (error) {
    throw translate(metadata.name, error);
  }
}

/** Gives up what openPool has given: a new object goes, one that was taken over stays for the next producer. */
export function giveUp({ mapping, created }: OpenedPool): void {
  const { system, fd } = mapping;
  everyStep([() => created && unlinkOwn(mapping), () => system.unlock(fd, LOCK_PRODUCER), () => mapping.close()]);
}

/** The end of an object: its readers are told, its name goes, and then its producer's lock. */
function leave(mapping: Mapping, ringer: Ringer, unlink: () => void): void {
  everyStep([
    () => mapping.core.writerClose(mapping.handle),
    () => ringer.ring(),
    () => ringer.close(),
    () => unlinkDeadDoorbells(mapping),
    unlink,
    () => mapping.system.unlock(mapping.fd, LOCK_PRODUCER),
    () => mapping.close(),
  ]);
}
