// Plays one writer and several readers against the core in seeded random order, one call of the core (or one chunk of bytes) at a
// time, and compares every answer with the model's.

import * as assert from 'uvu/assert';
import {
  CONSUMER_BYTES,
  CONSUMER_FRAMES_MISSED,
  CONSUMER_FRAMES_TAKEN,
  CONSUMER_LAST_POSITION,
  DOORBELL_FILE,
  DOORBELL_FUTEX,
  HANDLE_ARMED,
  HANDLE_CLOCK_NS,
  HANDLE_TIMESTAMP_NS,
  HANDLE_WAKE,
  HEADER_BYTES,
  HEADER_FRAMES_OVERRUN,
  HEADER_FRAMES_REFUSED,
  HEADER_WAITS,
  ON_PINNED_DROP,
  ON_PINNED_OVERWRITE,
  ON_PINNED_WAIT,
} from '../../assembly/layout';
import { LAPPED, OK, PINNED } from '../../assembly/status';
import type { Handle } from '../../host/memory/core';
import { type Copy, newReader, ProtocolModel, type Reader, type Window } from './core-model';
import { type Bench, buildPool, type TestPool } from './core-modules';
import type { Random } from './random';

export type Policy = 'wait' | 'drop' | 'overwrite';
const POLICY_NUMBER = { wait: ON_PINNED_WAIT, drop: ON_PINNED_DROP, overwrite: ON_PINNED_OVERWRITE };

/** A frame is written and copied in this many steps, so that others get in between. */
const CHUNKS = 4;
const CHUNK_WORDS = 4;
const FRAME_WORDS = CHUNKS * CHUNK_WORDS;
const MAX_VIEWS = 3;

/** What a run did, so that a test can see that it did something of everything. */
export interface Tally {
  steps: number;
  published: number;
  copies: number;
  lapped: number;
  pins: number;
  pinned: number;
  overrunViews: number;
  rings: number;
  wakes: number;
  reaped: number;
  takeovers: number;
  abandoned: number;
}

function wordOf(sequence: number, index: number): number {
  return sequence < 0 ? 0 : (Math.imul(sequence + 1, 0x9e3779b1) + index) >>> 0;
}

export class ProtocolDriver {
  readonly tally: Tally = {
    ...{ steps: 0, published: 0, copies: 0, lapped: 0, pins: 0, pinned: 0 },
    ...{ overrunViews: 0, rings: 0, wakes: 0, reaped: 0, takeovers: 0, abandoned: 0 },
  };
  readonly #bench: Bench;
  readonly #random: Random;
  readonly #policy: Policy;
  readonly #pool: TestPool;
  readonly #historyLen: number;
  readonly #model: ProtocolModel;
  #writer: Handle;
  /** The writer's own place: chunks written into the slot it claimed, or null. */
  #claimed: number | null = null;
  #clock = 1n;

  constructor(bench: Bench, random: Random, policy: Policy, readers: number, historyLen: number, spare: number) {
    this.#bench = bench;
    this.#random = random;
    this.#policy = policy;
    this.#historyLen = historyLen;
    this.#pool = buildPool(bench, { frameBytes: 4 * FRAME_WORDS, historyLen, slotCapacity: historyLen + spare });
    this.#writer = this.#pool.handle;
    assert.is(bench.core.writerOpen(this.#writer, 1, POLICY_NUMBER[policy]), OK);
    this.#model = new ProtocolModel(this.#pool.slotCapacity);
    for (let index = 0; index < readers; index++) {
      const handle = this.#pool.attach();
      assert.is(bench.core.consumerRegister(handle, index, 100 + index, 0, BigInt(index)), OK);
      this.#model.readers.push(newReader(index, handle));
    }
  }

  run(steps: number): Tally {
    for (let i = 0; i < steps; i++) {
      this.tally.steps += 1;
      if (this.#random.next() < 0.4) this.#writerStep();
      else this.#readerStep(this.#random.pick(this.#model.readers));
    }
    this.#checkCounters();
    return this.tally;
  }

  get #core() {
    return this.#bench.core;
  }

  // ---- checks --------------------------------------------------------------------------------------------------------

  #bit(reader: Reader): bigint {
    return 1n << BigInt(reader.index);
  }

  #slotWords(sequence: number): Uint32Array {
    return this.#bench.words(this.#pool.slot((sequence + this.#model.capacity) % this.#model.capacity), FRAME_WORDS);
  }

