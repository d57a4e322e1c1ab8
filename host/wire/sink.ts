// The writing end of a Python pool: frames under semaphores, told of over DDS.

import { LOCK_PRODUCER } from '../../assembly/layout';
import type { DdsQos } from '../dds/library';
import { DdsParticipant } from '../dds/participant';
import { POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../dds/pool-types';
import type { DdsReader } from '../dds/reader';
import type { DdsTopic } from '../dds/topic';
import type { DdsWriter } from '../dds/writer';
import type { ProducerCounters, Sink } from '../endpoint/sink';
import { copyToShared } from '../memory/copy';
import type { SharedPool } from '../memory/share';
import type { Window, WindowBuilder } from '../memory/window';
import { translate } from '../native/pool';
import { checkFile } from '../native/trust';
import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { nameOthers } from '../runtime/participants';
import { everyStep, runSteps } from '../runtime/steps';
import { type Address, platform, type System, type Timer } from '../runtime/system';
import type { TypedArray } from '../tensor/dtype';
import type { PoolMetadata } from '../tensor/metadata';
import { checkWireForm, metadataTopic, progressTopic, wireObject } from './form';
import { LateJoiners } from './late-joiners';
import { unlinkLocks } from './lock-files';
import { Locks } from './locks';
import { encodeMetadata, encodeProgress } from './messages';
import { NameWatch } from './name-watch';
import { WireObject } from './object';
import { countOwn, otherProcesses, ownCount } from './participants';

/** The package's objects are its user's alone. */
const MODE = 0o600;
/** How long another producer has to show itself. Discovery on one machine takes some tens of milliseconds. */
const DISCOVERY_MS = 600;
/** How often the metadata is repeated, whoever has come. */
const ANNOUNCE_INTERVAL_MS = 500;
/** How often newcomers are looked for where nothing is put. */
const TICK_MS = 50;
/** Between two looks for a lock that is taken, where the event loop must not be blocked. */
const ASYNC_LOOK_MS = 1;
/** No more is counted of one of them, however late it comes. */
const LONGEST_LOOK_MS = 100;
/** A notice that is repeated bears a time that is this much before its own at most, and never after: clocks may be coarse. */
const REPEAT_EARLIER_NS = 100_000n;

export interface WireSinkOptions {
  readonly onPinned: 'wait' | 'drop';
  readonly waitTimeoutMs: number;
  readonly domainId: number;
  readonly repair: boolean;
}

export class WireSink implements Sink {
  readonly #metadata: PoolMetadata;
  readonly #system: System;
  readonly #options: WireSinkOptions;
  readonly #participant: DdsParticipant;
  readonly #object: WireObject;
  readonly #locks: Locks;
  readonly #announcement: Uint8Array;
  readonly #metadataWriter: DdsWriter;
  readonly #progressWriter: DdsWriter;
  readonly #writers: DdsWriter[] = [];
  readonly #timer: Timer;
  readonly #uncount: () => void;
  // A progress message for each slot: they are the same in every lap.
  readonly #progress: readonly Uint8Array[];
  #sequence = 0;
  readonly #lateJoiners: LateJoiners;
  #announcedMs = 0;
  #toldMs = 0;
  readonly #name: NameWatch;
  // Slot whose writer's lock is held, or -1.
  #held = -1;
  #framesRefused = 0;
  #waits = 0;
  // Whether somebody has heard that the timer's work failed.
  #warned = false;
  // Since when each put was refused, or 0.
  #refusedSinceMs = 0;

  constructor(metadata: PoolMetadata, options: WireSinkOptions) {
    checkWireForm(metadata);
    const { name, historyLen } = metadata;
    this.#metadata = metadata;
    this.#options = options;
    this.#system = platform().system();
    this.#announcement = encodeMetadata(metadata, this.#system.pid);
    this.#progress = Array.from({ length: historyLen }, (_, slot) => encodeProgress(name, slot));
    this.#participant = DdsParticipant.shared({ domainId: options.domainId });
    try {
      const topic = this.#participant.topic(metadataTopic(name), POOL_METADATA_TYPE);
      const rivals = this.#participant.reader(topic, POOL_QOS.metadataReader);
      try {
        this.#object = this.#create(rivals);
      } catch (error) {
        throw translate(name, error);
      } finally {
        // What was made is this producer's in any case; a reader that stays goes with its participant.
        runSteps([() => rivals.close()]);
      }
      this.#name = new NameWatch(this.#system, this.#object, () => this.#leave());
      this.#uncount = countOwn(name);
      this.#locks = new Locks(this.#system, name, historyLen, {
        trust: 'owner',
        timeoutMs: options.waitTimeoutMs,
        repair: () => this.#repair(),
        current: null,
      });
      try {
        const progress = this.#participant.topic(progressTopic(name), POOL_PROGRESS_TYPE);
        this.#metadataWriter = this.#writer(topic, POOL_QOS.metadataWriter);
        this.#progressWriter = this.#writer(progress, POOL_QOS.progressWriter);
        this.#announce();
        this.#lateJoiners = this.#watchLateJoiners();
      } catch (error) {
        runSteps([() => this.#takeBack()]);
        throw error;
      }
    } catch (error) {
      runSteps([() => this.#participant.close()]);
      throw error;
    }
    this.#timer = platform().every(TICK_MS, () => this.#tick());
  }

  #writer(topic: DdsTopic, qos: DdsQos): DdsWriter {
    const writer = this.#participant.writer(topic, qos);
    this.#writers.push(writer);
    return writer;
  }

  /** Makes the object anew under its name, unless a live producer has it. */
  #create(rivals: DdsReader): WireObject {
    const system = this.#system;
    const { name, historyLen, frameBytes } = this.#metadata;
    const object = wireObject(name);
    const before = system.openObject(object);
    if (before !== null) {
      try {
        checkFile(name, object, system.statDescriptor(before), system, 'owner');
        this.#refuseRival(before, rivals);
        system.unlinkObject(object);
      } finally {
        runSteps([() => system.close(before)]);
      }
    }
    const { fd, created } = system.openOrCreateObject(object, MODE);
    let keep = false;
    let removed = false;
    try {
      const { bytes, identity } = system.statDescriptor(fd);
      if (bytes !== 0 || !system.tryLock(fd, LOCK_PRODUCER) || system.statObject(object)?.identity !== identity)
        throw this.#rival();
      try {
        // What the dead took with them is not this pool's. Whoever still has those locks open has the old object, and keeps to it.
        unlinkLocks(system, name, historyLen);
        system.allocate(fd, historyLen * frameBytes);
        const made = new WireObject(system, fd, this.#metadata);
        keep = true;
        return made;
      } catch (error) {
        runSteps([() => system.unlinkObject(object)]);
        removed = true;
        throw error;
      }
    } catch (error) {
      // Not what a successor has made since.
      if (created && !removed) runSteps([() => system.statDescriptor(fd).bytes === 0 && system.unlinkObject(object)]);
      throw error;
    } finally {
      if (!keep) runSteps([() => system.close(fd)]);
    }
  }

  /** Another producer of ours holds the lock of its object; the package's shows itself on its topic. */
  #refuseRival(fd: number, rivals: DdsReader): void {
    // Held until the object is removed: another that starts at this instant must not have it meanwhile.
    if (!this.#system.tryLock(fd, LOCK_PRODUCER)) throw this.#rival();
    if (otherProcesses(this.#system, this.#metadata.name).length === 0) return;
    const deadline = steadyMs() + DISCOVERY_MS;
    const word = new Int32Array(1);
    while (steadyMs() < deadline) {
      if (rivals.liveliness.alive > 0) throw this.#rival();
      this.#system.futexWait(this.#system.addressOf(word), 0, 10); // nobody wakes it: a sleep
    }
  }

  #rival(): TensorIpcError {
    const { name } = this.#metadata;
    const others = nameOthers(this.#system, wireObject(name));
    return new TensorIpcError(
      'PRODUCER_EXISTS',
      `pool '${name}' has a live producer already${others === null ? '' : ` (its processes: ${others})`}: a pool has one; ` +
        'stop it, or choose another name',
    );
  }

  /** Frees the locks where nobody else can hold them. */
  #repair(): boolean {
    const { name } = this.#metadata;
    if (!this.#options.repair || ownCount(name) > 1 || otherProcesses(this.#system, name).length > 0) return false;
    this.#locks.reset();
    return true;
  }

  /** A slot that a reader took with it would refuse every frame from then on: after as long as others would wait, it is repaired. */
  #unstick(): boolean {
    const now = steadyMs();
    if (this.#refusedSinceMs === 0) this.#refusedSinceMs = now;
    if (now - this.#refusedSinceMs < this.#options.waitTimeoutMs) return false;
    this.#refusedSinceMs = now;
    return this.#repair();
  }

  #announce(): void {
    this.#announcedMs = steadyMs();
    this.#metadataWriter.write(this.#announcement);
  }

  #watchLateJoiners(): LateJoiners {
    const writer = this.#metadataWriter;
    return new LateJoiners({
      get readersSoFar() {
        return writer.readersSoFar;
      },
      announce: () => this.#announce(),
      // With its own time, by which readers of ours know it from a frame that came a whole lap later.
      repeat: () => {
        const sinceNs = BigInt(Math.round((steadyMs() - this.#toldMs) * 1e6)) + REPEAT_EARLIER_NS;
        const slot = (this.#sequence - 1) % this.#metadata.historyLen;
        this.#progressWriter.write(this.#progress[slot] as Uint8Array, this.#system.realtimeNs() - sinceNs);
      },
    });
  }

  /** Nobody could catch what is thrown here. The next one tries again. */
  #tick(): void {
    try {
      const now = steadyMs();
      if (!this.#name.check(now)) return;
      if (now - this.#announcedMs >= ANNOUNCE_INTERVAL_MS) this.#announce();
      this.#lateJoiners.look(now);
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      if (!this.#warned) platform().warn(`pool '${this.#metadata.name}': its announcement is behind: ${error.message}`);
      this.#warned = true;
    }
  }

  /** Its notices would be taken for those of the producer that has the name now. */
  #leave(): void {
    this.#timer.stop();
    everyStep(this.#writers.map((writer) => () => writer.close()));
  }

  get nextSequence(): number {
    return this.#sequence;
  }

  get windows(): WindowBuilder {
    return this.#object.windows;
  }

  get #slot(): number {
    return this.#sequence % this.#metadata.historyLen;
  }

  claim(): number {
    this.#name.assertOurs(steadyMs());
    const slot = this.#slot;
    if (!this.#locks.tryLockWrite(slot, 0)) {
      if (this.#options.onPinned === 'drop') {
        if (!this.#unstick() || !this.#locks.tryLockWrite(slot, 0)) {
          this.#framesRefused += 1;
          return -1;
        }
      } else {
        this.#waits += 1;
        this.#locks.lockWrite(slot);
      }
    }
    this.#refusedSinceMs = 0;
    return this.#hold(slot);
  }

  async claimAsync(stillOpen: () => void, use: (slot: number) => number): Promise<number> {
    this.#name.assertOurs(steadyMs());
    if (this.#options.onPinned === 'drop') return use(this.claim());
    let slot = this.#slot;
    if (this.#locks.tryLockWrite(slot, 0)) return use(this.#hold(slot));
    this.#waits += 1;
    let leftMs = this.#options.waitTimeoutMs;
    for (let beforeMs = steadyMs(); leftMs > 0; ) {
      await new Promise<void>((resolve) => void platform().after(ASYNC_LOOK_MS, resolve));
      stillOpen();
      this.#name.assertOurs(steadyMs());
      // A put may have taken the slot in between.
      slot = this.#slot;
      if (this.#locks.tryLockWrite(slot, 0)) return use(this.#hold(slot));
      // As where a thread is blocked: the time that a process was stopped does not count.
      const nowMs = steadyMs();
      leftMs -= Math.min(nowMs - beforeMs, LONGEST_LOOK_MS);
      beforeMs = nowMs;
    }
    if (!this.#repair() || !this.#locks.tryLockWrite(slot, 0)) throw this.#locks.stuck(slot);
    return use(this.#hold(slot));
  }

  /**
   * The slot is locked. A reader that died as it left may have kept what only readers take: a writer would never notice, and readers
   * would wait for ever.
   */
  #hold(slot: number): number {
    if (this.#options.repair && !this.#locks.mutexIsFree(slot)) {
      this.#locks.unlockWrite(slot);
      this.#repair();
      this.#locks.lockWrite(slot);
    }
    this.#held = slot;
    return slot;
  }

  window(slot: number): Window {
    return this.#object.window(slot, 1, false);
  }

  copyIn(slot: number, from: TypedArray): void {
    copyToShared(this.#system, this.window(slot).data, this.address(slot), from);
  }

  address(slot: number): Address {
    return this.#object.slotAddress(slot);
  }

  /** The package's messages have no room for a timestamp: readers take the time at which DDS was given the notice. */
  publish(slot: number): number {
    this.abandon(slot);
    const now = steadyMs();
    // It may have been lost while the slot was lent.
    this.#name.assertOurs(now);
    const sequence = this.#sequence;
    this.#sequence = sequence + 1;
    // Not only by the timer: a loop that never returns to the event loop has none.
    if (now - this.#announcedMs >= ANNOUNCE_INTERVAL_MS) this.#announce();
    this.#lateJoiners.serve(now);
    this.#lateJoiners.told(now);
    this.#toldMs = steadyMs();
    this.#progressWriter.write(this.#progress[slot] as Uint8Array);
    return sequence;
  }

  abandon(slot: number): void {
    if (this.#held !== slot) return;
    this.#held = -1;
    this.#locks.unlockWrite(slot);
  }

  counters(): ProducerCounters {
    return { framesRefused: this.#framesRefused, framesOverrun: 0, waits: this.#waits };
  }

  share(): SharedPool {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${this.#metadata.name}': pools on the Python package's wire are not shared between threads: attach in each thread`,
    );
  }

  close(): void {
    this.#timer.stop();
    everyStep([() => this.#held >= 0 && this.abandon(this.#held), () => this.#takeBack(), () => this.#participant.close()]);
  }

  /**
   * The names first: whoever hears the goodbye finds no pool any more. Of those the object's last: while it is there, with the lock on it,
   * there is no successor whose locks would be removed.
   */
  #takeBack(): void {
    const system = this.#system;
    const { name, historyLen } = this.#metadata;
    const object = wireObject(name);
    everyStep([
      () =>
        this.#object.named(object) && everyStep([() => unlinkLocks(system, name, historyLen), () => system.unlinkObject(object)]),
      ...this.#writers.map((writer) => () => writer.close()),
      () => this.#locks.close(),
      () => this.#object.close(),
      this.#uncount,
    ]);
  }
}
