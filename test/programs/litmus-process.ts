// One process of the litmus suite. It shares pools with the others through its own mapping, and races on their words: through the
// core's exports where they do what is wanted, else with atomics on the mapped words.

import 'tensor-ipc';
import { CONSUMER_HOLD_PIN, CONSUMER_VIEW_PIN, DOORBELL_FUTEX, HEADER_BORROWERS } from '../../assembly/layout';
import { LAPPED, OK, PINNED } from '../../assembly/status';
import { platform } from '../../host/runtime/system';
import { serve } from '../support/child';
import { attach, type Words } from '../support/litmus-words';
import { BOARD_DONE, BOARD_STRIDE, FRAME_WORDS, type Report, type Task, WORD_STEP } from './litmus-task';

const NONE = -1n; // 2^64 - 1
const SPINS = 3000;
const RETOLD = 32;
const NAP = new Int32Array(new SharedArrayBuffer(4));
const PARENT = process.ppid;
/** A process in a race hears no event: it sees for itself that the test has died. */
function leaveIfOrphaned(): void {
  if (process.ppid !== PARENT) process.exit(1);
}
/** Lets another process have the core: there may be fewer cores than processes. */
function nap(): void {
  leaveIfOrphaned();
  Atomics.wait(NAP, 0, 0, 0.02);
}

