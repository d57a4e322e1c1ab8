// The writing end of a native pool.

import { HANDLE_TIMESTAMP_NS, LOCK_PRODUCER } from '../../assembly/layout';
import { OK } from '../../assembly/status';
import type { Trust } from '../endpoint/options';
import type { ProducerCounters, Sink } from '../endpoint/sink';
import { poolError } from '../memory/core';
import type { Mapping, Window, WindowBuilder } from '../memory/mapping';
import { type SharedPool, shareMapping } from '../memory/share';
import { everyStep, runSteps } from '../runtime/steps';
import { type Address, type Platform, platform, type System } from '../runtime/system';
import type { HistoryPad, PoolMetadata } from '../tensor/metadata';
import { Backpressure, type OnPinned, POLICIES } from './backpressure';
import { readProducerCounters } from './counters';
import { Ringer, ringNewcomers, unlinkDeadDoorbells } from './doorbell';
import { type OpenedPool, openForProducer, translate } from './pool';
import { objectName } from './trust';

export interface NativeSinkOptions {
  readonly historyPad: HistoryPad;
  readonly onPinned: OnPinned;
  readonly waitTimeoutMs: number;
  readonly mode: number;
}

export class NativeSink implements Sink {
  readonly #metadata: PoolMetadata;
  readonly #platform: Platform;
  readonly #system: System;
  readonly #mapping: Mapping;
  readonly #ringer: Ringer;
  readonly #backpressure: Backpressure;
  readonly #pad: HistoryPad;
  #sequence: number;

  constructor(metadata: PoolMetadata, options: NativeSinkOptions) {
    const { historyPad, onPinned, waitTimeoutMs, mode } = options;
    this.#metadata = metadata;
    this.#platform = platform();
    this.#system = this.#platform.system();
    this.#pad = historyPad;
    const trust = (mode & 0o002) !== 0 ? 'any' : (mode & 0o020) !== 0 ? 'group' : 'owner';
    const { mapping, created } = this.#open(historyPad, mode, trust);
    this.#mapping = mapping;
    this.#backpressure = new Backpressure(mapping, onPinned, waitTimeoutMs);
    this.#ringer = new Ringer(mapping);
    const { core, handle } = mapping;
    try {
      mapping.setClock(this.#platform.monotonicNs());
      const code = core.writerOpen(handle, this.#system.pid, POLICIES[onPinned]);
      if (code !== OK) throw poolError(metadata.name, code);
      this.#sequence = core.writerSequence(handle);
      ringNewcomers(this.#system, metadata.name);
    } catch (error) {
      // A pool that was taken over stays as it was found, for the next producer. A new one goes.
      const leave = [() => this.#system.unlock(mapping.fd, LOCK_PRODUCER), () => mapping.close()];
      runSteps(created ? [() => this.close()] : leave);
      throw translate(metadata.name, error);
    }
  }

  #open(historyPad: HistoryPad, mode: number, trust: Trust): OpenedPool {
    const metadata = this.#metadata;
    try {
      return openForProducer(this.#system, { metadata, historyPad }, { mode, trust });
    } catch (error) {
      throw translate(metadata.name, error);
    }
  }

  get nextSequence(): number {
    return this.#sequence;
  }

  get windows(): WindowBuilder {
    return this.#mapping.windows;
  }

  claim(): number {
    return this.#backpressure.claim();
  }

  claimAsync(stillOpen: () => void): Promise<number> {
    return this.#backpressure.claimAsync(stillOpen);
  }

  window(slot: number): Window {
    return this.#mapping.window(slot, 1, false);
  }

  address(slot: number): Address {
    return this.#mapping.slotAddress(slot);
  }

  publish(slot: number, timestampNs: bigint | undefined): number {
    const mapping = this.#mapping;
    const { core, handle } = mapping;
    const sequence = this.#sequence;
    if (sequence === 0 && this.#pad === 'fill') this.#fillHistory(slot);
    if (timestampNs !== undefined) mapping.arena.i64[(handle + HANDLE_TIMESTAMP_NS) / 8] = timestampNs;
    mapping.setClock(this.#platform.monotonicNs());
    const waiting = core.writerCommit(handle, timestampNs === undefined ? 0 : 1);
    this.#sequence = sequence + 1;
    if (waiting !== 0 || this.#ringer.owes) this.#ringer.ring();
    return sequence;
  }

  /** Nothing to undo in the pool: the slot keeps its WRITING stamp, and the next frame is written over it. */
  abandon(): void {}

  /** Copies the first frame into the padding before it. Nobody reads any of it until the head moves. */
  #fillHistory(slot: number): void {
    const { geometry, system } = this.#mapping;
    for (let back = 1; back < this.#metadata.historyLen; back++) {
      const to = (slot + geometry.slotCapacity - back) % geometry.slotCapacity;
      system.copy(this.#mapping.slotAddress(to), this.#mapping.slotAddress(slot), geometry.frameBytes);
    }
  }

  counters(): ProducerCounters {
    return readProducerCounters(this.#mapping);
  }

  share(): SharedPool {
    return shareMapping(this.#mapping);
  }

  close(): void {
    const mapping = this.#mapping;
    try {
      everyStep([
        () => mapping.core.writerClose(mapping.handle),
        () => this.#ringer.ring(),
        () => this.#ringer.close(),
        () => this.#backpressure.close(),
        () => unlinkDeadDoorbells(mapping),
        () => this.#unlink(),
        () => this.#system.unlock(mapping.fd, LOCK_PRODUCER),
        () => mapping.close(),
      ]);
    } catch (error) {
      throw translate(this.#metadata.name, error);
    }
  }

  #unlink(): void {
    const name = objectName(this.#metadata.name);
    // Somebody may have removed the object by hand, and another may stand there now.
    if (this.#system.statObject(name)?.identity !== this.#system.statDescriptor(this.#mapping.fd).identity) return;
    this.#system.unlinkObject(name);
  }
}
