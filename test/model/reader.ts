// The readers of the model: copy, view, hold and lossless, with waiting, dying, and newcomers in the entries of the dead.

import type { Programs } from './lines';
import type { Step } from './search';
import {
  ARMED,
  BORROWERS,
  BY_FUTEX,
  BYTES,
  CLAIM,
  CLOSED,
  EPOCH,
  get,
  HEAD,
  LENGTHS,
  NONE,
  R_BAD,
  R_CRASHES,
  R_DOORBELL,
  R_EPOCH,
  R_HEAD,
  R_HOLD,
  R_LINE,
  R_LOADED,
  R_LOCK,
  R_MEASURED,
  R_PROGRAM,
  R_RETURNS,
  R_ROUNDS,
  R_SEEN,
  R_SUB,
  R_TRIES,
  R_VIEW,
  R_WAKES,
  readerAt,
  SLOTS,
  STAMP,
  type State,
  stampDone,
  W_DEAD,
  W_LOCK,
  WAITING,
  WAKES,
  type World,
} from './state';
import { wakeWriter } from './writer';

export const P_START = 0;
export const P_WAIT = 1;
export const P_READ = 2;
export const P_LEAVE = 3;
export const P_GONE = 4;
export const P_DEAD = 5;
const P_REGISTER = 6;