function run(task: Task): Report {
  const board = attach(task.board);
  const signs = board.frame(0);
  const pools = task.pools.map(attach);
  const pool = pools[0] as Words;
  const { core, handle } = pool;
  const { index, parties, runs, broken } = task;

  let round = 0;
  /** Waits until all have come here. */
  const barrier = () => {
    round += 1;
    Atomics.store(signs, index * BOARD_STRIDE, round);
    for (let other = 0; other < parties; other++) {
      for (let spins = 0; Atomics.load(signs, other * BOARD_STRIDE) < round; spins++) if (spins > SPINS) nap();
    }
  };
  const othersAreDone = () => Atomics.load(signs, BOARD_DONE) === 1;
  const counts: Record<string, number> = {};
  const count = (outcome: string) => {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  };
  /** Rounds: everybody puts its words back, and then all run at once, each after a moment of its own. */
  const rounds = (reset: () => void, race: () => number): Report => {
    const seen = new Uint8Array(runs);
    for (let i = 0; i < runs; i++) {
      reset();
      barrier();
      for (let moment = (i * (index + 3)) % 23; moment > 0; moment--) Atomics.load(NAP, 0);
      seen[i] = race();
      barrier();
    }
    return { seen };
  };
  /** Reads until enough outcomes have been counted; the last reader to end stops the writers. */
  const reads = (look: () => string | null): Report => {
    for (let taken = 0, idle = 0; taken < runs; ) {
      const outcome = look();
      if (outcome !== null) {
        count(outcome);
        taken += 1;
        idle = 0;
      } else if (++idle > SPINS) nap();
    }
    return { counts };
  };
  const register = () => {
    if (core.consumerRegister(handle, index, process.pid, 0, 0n) !== OK) throw new Error('no table entry');
    Atomics.or(pool.i64, (pool.mapping.controlOffset + HEADER_BORROWERS) / 8, 1n << BigInt(index));
  };
  /** Puts a frame whose words hold `value`, or else its position. False when it is in somebody's way. */
  const put = (to: Words, value: number | null): boolean => {
    const slot = to.core.writerBegin(to.handle, task.ignoreViews ? 1 : 0);
    if (slot === PINNED) return false;
    const position = to.head();
    const frame = to.frames[slot] as Uint32Array;
    if (broken === 'head first') Atomics.store(to.u32, to.headAt, position + 1);
    if (broken !== 'length last') to.u32[to.lengthAt(position)] = value ?? position;
    for (let i = 0; i < FRAME_WORDS; i += WORD_STEP) frame[i] = value ?? position;
    to.core.writerCommit(to.handle, 0);
    if (broken === 'length last') to.u32[to.lengthAt(position)] = value ?? position;
    return true;
  };
  const puts = (): Report => {
    core.writerOpen(handle, process.pid, 0);
    barrier();
    for (let blocked = 0; !othersAreDone(); ) {
      if (put(pool, null)) {
        count('put');
        blocked = 0;
        if (((counts['put'] as number) & 0xffff) === 0) leaveIfOrphaned();
      } else if (++blocked > SPINS) nap();
    }
    return { counts };
  };

  const viewPin = () => pool.entryAt(CONSUMER_VIEW_PIN);
  try {
    switch (task.role) {
      case 'claim': {
        core.writerOpen(handle, process.pid, 0);
        const position = pool.head();
        return rounds(
          () => {
            Atomics.store(pool.u32, pool.claimAt(position), position - pool.capacity);
            Atomics.store(pool.u32, pool.stampAt(position), 2 * (position - pool.capacity) + 2);
          },
          () => (core.writerBegin(handle, 0) === PINNED ? 1 : 0),
        );
      }
      case 'pin': {
        register();
        const doomed = pool.head() - pool.capacity;
        const claim = pool.claimAt(doomed);
        const at = viewPin();
        const seesClaim = () => (Atomics.load(pool.u32, claim) === doomed ? 0 : 1);
        return rounds(
          () => Atomics.store(pool.i64, at, NONE),
          () => {
            if (broken === 'claim before pin') {
              const saw = seesClaim();
              Atomics.store(pool.i64, at, BigInt(doomed));
              return saw;
            }
            // A plain store may wait in the processor's store buffer while the load goes ahead, on x86-64 too.
            if (broken === 'plain store') pool.i64[at] = 0n;
            else Atomics.store(pool.i64, at, BigInt(doomed));
            return seesClaim();
          },
        );
      }
      case 'pin again': {
        register();
        const doomed = pool.head() - pool.capacity;
        const claim = pool.claimAt(doomed);
        const at = viewPin();
        const bits = (pool.mapping.controlOffset + HEADER_BORROWERS) / 8;
        const bit = 1n << BigInt(index);
        return rounds(
          () => {
            core.readerUnpin(handle);
            core.readerRest(handle);
            if ((Atomics.load(pool.i64, bits) & bit) !== 0n) throw new Error('the bit is still set');
          },
          () => {
            // What readerPin does, which would go on to other frames.
            if (broken !== 'bit last') Atomics.or(pool.i64, bits, bit);
            Atomics.store(pool.i64, at, BigInt(doomed));
            const saw = Atomics.load(pool.u32, claim) === doomed ? 0 : 1;
            if (broken === 'bit last') Atomics.or(pool.i64, bits, bit);
            return saw;
          },
        );
      }
      case 'commit':
        core.writerOpen(handle, process.pid, 0);
        return rounds(
          () => {
            core.writerTakeArmed(handle);
            core.writerBegin(handle, 0);
          },
          () => core.writerCommit(handle, 0),
        );
      case 'arm': {
        register();
        let head = 0;
        return rounds(
          () => {
            head = pool.head();
          },
          () => {
            if (broken === 'head before armed') {
              const saw = pool.head() > head ? 1 : 0;
              core.consumerArm(handle, DOORBELL_FUTEX);
              return saw;
            }
            core.consumerArm(handle, DOORBELL_FUTEX);
            return pool.head() > head ? 1 : 0;
          },
        );
      }
      case 'announce':
        core.writerOpen(handle, process.pid, 0);
        return rounds(
          () => core.writerSetWaiting(handle, 0),
          () => {
            if (broken === 'pins before waiting') {
              const blocked = core.writerBlocker(handle, 0, 0) >= 0 ? 1 : 0;
              core.writerSetWaiting(handle, 1);
              return blocked;
            }
            core.writerSetWaiting(handle, 1);
            return core.writerBlocker(handle, 0, 0) >= 0 ? 1 : 0;
          },
        );
      case 'unpin': {
        register();
        const doomed = BigInt(pool.head() - pool.capacity);
        const at = viewPin();
        return rounds(
          () => Atomics.store(pool.i64, at, doomed),
          () => core.readerUnpin(handle),
        );
      }
      case 'put':
        return puts();
      case 'publish': {
        let last = pool.head() - 1;
        barrier();
        return reads(() => {
          const position = pool.head() - 1;
          if (position === last) return null;
          last = position;
          const done = 2 * position + 2;
          const before = Atomics.load(pool.u32, pool.stampAt(position));
          if (before < done) return 'head without its frame';
          const whole = pool.holds(position);
          Atomics.add(NAP, 0, 0); // a fence: the bytes were read before the stamp is read again
          if (Atomics.load(pool.u32, pool.stampAt(position)) !== done) return 'overtaken';
          return whole ? 'frame' : 'stamp without its bytes';
        });
      }
      case 'copy': {
        register();
        barrier();
        const own = new Uint32Array(FRAME_WORDS);
        return reads(() => {
          const sequence = core.readerLatest(handle);
          if (sequence < 0) return null;
          const slot = core.readerCopyBegin(handle, sequence, 1);
          if (slot === LAPPED) return 'retry';
          const frame = pool.frames[slot] as Uint32Array;
          const wanted = sequence + pool.capacity;
          const lengthAt = pool.lengthAt(wanted);
          let length = pool.u32[lengthAt] as number;
          for (let i = 0; i < FRAME_WORDS; i += WORD_STEP) own[i] = frame[i] as number;
          if (broken !== 'no second look' && core.readerCopyEnd(handle, sequence, 1) !== OK) return 'retry';
          if (broken === 'length behind the second look') length = pool.u32[lengthAt] as number;
          if (length !== wanted) return 'torn';
          for (let i = 0; i < FRAME_WORDS; i += WORD_STEP) if (own[i] !== wanted) return 'torn';
          return 'whole';
        });
      }
      case 'view': {
        register();
        barrier();
        let last = -1;
        return reads(() => {
          const sequence = core.readerPin(handle, 2);
          if (sequence < 0) return sequence === LAPPED ? 'lapped' : null;
          // Of two processes, each of which has a core, only new frames count.
          if (parties === 2 && sequence === last) {
            core.readerUnpin(handle);
            return null;
          }
          last = sequence;
          const oldest = sequence - 1 + pool.capacity;
          if (broken === 'unpin first') core.readerUnpin(handle);
          const whole = pool.holds(oldest) && pool.holds(oldest);
          if (broken !== 'unpin first') core.readerUnpin(handle);
          return whole ? 'whole' : 'changed';
        });
      }
      case 'valid': {
        register();
        barrier();
        let last = -1;
        return reads(() => {
          const sequence = core.readerPin(handle, 1);
          if (sequence < 0) return sequence === LAPPED ? 'lapped' : null;
          if (sequence === last) {
            core.readerUnpin(handle);
            return null;
          }
          last = sequence;
          const whole = pool.holds(sequence + pool.capacity);
          const valid = broken === 'no look' || core.readerIntact(handle, sequence) !== 0;
          core.readerUnpin(handle);
          return !valid ? 'lapped' : whole ? 'whole' : 'changed';
        });
      }
      case 'lossless': {
        register();
        const at = pool.entryAt(CONSUMER_HOLD_PIN);
        // Everybody joins before the first frame.
        let cursor = pool.head();
        Atomics.store(pool.i64, at, BigInt(cursor));
        barrier();
        const outcome = reads(() => {
          if (pool.head() <= cursor) return null;
          if (broken === 'cursor first') Atomics.store(pool.i64, at, BigInt(cursor + 1));
          const whole = pool.holds(cursor) && pool.holds(cursor);
          cursor += 1;
          if (broken !== 'cursor first') Atomics.store(pool.i64, at, BigInt(cursor));
          return whole ? 'next frame' : 'another frame';
        });
        Atomics.store(pool.i64, at, NONE);
        return outcome;
      }
      case 'relay': {
        // Tells in the second pool what it has seen in the first.
        const to = pools[1] as Words;
        to.core.writerOpen(to.handle, process.pid, 0);
        barrier();
        for (let last = 0, times = 0, idle = 0; !othersAreDone(); ) {
          const head = pool.head();
          // A few times the same, lest the reader wait for one of the three who has no core.
          times = head > last ? 0 : times + 1;
          if (times < RETOLD) {
            last = head;
            idle = 0;
            put(to, head);
            count('relayed');
          } else if (++idle > SPINS) nap();
        }
        return { counts };
      }
      case 'causal': {
        const told = pools[1] as Words;
        barrier();
        return reads(() => {
          const early = pool.head();
          const position = told.head() - 1;
          if (position < told.capacity) return null;
          if (Atomics.load(told.u32, told.stampAt(position)) !== 2 * position + 2) return 'retry';
          const cause = told.frame(position)[0] as number;
          Atomics.add(NAP, 0, 0);
          if (Atomics.load(told.u32, told.stampAt(position)) !== 2 * position + 2) return 'retry';
          return (broken === 'cause first' ? early : pool.head()) >= cause ? 'cause and effect' : 'effect without its cause';
        });
      }
      case 'log-ab':
      case 'log-ba': {
        // What is stored is always (first pool, second pool), in whatever order they were read.
        const [a, b] = pools as [Words, Words];
        const aFirst = task.role === 'log-ab' || broken === 'reads a first';
        const log = new Uint32Array(2 * runs);
        barrier();
        // A look that sees nothing new proves nothing, and is not counted.
        for (let i = 0, lastA = 0, lastB = 0, idle = 0; i < runs; ) {
          const first = (aFirst ? a : b).head();
          const second = (aFirst ? b : a).head();
          const headA = aFirst ? first : second;
          const headB = aFirst ? second : first;
          if (headA === lastA && headB === lastB) {
            if (++idle > SPINS) nap();
            continue;
          }
          idle = 0;
          lastA = headA;
          lastB = headB;
          log[2 * i] = headA;
          log[2 * i + 1] = headB;
          i += 1;
        }
        return { log };
      }
      default:
        throw new Error(`unknown role ${task.role}`);
    }
  } finally {
    for (const words of [board, ...pools]) {
      words.mapping.unmap();
      platform().system().close(words.mapping.fd);
    }
  }
}

serve((message) => run(message as Task));
