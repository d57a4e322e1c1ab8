// The lines of docs/pool-format.md as programs, in the order in which they are carried out. A mutant is another set of programs.

export interface Programs {
  /** Publish, 1 to 9. */
  readonly publish: readonly ('claim' | 'pins' | 'stamp' | 'fence' | 'lengths' | 'bytes' | 'done' | 'head' | 'ring')[];
  readonly close: readonly ('closed' | 'ring')[];
  /** Copy, 1 to 6. */
  readonly copy: readonly ('head' | 'stamp' | 'lengths' | 'bytes' | 'fence' | 'recheck')[];
  /** Pin, 1 to 7, with the look at the state (the frames of a closed pool are read without a pin), and the look at the stamp that tells the holder of a view whether it was overwritten. */
  readonly view: readonly (
    | 'bit'
    | 'head'
    | 'state'
    | 'pin'
    | 'claim'
    | 'moved'
    | 'lengths'
    | 'bytes'
    | 'fence'
    | 'intact'
    | 'unpin'
    | 'wake'
  )[];
  /** The same with a hold pin: a copy that always ends. */
  readonly hold: Programs['view'];
  /** A lossless reader sets its cursor, */
  readonly join: readonly ('bit' | 'head' | 'pin' | 'claim' | 'moved' | 'wake')[];
  /** and takes one frame. */
  readonly take: readonly ('lengths' | 'bytes' | 'advance' | 'wake')[];
  /** Wait, 1 to 5; the wake count is taken before the bit is set. */
  readonly wait: readonly ('arm' | 'count' | 'look' | 'closed' | 'sleep')[];
  readonly leave: readonly ('bits' | 'pins' | 'wake' | 'unlock')[];
  /** A newcomer in the entry of a dead consumer. */
  readonly register: readonly ('bits' | 'pins')[];
  /** What is no line of its own. */
  readonly faults: ReadonlySet<Fault>;
}

/** Steps within a line that a mutant leaves out. */
export type Fault =
  /** The waiting producer does not look at the pins again after it has announced itself. */
  | 'no second look before sleeping'
  /** It clears the entry of whoever is in its way. */
  | 'reaping without the lock'
  /** It overwrites what lossless readers and copies hold. */
  | 'holds ignored'
  /** The successor leaves out the position that its predecessor was writing. */
  | 'successor skips a position'
  /** A lossless reader leaves as soon as the pool is closed. */
  | 'no second look at the head of a closed pool'
  /** The successor of a producer that died after it closed the pool takes that over. */
  | 'a closed pool goes on'
  /** A consumer wakes the producer by futex, however it waits. */
  | 'knows no doorbell of a producer'
  /** A reader takes its bit back while it holds frames. */
  | 'rests with a pin'
  /** A reader that has taken its bit back does not set it again. */
  | 'sets its bit once';

export const PROTOCOL: Programs = {
  publish: ['claim', 'pins', 'stamp', 'fence', 'bytes', 'done', 'head', 'ring'],
  close: ['closed', 'ring'],
  copy: ['head', 'stamp', 'bytes', 'fence', 'recheck'],
  view: ['bit', 'head', 'state', 'pin', 'claim', 'moved', 'bytes', 'fence', 'intact', 'unpin', 'wake'],
  hold: ['bit', 'head', 'state', 'pin', 'claim', 'moved', 'bytes', 'unpin', 'wake'],
  join: ['bit', 'head', 'pin', 'claim', 'moved'],
  take: ['bytes', 'advance', 'wake'],
  wait: ['count', 'arm', 'look', 'closed', 'sleep'],
  leave: ['bits', 'pins', 'wake', 'unlock'],
  register: ['bits', 'pins'],
  faults: new Set(),
};

/** The same where frames differ in length: their lengths are written and read with the bytes, and say how many there are. */
export const VARYING: Programs = {
  ...PROTOCOL,
  publish: withLengths(PROTOCOL.publish),
  copy: withLengths(PROTOCOL.copy),
  view: withLengths(PROTOCOL.view),
  hold: withLengths(PROTOCOL.hold),
  take: withLengths(PROTOCOL.take),
};

function withLengths<L extends string>(program: readonly L[]): (L | 'lengths')[] {
  return program.flatMap((line) => (line === 'bytes' ? (['lengths', line] as const) : [line]));
}

/** A program without one of its lines. */
export function without<L extends string>(program: readonly L[], line: L): L[] {
  return program.filter((candidate) => candidate !== line);
}

/** A program in which `line` has moved to just before `target`. */
export function moved<L extends string>(program: readonly L[], line: L, target: L): L[] {
  return without(program, line).flatMap((candidate) => (candidate === target ? [line, candidate] : [candidate]));
}