export function readerSteps(state: State, index: number, world: World, programs: Programs): Step[] {
  const out: Step[] = [];
  const at = readerAt(index);
  const kind = world.readers[index];
  const bit = 1 << index;
  const lossless = kind === 'lossless' || kind === 'oldest';
  const program = get(state, at + R_PROGRAM);
  if (program === P_GONE) return out;
  const step = (label: string, change: (next: State) => string | undefined | void): void => {
    const next = state.slice();
    const violation = change(next);
    out.push({ label: `${kind} ${index}: ${label}`, state: next, ...(typeof violation === 'string' ? { violation } : {}) });
  };
  const enter = (next: State, to: number): void => {
    next[at + R_PROGRAM] = to;
    for (const clear of [R_LINE, R_SUB, R_LOADED, R_MEASURED, R_BAD, R_TRIES]) next[at + clear] = 0;
    if (to !== P_READ && to !== P_START) next[at + R_HEAD] = 0;
  };
  const begin = (next: State): void => enter(next, lossless ? P_START : world.sleeps === null ? P_READ : P_WAIT);

  if (program === P_DEAD) {
    // A newcomer takes the entry as soon as its lock is free.
    if (get(state, at + R_RETURNS) > 0 && get(state, W_LOCK) !== index + 1) {
      step('newcomer takes the lock', (next) => {
        next[at + R_RETURNS] = 0;
        next[at + R_LOCK] = 1;
        for (const clear of [R_SEEN, R_ROUNDS, R_DOORBELL, R_EPOCH, R_WAKES]) next[at + clear] = clear === R_SEEN ? SLOTS : 0;
        enter(next, P_REGISTER);
        if (programs.register.length === 0) begin(next);
      });
    }
    return out;
  }
  if (get(state, at + R_CRASHES) > 0) {
    step('dies', (next) => {
      enter(next, P_DEAD);
      next[at + R_LOCK] = 0;
      next[at + R_CRASHES] = get(next, at + R_CRASHES) - 1;
    });
  }

  const read = lossless ? programs.take : kind === 'copy' ? programs.copy : kind === 'view' ? programs.view : programs.hold;
  const start = lossless ? programs.join : [];
  const byProgram: readonly (readonly string[])[] = [start, programs.wait, read, programs.leave, [], [], programs.register];
  const lines = byProgram[program] ?? [];
  const advance = (next: State): void => {
    next[at + R_LINE] = get(next, at + R_LINE) + 1;
    next[at + R_SUB] = 0;
    if (get(next, at + R_LINE) < lines.length) return;
    if (program === P_REGISTER) begin(next);
    else if (program === P_START) enter(next, P_WAIT);
    else if (program === P_READ) {
      next[at + R_ROUNDS] = lossless ? 0 : get(next, at + R_ROUNDS) + 1;
      if (!lossless) next[at + R_SEEN] = get(next, at + R_HEAD);
      if (lossless) enter(next, P_WAIT);
      else if (next[at + R_ROUNDS] === world.rounds) enter(next, P_LEAVE);
      else begin(next);
    } else if (program === P_LEAVE) enter(next, P_GONE);
  };
  if (program === P_START && lines.length === 0) {
    step('begins', begin);
    return out;
  }

  const count = lossless ? 1 : world.count;
  const oldest = lossless && program === P_READ ? get(state, at + R_SEEN) : get(state, at + R_HEAD) - (lossless ? 0 : count);
  const slot = ((oldest % SLOTS) + SLOTS) % SLOTS;
  const sub = get(state, at + R_SUB);
  const pinAt = at + (kind === 'view' ? R_VIEW : R_HOLD);
  const retry = (next: State): void => {
    next[at + R_LINE] = lines.indexOf('head');
    next[at + R_SUB] = 0;
    next[at + R_LOADED] = 0;
    next[at + R_MEASURED] = 0;
    next[at + R_BAD] = 0;
  };
  /** What must never be wrong, and what may be as long as nobody accepts it. */
  const guarded = lossless || kind === 'hold' || (kind === 'view' && world.policy !== 'overwrite');
  const load = (next: State): string | undefined => {
    const loaded = get(next, at + R_LOADED);
    const position = oldest + (loaded >> 1);
    next[at + R_LOADED] = loaded + 1;
    if (get(next, BYTES + 2 * (position % SLOTS) + (loaded & 1)) === position) return undefined;
    next[at + R_BAD] = 1;
    return guarded ? (lossless ? 'lost frame' : 'pinned frame overwritten') : undefined;
  };
  const measure = (next: State): string | undefined => {
    const position = oldest + get(next, at + R_MEASURED);
    next[at + R_MEASURED] = get(next, at + R_MEASURED) + 1;
    const right = get(next, LENGTHS + (position % SLOTS)) === position;
    if (!right) next[at + R_BAD] = 1;
    // Behind the look that accepts a copy or a view nobody looks again.
    const accepted = lines.indexOf('lengths') > Math.max(lines.indexOf('recheck'), lines.indexOf('intact'));
    if (next[at + R_MEASURED] === count) advance(next);
    if (right) return undefined;
    if (guarded) return lossless ? 'lost frame' : 'pinned frame overwritten';
    return accepted ? (kind === 'copy' ? 'torn copy accepted' : 'overwritten view taken for whole') : undefined;
  };
  const accept = (next: State): string | undefined => {
    if (next[at + R_BAD] === 1) return kind === 'copy' ? 'torn copy accepted' : 'overwritten view taken for whole';
    advance(next);
    return undefined;
  };
  const allLoaded = get(state, at + R_LOADED) === 2 * count;
  const allMeasured = get(state, at + R_MEASURED) === (lines.includes('lengths') ? count : 0);

  // The look now and then, which comes between two calls: a reader that holds nothing takes its bit back.
  const atRest = get(state, at + R_LINE) === 0 && (program === P_READ || program === P_WAIT);
  const holds = get(state, at + R_VIEW) !== NONE || get(state, at + R_HOLD) !== NONE;
  const mayRest = holds ? programs.faults.has('rests with a pin') : atRest;
  if ((kind === 'view' || kind === 'hold') && mayRest && (get(state, BORROWERS) & bit) !== 0) {
    step('takes its bit back', (next) => {
      next[BORROWERS] = get(next, BORROWERS) & ~bit;
    });
  }
  switch (lines[get(state, at + R_LINE)]) {
    case 'bit':
      step('borrowers bit', (next) => {
        if (get(next, at + R_ROUNDS) === 0 || !programs.faults.has('sets its bit once'))
          next[BORROWERS] = get(next, BORROWERS) | bit;
        advance(next);
      });
      break;
    case 'head':
      step('load head', (next) => {
        if (next[CLOSED] === 1 && lossless) enter(next, P_LEAVE);
        else {
          // From the oldest that is surely held: the slot at the head may be under way.
          next[at + R_HEAD] = kind === 'oldest' ? Math.max(get(next, HEAD) - SLOTS + 1, SLOTS) : get(next, HEAD);
          advance(next);
        }
      });
      break;
    case 'state':
      step(sub === 0 ? 'closed?' : 'head of the closed pool', (next) => {
        if (next[CLOSED] === 0) advance(next);
        else if (sub === 0) next[at + R_SUB] = 1;
        else {
          // Nobody writes to it any more: no pin.
          next[at + R_HEAD] = get(next, HEAD);
          next[at + R_LINE] = lines.indexOf(lines.includes('lengths') ? 'lengths' : 'bytes');
          next[at + R_SUB] = 0;
        }
      });
      break;
    case 'pin':
      step('pin', (next) => {
        next[pinAt] = oldest;
        if (lossless) next[at + R_SEEN] = oldest;
        advance(next);
      });
      break;
    case 'claim':
      step('load claim', (next) => {
        if (get(next, CLAIM + slot) <= oldest) advance(next);
        else {
          next[at + R_TRIES] = 1;
          retry(next);
          if (kind !== 'oldest') return;
          // One frame is lost; the pin stops the writer a lap further on.
          next[at + R_HEAD] = oldest + 1;
          next[at + R_LINE] = lines.indexOf('pin');
        }
      });
      break;
    case 'moved':
      // The pins of earlier tries may have stopped the producer.
      if (sub > 0) wake();
      else {
        step('swap waiting after a retry', (next) => {
          const waiting = next[at + R_TRIES] === 1 ? get(next, WAITING) : 0;
          next[at + R_TRIES] = 0;
          if (waiting === 0) advance(next);
          else {
            next[WAITING] = 0;
            next[at + R_SUB] = 1 + waiting;
          }
        });
      }
      break;
    case 'stamp':
      step('load stamp', (next) => {
        if (get(next, STAMP + slot) === stampDone(oldest)) advance(next);
        else retry(next);
      });
      break;
    case 'lengths':
      step(`load length ${get(state, at + R_MEASURED)}`, measure);
      break;
    case 'bytes':
      if (!allLoaded) step(`load byte ${get(state, at + R_LOADED)}`, load);
      // Without a fence the loads that are still to come may be carried out after the next look at the stamp.
      if (allLoaded || (!guarded && !lines.includes('fence'))) step('bytes are loaded', advance);
      break;
    case 'fence':
      // Where no look at the stamp follows, as in a mutant, this is where the copy is accepted.
      step('fence', (next) => (kind === 'copy' && !lines.includes('recheck') ? accept(next) : advance(next)));
      break;
    case 'recheck':
    case 'intact':
      if (sub === 1) {
        if (allLoaded) step('accept', accept);
        else step('a late load', load);
      } else {
        step('load stamp again', (next) => {
          if (kind === 'view' && world.policy !== 'overwrite') advance(next);
          else if (get(next, STAMP + slot) === stampDone(oldest)) {
            if (allLoaded) return accept(next);
            next[at + R_SUB] = 1;
          } else if (kind === 'view') {
            next[at + R_BAD] = 0;
            advance(next);
          } else retry(next);
        });
      }
      break;
    case 'unpin':
      step('unpin', (next) => {
        next[pinAt] = NONE;
        advance(next);
      });
      break;
    case 'advance':
      step('move the cursor', (next) => {
        next[at + R_HOLD] = get(next, at + R_SEEN) + 1;
        // The private cursor follows when the frame has been taken; a mutant that moves the pin first still reads this frame.
        if (allLoaded && allMeasured) next[at + R_SEEN] = get(next, at + R_SEEN) + 1;
        advance(next);
      });
      break;
    case 'wake':
      if (sub === 0) {
        step('load waiting', (next) => {
          if (next[WAITING] === 0) advance(next);
          else next[at + R_SUB] = 1;
        });
      } else if (sub === 1) {
        step('swap waiting', (next) => {
          const waiting = get(next, WAITING);
          next[WAITING] = 0;
          if (waiting === 0) advance(next);
          else next[at + R_SUB] = 1 + waiting;
        });
      } else wake();
      break;
    case 'arm':
      if (world.sleeps === null) advanceQuietly('spins');
      else
        step('arm', (next) => {
          next[ARMED] = get(next, ARMED) | bit;
          next[at + R_EPOCH] = get(next, EPOCH);
          advance(next);
        });
      break;
    case 'count':
      if (world.sleeps !== 'futex') advanceQuietly('needs no count');
      else
        step('load wakeCount', (next) => {
          next[at + R_WAKES] = get(next, WAKES);
          advance(next);
        });
      break;
    case 'look':
      // A spinning reader is at rest until there is something to see.
      if (world.sleeps === null && get(state, HEAD) <= get(state, at + R_SEEN) && state[CLOSED] === 0) break;
      step('look at the head', (next) => {
        if (get(next, HEAD) > get(next, at + R_SEEN)) enter(next, P_READ);
        else advance(next);
      });
      break;
    case 'closed':
      step(sub === 0 ? 'closed?' : 'look at the head of the closed pool', (next) => {
        if (sub === 0) {
          if (next[CLOSED] === 0) {
            if (world.sleeps === null) enter(next, P_WAIT);
            else advance(next);
            return undefined;
          }
          if (!programs.faults.has('no second look at the head of a closed pool')) {
            next[at + R_SUB] = 1;
            return undefined;
          }
        } else if (get(next, HEAD) > get(next, at + R_SEEN)) {
          enter(next, P_READ);
          return undefined;
        }
        enter(next, P_LEAVE);
        return lossless && get(next, HEAD) > get(next, at + R_SEEN) ? 'lost frame' : undefined;
      });
      break;
    case 'sleep':
      if (sub === 0) {
        step('sleep', (next) => {
          if (world.sleeps === 'futex' && next[WAKES] !== next[at + R_WAKES]) enter(next, P_WAIT);
          else next[at + R_SUB] = 1;
        });
      } else if (sub === 2 || state[at + R_DOORBELL] === 1) {
        step('woken', (next) => {
          next[at + R_DOORBELL] = 0;
          enter(next, P_WAIT);
        });
      } else if (state[W_DEAD] === 1 || state[EPOCH] !== state[at + R_EPOCH]) {
        step('watch', (next) => enter(next, P_WAIT)); // the probe of the producer's lock
      }
      break;
    case 'bits':
      step('clear bits', (next) => {
        next[BORROWERS] = get(next, BORROWERS) & ~bit;
        next[ARMED] = get(next, ARMED) & ~bit;
        advance(next);
      });
      break;
    case 'pins':
      step('clear pins', (next) => {
        next[at + R_VIEW] = NONE;
        next[at + R_HOLD] = NONE;
        advance(next);
      });
      break;
    case 'unlock':
      step('unlock', (next) => {
        // The lock of one that left is not that of one that died: nothing of it is left to reap.
        advance(next);
      });
      break;
  }
  return out;

  /** Wakes the producer in the way that it had announced. */
  function wake(): void {
    const how = sub - 1;
    step(how === BY_FUTEX ? 'FUTEX_WAKE' : 'ring the producer', (next) => {
      wakeWriter(next, world, programs.faults.has('knows no doorbell of a producer') ? BY_FUTEX : how);
      advance(next);
    });
  }

  function advanceQuietly(label: string): void {
    step(label, advance);
  }
}
