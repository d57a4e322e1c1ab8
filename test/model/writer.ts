// The writer of the model: publishes, backs off, reaps, waits, closes, dies, and is succeeded.

import type { Programs } from './lines';
import { P_WAIT } from './reader';
import type { Step } from './search';
import {
  ARMED,
  BORROWERS,
  BY_DOORBELL,
  BY_FUTEX,
  BYTES,
  CLAIM,
  CLOSED,
  EPOCH,
  get,
  HEAD,
  LENGTHS,
  NONE,
  R_CRASHES,
  R_DOORBELL,
  R_HOLD,
  R_LINE,
  R_LOCK,
  R_PROGRAM,
  R_SUB,
  R_VIEW,
  readerAt,
  SLOTS,
  STAMP,
  type State,
  stampDone,
  stampWriting,
  W_ANNOUNCED,
  W_BITS,
  W_CRASHES,
  W_DEAD,
  W_DOORBELL,
  W_INDEX,
  W_LINE,
  W_LOCK,
  W_PENDING,
  W_POSITION,
  W_PROGRAM,
  W_PUTS,
  W_SUB,
  WAITING,
  WAKES,
  type World,
} from './state';

export const P_PUBLISH = 0;
export const P_CLOSE = 1;
export const P_OPEN = 2;
export const P_FINISHED = 3;

// Within the line 'pins'.
const LOOK_BITS = 0;
const LOOK_HOLD = 1;
const LOOK_VIEW = 2;
const BLOCKED = 3;
const REAP_BITS = 4;
const REAP_PINS = 5;
const REAP_UNLOCK = 6;
const ANNOUNCE = 7;
const SLEEP = 8;
export const ASLEEP = 9;
const AWAKE = 10;
const WITHDRAW = 11;

/** FUTEX_WAKE on producerWaiting, or a byte into the producer's doorbell, as readers do it. */
export function wakeWriter(state: State, world: World, how: number): void {
  if (how === BY_DOORBELL) {
    state[W_DOORBELL] = 1;
    return;
  }
  if (world.writerSleeps === 'futex' && state[W_PROGRAM] === P_PUBLISH && state[W_SUB] === ASLEEP && state[W_DEAD] === 0)
    state[W_SUB] = AWAKE;
}

/** The line the writer is at, for invariants. */
export function writerLine(state: State, programs: Programs): string {
  const program = get(state, W_PROGRAM);
  const line = get(state, W_LINE);
  if (program === P_PUBLISH) return programs.publish[line] ?? '';
  return program === P_CLOSE ? (programs.close[line] ?? '') : '';
}

