// The object of a Python pool, mapped: nothing but frames, one behind the other, and once more right behind where pages allow it.

import { alignUp, reserveAlone, reserveInArena, type Space, vacateAlone } from '../memory/arena';
import { type Window, WindowBuilder } from '../memory/window';
import { WindowCache } from '../memory/window-cache';
import { TensorIpcError } from '../runtime/errors';
import { showSize } from '../runtime/sizes';
import { everyStep, runSteps } from '../runtime/steps';
import type { Address, System } from '../runtime/system';
import type { PoolMetadata } from '../tensor/metadata';

export class WireObject {
  readonly metadata: PoolMetadata;
  readonly windows: WindowBuilder;
  /** Of the file that is mapped, whatever stands under its name by now. */
  readonly identity: string;
  /** Whether windows may run over the end of the ring. */
  readonly mirrored: boolean;
  readonly #system: System;
  readonly #fd: number;
  readonly #space: Space;
  readonly #release: () => void;
  readonly #cache: WindowCache;
  #closed = false;

  /** Maps the object behind `fd`, which has the right size, and takes the descriptor over unless it throws. */
  constructor(system: System, fd: number, metadata: PoolMetadata) {
    const { historyLen, frameBytes } = metadata;
    const bytes = historyLen * frameBytes;
    this.#system = system;
    this.#fd = fd;
    this.metadata = metadata;
    this.windows = new WindowBuilder(metadata, frameBytes);
    this.identity = system.statDescriptor(fd).identity;
    this.mirrored = bytes % system.pageBytes === 0;
    const mapBytes = alignUp(bytes, system.pageBytes);
    const wanted = this.mirrored ? 2 * mapBytes : mapBytes;
    const place = reserveInArena(system, wanted);
    this.#space = place?.space ?? reserveAlone(system, wanted);
    const { buffer, byteOffset } = this.#space;
    this.#cache = new WindowCache(historyLen, (slot, count, latestFirst) =>
      this.windows.build(buffer, byteOffset + slot * frameBytes, count, latestFirst),
    );
    this.#release = () => {
      if (place === null) vacateAlone(system, this.#space);
      else place.arena.retire(place.space);
    };
    try {
      system.mapFixed(this.#space.address, mapBytes, fd, 0, true);
      if (this.mirrored) system.mapFixed(this.#space.address + mapBytes, mapBytes, fd, 0, true);
      system.prefault(this.#space.address, wanted, true);
    } catch (error) {
      runSteps([this.#release]);
      throw error;
    }
  }

  get fd(): number {
    return this.#fd;
  }

  slotAddress(slot: number): Address {
    return this.#space.address + slot * this.metadata.frameBytes;
  }

  /** The tensors of `count` frames, the oldest in `slot`, on the shared pages. Where it is not mirrored they must not wrap. */
  window(slot: number, count: number, latestFirst: boolean): Window {
    return this.#cache.window(slot, count, latestFirst);
  }

  /** Whether the name still leads to this object. */
  named(name: string): boolean {
    return this.#system.statObject(name)?.identity === this.identity;
  }

  /** Whether the name leads to another object. */
  replaced(name: string): boolean {
    const found = this.#system.statObject(name);
    return found !== null && found.identity !== this.identity;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cache.clear();
    everyStep([this.#release, () => this.#system.close(this.#fd)]);
  }
}

/** Throws unless an object of another process is what its metadata says. */
export function checkWireObject(system: System, pool: string, fd: number, metadata: PoolMetadata): void {
  const { bytes, allocatedBytes } = system.statDescriptor(fd);
  const expected = metadata.historyLen * metadata.frameBytes;
  if (bytes !== expected) {
    throw new TensorIpcError(
      'TRUNCATED_OBJECT',
      `pool '${pool}': its object has ${showSize(bytes)}, expected ${showSize(expected)} for ${metadata.toString()}`,
    );
  }
  // The Python package does not reserve its pages: those that it has not written yet are filled when they are touched.
  if (allocatedBytes < bytes && system.sharedMemorySpace().freeBytes < bytes - allocatedBytes) {
    throw new TensorIpcError('SHM_FULL', `pool '${pool}': /dev/shm has no room for the frames that its object still lacks`);
  }
}