  #assertWindow(window: Window, what: string): void {
    for (let s = window.oldest; s <= window.sequence; s++) {
      const words = this.#slotWords(s);
      for (let i = 0; i < FRAME_WORDS; i++)
        if (words[i] !== wordOf(s, i)) assert.is(words[i], wordOf(s, i), `${what}, frame ${s}`);
    }
  }

  #noteTaken(reader: Reader, sequence: number): void {
    assert.is(this.#bench.getU64(reader.handle + HANDLE_TIMESTAMP_NS), this.#model.times[sequence], 'timestamp');
    if (reader.lastSequence !== null && sequence <= reader.lastSequence) return;
    reader.taken += 1;
    if (reader.lastSequence !== null) reader.missed += sequence - reader.lastSequence - 1;
    reader.lastSequence = sequence;
  }

  #checkCounters(): void {
    const { control } = this.#pool;
    assert.is(this.#bench.getU64(control + HEADER_FRAMES_REFUSED), this.#model.refused);
    assert.is(this.#bench.getU64(control + HEADER_FRAMES_OVERRUN), this.#model.overrun);
    assert.is(this.#bench.getU64(control + HEADER_WAITS), this.#model.waits);
    for (const reader of this.#model.readers) {
      const entry = control + HEADER_BYTES + reader.index * CONSUMER_BYTES;
      const last = reader.lastSequence === null ? 0 : reader.lastSequence + this.#model.capacity;
      assert.is(this.#bench.getU64(entry + CONSUMER_LAST_POSITION), BigInt(last));
      assert.is(this.#bench.getU64(entry + CONSUMER_FRAMES_TAKEN), BigInt(reader.taken));
      assert.is(this.#bench.getU64(entry + CONSUMER_FRAMES_MISSED), BigInt(reader.missed));
    }
  }

  // ---- writer --------------------------------------------------------------------------------------------------------

  #writerStep(): void {
    if (!this.#model.open) this.#takeOver();
    else if (this.#random.next() < 0.01) this.#takeOver();
    else if (this.#claimed === null) this.#begin();
    else if (this.#claimed < CHUNKS) {
      if (this.#random.next() < 0.02) {
        // A loan that is never committed: the slot stays as it is, and the next frame is written over it.
        this.#claimed = null;
        this.tally.abandoned += 1;
        return;
      }
      const words = this.#slotWords(this.#model.next);
      for (let i = this.#claimed * CHUNK_WORDS; i < (this.#claimed + 1) * CHUNK_WORDS; i++)
        words[i] = wordOf(this.#model.next, i);
      this.#claimed += 1;
    } else this.#commit();
  }

  /** A producer dies, or closes, wherever it is, and another goes on. */
  #takeOver(): void {
    if (this.#model.open && this.#random.next() < 0.3) {
      this.#core.writerClose(this.#writer);
      this.#model.open = false;
      return;
    }
    this.#writer = this.#takeoverHandle();
    assert.is(this.#core.writerOpen(this.#writer, 7, POLICY_NUMBER[this.#policy]), OK);
    assert.is(this.#core.writerSequence(this.#writer), this.#model.next, 'the sequence goes on');
    this.#model.open = true;
    this.#claimed = null;
    this.#model.waiting = 0;
    this.tally.takeovers += 1;
  }

  #takeoverHandle(): Handle {
    // Half of the time by a new participant; handles are few, so the others reuse the last.
    return this.tally.takeovers < 100 ? this.#pool.attach() : this.#writer;
  }

  #begin(): void {
    const ignoreViews = this.#policy === 'overwrite';
    if (ignoreViews) {
      const overruns = this.#core.writerOverruns(this.#writer) !== 0;
      assert.is(overruns, this.#model.blocker(false) >= 0, 'overruns');
      if (overruns) {
        this.#core.writerCountOverrun(this.#writer);
        this.#model.overrun += 1n;
      }
    }
    const blocker = this.#model.blocker(ignoreViews);
    assert.is(this.#core.writerBlocker(this.#writer, 0, ignoreViews ? 1 : 0), blocker, 'who is in the way');
    const slot = this.#core.writerBegin(this.#writer, ignoreViews ? 1 : 0);
    if (blocker < 0) {
      assert.is(slot, this.#model.next % this.#model.capacity, 'slot');
      this.#model.writing = true;
      this.#claimed = 0;
      return;
    }
    assert.is(slot, PINNED, 'a pinned frame is not given to the writer');
    this.tally.pinned += 1;
    const culprit = this.#model.readers[blocker] as Reader;
    if (!culprit.alive) this.#reap(culprit);
    else if (this.#policy === 'drop') {
      this.#core.writerCountRefused(this.#writer);
      this.#model.refused += 1n;
    } else if (this.#random.next() < 0.5) {
      this.#core.writerCountWait(this.#writer);
      this.#model.waits += 1n;
      this.#core.writerSetWaiting(this.#writer, 1);
      this.#model.waiting = 1;
    }
  }

  #reap(reader: Reader): void {
    assert.is(this.#core.consumerReap(this.#writer, reader.index), OK);
    this.#model.armed &= ~this.#bit(reader);
    this.tally.reaped += 1;
    this.#replace(reader);
  }

  /** Somebody new has the entry. */
  #replace(reader: Reader): void {
    assert.is(this.#core.consumerRegister(reader.handle, reader.index, 1, 0, 1n), OK);
    this.#takeWaiting(this.#bench.getU32(reader.handle + HANDLE_WAKE));
    Object.assign(reader, newReader(reader.index, reader.handle));
  }

  #commit(): void {
    const sequence = this.#model.next;
    this.#clock += BigInt(this.#random.integer(0, 1_000_000));
    this.#bench.setU64(this.#writer + HANDLE_CLOCK_NS, this.#clock);
    const own = this.#random.next() < 0.5;
    if (own) this.#bench.setU64(this.#writer + HANDLE_TIMESTAMP_NS, BigInt(sequence) * 7n);
    this.#model.times[sequence] = own ? BigInt(sequence) * 7n : this.#clock;
    assert.is(this.#core.writerCommit(this.#writer, own ? 1 : 0), this.#model.armed === 0n ? 0 : 1, 'somebody is armed');
    this.#model.next += 1;
    this.#model.writing = false;
    this.#claimed = null;
    this.tally.published += 1;
    // A producer may be slow to ring: the bits wait.
    if (this.#random.next() < 0.7) this.#ring();
  }

  #ring(): void {
    const armed = this.#model.armed;
    assert.is(this.#core.writerTakeArmed(this.#writer), armed === 0n ? 0 : 1, 'the doorbell');
    assert.is(this.#bench.getU64(this.#writer + HANDLE_ARMED), armed, 'exactly those who armed themselves');
    if (armed !== 0n) {
      this.#model.wakeCount += 1;
      this.tally.rings += 1;
    }
    this.#model.armed = 0n;
  }

  // ---- readers -------------------------------------------------------------------------------------------------------

  #readerStep(reader: Reader): void {
    if (!reader.alive) return;
    const count = this.#random.integer(1, this.#historyLen);
    if (reader.copy !== null && this.#random.next() < 0.6) this.#copyStep(reader, reader.copy);
    else {
      switch (this.#random.integer(0, 9)) {
        case 0:
          assert.is(this.#core.readerLatest(reader.handle), this.#model.latest());
          assert.is(this.#core.readerSpin(reader.handle, this.#model.next - 1, 3), this.#model.latest());
          break;
        case 1:
        case 2:
          this.#copyBegin(reader, count);
          break;
        case 3:
          // A hold lasts for one copy, during which its reader does nothing else with its pins.
          if (reader.hold === null && reader.views.length < MAX_VIEWS) this.#pin(reader, count);
          break;
        case 4:
        case 5:
          for (const view of reader.views) this.#checkView(reader, view);
          break;
        case 6:
          this.#unpin(reader);
          break;
        case 7:
          this.#holdOrUnhold(reader, count);
          break;
        case 8:
          this.#doorbell(reader);
          break;
        default:
          if (this.#random.next() < 0.03) this.#leave(reader);
      }
    }
  }

  #copyBegin(reader: Reader, count: number): void {
    const sequence = this.#model.latest();
    if (sequence < 0) return;
    const oldest = sequence - count + 1;
    const slot = this.#core.readerCopyBegin(reader.handle, sequence, count);
    assert.is(
      slot,
      this.#model.there(oldest) ? (oldest + this.#model.capacity) % this.#model.capacity : LAPPED,
      'begin of a copy',
    );
    reader.copy = slot < 0 ? null : { sequence, count, oldest, words: new Uint32Array(count * FRAME_WORDS), chunk: 0 };
  }

  #copyStep(reader: Reader, copy: Copy): void {
    if (copy.chunk < CHUNKS) {
      for (let i = 0; i < copy.count; i++) {
        const from = this.#slotWords(copy.oldest + i);
        const at = copy.chunk * CHUNK_WORDS;
        copy.words.set(from.subarray(at, at + CHUNK_WORDS), i * FRAME_WORDS + at);
      }
      copy.chunk += 1;
      return;
    }
    reader.copy = null;
    const result = this.#core.readerCopyEnd(reader.handle, copy.sequence, copy.count);
    assert.is(result, this.#model.there(copy.oldest) ? OK : LAPPED, 'end of a copy');
    if (result !== OK) {
      this.tally.lapped += 1;
      return;
    }
    for (let i = 0; i < copy.words.length; i++) {
      const wanted = wordOf(copy.oldest + Math.floor(i / FRAME_WORDS), i % FRAME_WORDS);
      if (copy.words[i] !== wanted) assert.is(copy.words[i], wanted, `torn copy of ${copy.count} frames to ${copy.sequence}`);
    }
    this.#noteTaken(reader, copy.sequence);
    this.tally.copies += 1;
  }

  #pin(reader: Reader, count: number): void {
    const sequence = this.#core.readerPin(reader.handle, count);
    assert.is(sequence, this.#model.latest(), 'pin');
    if (sequence < 0) return;
    const view = { sequence, count, oldest: sequence - count + 1 };
    reader.views.push(view);
    this.#noteTaken(reader, sequence);
    this.#checkView(reader, view);
    this.tally.pins += 1;
  }

  #checkView(reader: Reader, view: Window): void {
    const there = this.#model.there(view.oldest);
    assert.is(this.#core.readerIntact(reader.handle, view.oldest) !== 0, there, 'intact');
    if (there) this.#assertWindow(view, 'view');
    else {
      assert.is(this.#policy, 'overwrite', 'a pinned frame was overwritten');
      this.tally.overrunViews += 1;
    }
  }

  #unpin(reader: Reader): void {
    if (reader.views.length === 0) return;
    const [view] = reader.views.splice(this.#random.integer(0, reader.views.length - 1), 1);
    this.#checkView(reader, view as Window);
    const oldest = Math.min(...reader.views.map((other) => other.oldest));
    const woken =
      oldest === Number.POSITIVE_INFINITY
        ? this.#core.readerUnpin(reader.handle)
        : this.#core.readerUnpinTo(reader.handle, oldest);
    this.#takeWaiting(woken);
  }

  #takeWaiting(woken: number): void {
    assert.is(woken, this.#model.waiting, 'a waiting producer is woken, once');
    this.tally.wakes += woken;
    this.#model.waiting = 0;
  }

  #holdOrUnhold(reader: Reader, count: number): void {
    if (reader.hold === null) {
      const sequence = this.#core.readerHold(reader.handle, count);
      assert.is(sequence, this.#model.latest(), 'hold');
      if (sequence < 0) return;
      reader.hold = { sequence, count, oldest: sequence - count + 1 };
      this.#noteTaken(reader, sequence);
      return;
    }
    // Holds are honoured under every policy.
    assert.ok(this.#model.there(reader.hold.oldest), 'a held frame was overwritten');
    this.#assertWindow(reader.hold, 'hold');
    reader.hold = null;
    this.#takeWaiting(this.#core.readerUnhold(reader.handle));
  }

  #doorbell(reader: Reader): void {
    assert.is(this.#core.consumerWakeCount(reader.handle), this.#model.wakeCount, 'the futex word counts the rings');
    if (this.#random.next() < 0.8) {
      this.#core.consumerArm(reader.handle, this.#random.pick([DOORBELL_FILE, DOORBELL_FUTEX]));
      this.#model.armed |= this.#bit(reader);
    } else {
      this.#core.consumerDisarm(reader.handle);
      this.#model.armed &= ~this.#bit(reader);
    }
  }

  /** Dies, pins and all, or leaves in order and somebody else takes the entry. */
  #leave(reader: Reader): void {
    if (this.#random.next() < 0.5) {
      if (reader.views.length > 0 || reader.hold !== null) {
        // Only whoever is in the way is ever reaped.
        reader.alive = this.#policy === 'overwrite' && reader.hold === null;
      }
      return;
    }
    this.#takeWaiting(this.#core.consumerUnregister(reader.handle));
    this.#model.armed &= ~this.#bit(reader);
    this.#replace(reader);
  }
}
