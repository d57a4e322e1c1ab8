// The protocol of docs/pool-format.md as a model to search: any process may take its next step, or die, in every state.

import { PROTOCOL, type Programs } from './lines';
import { P_DEAD, P_GONE, P_WAIT, readerSteps } from './reader';
import type { Model } from './search';
import {
  EPOCH,
  get,
  HEAD,
  initialState,
  R_DOORBELL,
  R_EPOCH,
  R_LINE,
  R_PROGRAM,
  R_RETURNS,
  R_SEEN,
  R_SUB,
  readerAt,
  SLOTS,
  STAMP,
  type State,
  stampDone,
  W_DEAD,
  W_PROGRAM,
  type World,
} from './state';
import { P_FINISHED, P_OPEN, writerLine, writerSteps } from './writer';

export function protocolModel(world: World, programs: Programs = PROTOCOL): Model {
  const readers = world.readers.map((_, index) => index);
  return {
    initial: initialState(world),
    steps: (state) => [
      ...writerSteps(state, world, programs),
      ...readers.flatMap((index) => readerSteps(state, index, world, programs)),
    ],
    isFinal: (state) =>
      state[W_PROGRAM] === P_FINISHED &&
      readers.every((index) => {
        const program = state[readerAt(index) + R_PROGRAM];
        return program === P_GONE || (program === P_DEAD && state[readerAt(index) + R_RETURNS] === 0);
      }),
    check: (state) => publishedIsDone(state) ?? sleeperBesideFrame(state),
  };

  /** S1: whatever lies below the head is written, or being replaced by a later frame. */
  function publishedIsDone(state: State): string | null {
    const head = get(state, HEAD);
    for (let back = 1; back <= SLOTS; back++) {
      const position = head - back;
      if (get(state, STAMP + (position % SLOTS)) < stampDone(position)) return 'head without its frame';
    }
    return null;
  }

  /** S5: nobody sleeps on while there is something new, the producer lives, and no ring is on its way. */
  function sleeperBesideFrame(state: State): string | null {
    if (state[W_DEAD] === 1 || state[W_PROGRAM] === P_OPEN || writerLine(state, programs) === 'ring') return null;
    for (const index of readers) {
      const at = readerAt(index);
      const asleep =
        state[at + R_PROGRAM] === P_WAIT && programs.wait[get(state, at + R_LINE)] === 'sleep' && state[at + R_SUB] === 1;
      if (!asleep || state[at + R_DOORBELL] === 1 || state[at + R_EPOCH] !== state[EPOCH]) continue;
      if (get(state, HEAD) > get(state, at + R_SEEN)) return 'sleeper beside a new frame';
    }
    return null;
  }
}