export function writerSteps(state: State, world: World, programs: Programs): Step[] {
  const out: Step[] = [];
  const { faults } = programs;
  const program = get(state, W_PROGRAM);
  if (program === P_FINISHED) return out;
  const step = (label: string, change: (next: State) => void): void => {
    const next = state.slice();
    change(next);
    out.push({ label: `writer: ${label}`, state: next });
  };
  const flush = (next: State): void => {
    if (next[W_PENDING] === 0) return;
    const slot = get(next, W_PENDING) - 1;
    next[STAMP + slot] = stampWriting(get(next, W_POSITION));
    next[W_PENDING] = 0;
  };
  if (state[W_DEAD] === 1) {
    step('successor takes the lock', (next) => {
      next[W_DEAD] = 0;
    });
    return out;
  }
  if (get(state, W_CRASHES) > 0) {
    step('dies', (next) => {
      flush(next); // what was executed becomes visible, whoever dies
      for (const at of [W_LINE, W_SUB, W_INDEX, W_BITS, W_ANNOUNCED, W_LOCK, W_DOORBELL]) next[at] = 0;
      // Closed is final: the next producer of the name makes another object.
      next[W_PROGRAM] = next[CLOSED] === 1 && !faults.has('a closed pool goes on') ? P_FINISHED : P_OPEN;
      next[W_DEAD] = 1;
      next[W_CRASHES] = get(next, W_CRASHES) - 1;
    });
  }
  if (get(state, W_PENDING) !== 0) step('stamp WRITING becomes visible', flush);

  const p = get(state, W_POSITION);
  const slot = p % SLOTS;
  const sub = get(state, W_SUB);
  const goTo = (next: State, line: number): void => {
    next[W_LINE] = line;
    next[W_SUB] = 0;
    next[W_INDEX] = 0;
  };
  /** The line is done: on to the next, to the next frame, or to the end. */
  const advance = (next: State): void => {
    goTo(next, get(next, W_LINE) + 1);
    if (program === P_CLOSE && next[W_LINE] === programs.close.length) next[W_PROGRAM] = P_FINISHED;
    if (program === P_PUBLISH && next[W_LINE] === programs.publish.length) {
      next[W_POSITION] = p + 1;
      finishPut(next);
    }
  };
  const finishPut = (next: State): void => {
    goTo(next, 0);
    next[W_PUTS] = get(next, W_PUTS) + 1;
    if (next[W_PUTS] === world.frames) next[W_PROGRAM] = P_CLOSE;
  };

  if (program === P_OPEN) {
    const line = get(state, W_LINE);
    if (line === 0) {
      step('opens at the head', (next) => {
        next[W_POSITION] = get(next, HEAD) + (faults.has('successor skips a position') ? 1 : 0);
        next[EPOCH] = get(next, EPOCH) + 1;
        next[W_LINE] = 1;
      });
    } else if (line === 1) {
      step('waiting := 0', (next) => {
        next[WAITING] = 0;
        next[W_LINE] = 2;
      });
    } else {
      step('state := OPEN', (next) => {
        // A successor has frames of its own to put.
        if (next[CLOSED] === 1) next[W_PUTS] = get(next, W_PUTS) - SLOTS;
        next[CLOSED] = 0;
        goTo(next, 0);
        next[W_PROGRAM] = next[W_PUTS] === world.frames ? P_CLOSE : P_PUBLISH;
      });
    }
    return out;
  }

  // Its event loop turns between two puts: a byte of a wait that is over.
  const betweenPuts = program === P_PUBLISH && get(state, W_LINE) === 0 && sub === 0 && state[W_ANNOUNCED] === 0;
  if (betweenPuts && get(state, W_DOORBELL) === 1) {
    step('reads a byte that it does not wait for', (next) => {
      next[W_DOORBELL] = 0;
    });
  }
  const line = (program === P_CLOSE ? programs.close : programs.publish)[get(state, W_LINE)];
  switch (line) {
    case 'claim':
      step('claim', (next) => {
        next[CLAIM + slot] = p;
        advance(next);
      });
      break;
    case 'pins':
      lookAtPins();
      break;
    case 'stamp':
      step('stamp := WRITING', (next) => {
        // A sequentially consistent store does not hold back the plain stores after it: it may stay invisible until a fence or the
        // next atomic access.
        next[W_PENDING] = slot + 1;
        advance(next);
      });
      break;
    case 'fence':
      step('fence', (next) => {
        flush(next);
        advance(next);
      });
      break;
    case 'bytes':
      step(`byte ${sub}`, (next) => {
        next[BYTES + 2 * slot + sub] = p;
        if (sub === 0) next[W_SUB] = 1;
        else advance(next);
      });
      break;
    case 'lengths':
      step('lengths', (next) => {
        next[LENGTHS + slot] = p;
        advance(next);
      });
      break;
    case 'done':
      step('stamp := DONE', (next) => {
        flush(next);
        next[STAMP + slot] = stampDone(p);
        advance(next);
      });
      break;
    case 'head':
      step('head', (next) => {
        flush(next);
        next[HEAD] = p + 1;
        advance(next);
      });
      break;
    case 'closed':
      step('state := CLOSED', (next) => {
        next[CLOSED] = 1;
        advance(next);
      });
      break;
    case 'ring':
      ring();
      break;
  }
  return out;

  function lookAtPins(): void {
    const index = get(state, W_INDEX);
    const at = readerAt(index);
    const doomed = p - SLOTS;
    /** The next consumer whose bit was set, or past the pins. */
    const nextEntry = (next: State, from: number): void => {
      let i = from;
      while (i < world.readers.length && (get(next, W_BITS) & (1 << i)) === 0) i++;
      if (i < world.readers.length) {
        next[W_INDEX] = i;
        next[W_SUB] = LOOK_HOLD;
        return;
      }
      next[W_BITS] = 0;
      if (next[W_ANNOUNCED] === 1) next[W_SUB] = WITHDRAW;
      else advance(next);
    };
    switch (sub) {
      case LOOK_BITS:
        step('load borrowers', (next) => {
          next[W_BITS] = get(next, BORROWERS);
          nextEntry(next, 0);
        });
        break;
      case LOOK_HOLD:
        step(`load hold ${index}`, (next) => {
          if (get(next, at + R_HOLD) <= doomed && !faults.has('holds ignored')) next[W_SUB] = BLOCKED;
          else if (world.policy === 'overwrite') nextEntry(next, index + 1);
          else next[W_SUB] = LOOK_VIEW;
        });
        break;
      case LOOK_VIEW:
        step(`load view ${index}`, (next) => {
          if (get(next, at + R_VIEW) <= doomed) next[W_SUB] = BLOCKED;
          else nextEntry(next, index + 1);
        });
        break;
      case BLOCKED:
        step(`try lock ${index}`, (next) => {
          if (next[at + R_LOCK] === 0 || faults.has('reaping without the lock')) {
            next[W_LOCK] = index + 1;
            next[W_SUB] = REAP_BITS;
          } else if (world.policy === 'drop') {
            next[W_BITS] = 0;
            finishPut(next);
          } else next[W_SUB] = next[W_ANNOUNCED] === 1 ? SLEEP : ANNOUNCE;
        });
        break;
      case REAP_BITS:
        step(`reap: bits of ${index}`, (next) => {
          next[BORROWERS] = get(next, BORROWERS) & ~(1 << index);
          next[ARMED] = get(next, ARMED) & ~(1 << index);
          next[W_SUB] = REAP_PINS;
        });
        break;
      case REAP_PINS:
        step(`reap: pins of ${index}`, (next) => {
          next[at + R_VIEW] = NONE;
          next[at + R_HOLD] = NONE;
          next[W_SUB] = REAP_UNLOCK;
        });
        break;
      case REAP_UNLOCK:
        step(`reap: unlock ${index}`, (next) => {
          next[W_LOCK] = 0;
          next[W_BITS] = 0;
          goTo(next, 0);
        });
        break;
      case ANNOUNCE:
        step('waiting := how', (next) => {
          next[WAITING] = world.writerSleeps === 'futex' ? BY_FUTEX : BY_DOORBELL;
          next[W_ANNOUNCED] = 1;
          next[W_BITS] = 0;
          if (faults.has('no second look before sleeping')) next[W_SUB] = SLEEP;
          else goTo(next, 0);
        });
        break;
      case SLEEP:
        step(world.writerSleeps === 'futex' ? 'FUTEX_WAIT' : 'back to the event loop', (next) => {
          next[W_BITS] = 0;
          next[W_SUB] = world.writerSleeps === 'fifo' || next[WAITING] === BY_FUTEX ? ASLEEP : AWAKE;
        });
        break;
      case ASLEEP:
        if (get(state, W_DOORBELL) === 1) {
          step('is rung', (next) => {
            next[W_DOORBELL] = 0;
            next[W_SUB] = AWAKE;
          });
        }
        // The pause of some tens of milliseconds is for the dead alone: with everybody alive it must not be needed.
        if (world.readers.some((_, i) => get(state, readerAt(i) + R_CRASHES) < world.readerCrashes)) {
          step('pause is over', (next) => {
            next[W_SUB] = AWAKE;
          });
        }
        break;
      case AWAKE:
        step('awake', (next) => {
          next[W_ANNOUNCED] = 0;
          goTo(next, 0);
        });
        break;
      case WITHDRAW:
        step('waiting := 0', (next) => {
          next[WAITING] = 0;
          next[W_ANNOUNCED] = 0;
          advance(next);
        });
        break;
    }
  }

  function ring(): void {
    const bits = get(state, W_BITS);
    const next = state.slice();
    next[W_SUB] = sub + 1;
    if (sub === 0) {
      if (state[ARMED] === 0) advance(next);
    } else if (sub === 1) {
      next[W_BITS] = get(state, ARMED);
      next[ARMED] = 0;
    } else if (sub === 2) next[WAKES] = get(state, WAKES) + 1;
    else {
      for (let i = 0; i < world.readers.length; i++) {
        const at = readerAt(i);
        if ((bits & (1 << i)) === 0) continue;
        if (world.sleeps === 'fifo') next[at + R_DOORBELL] = 1;
        else if (next[at + R_PROGRAM] === P_WAIT && programs.wait[get(next, at + R_LINE)] === 'sleep' && next[at + R_SUB] === 1)
          next[at + R_SUB] = 2;
      }
      next[W_BITS] = 0;
      advance(next);
    }
    out.push({ label: `writer: ring ${sub}`, state: next });
  }
}
