// Breadth-first search over all states of a model: the first violation found is one with the shortest trace.

import type { State } from './state';

/** One atomic step: what it is, where it leads, and what it breaks, if anything. */
export interface Step {
  readonly label: string;
  readonly state: State;
  readonly violation?: string;
}

export interface Model {
  readonly initial: State;
  steps(state: State): Step[];
  /** Whether everybody has done what it came for. */
  isFinal(state: State): boolean;
  /** What is wrong with a state, or null. */
  check(state: State): string | null;
}

export interface SearchResult {
  readonly states: number;
  readonly steps: number;
  readonly finals: number;
  readonly violation: string | null;
  /** The steps that lead to the violation. */
  readonly trace: readonly string[];
}

const keyOf = (state: State): string => Buffer.from(state.buffer).toString('latin1');

export function search(model: Model, maxStates = 3_000_000): SearchResult {
  const states: State[] = [model.initial];
  const numbers = new Map<string, number>([[keyOf(model.initial), 0]]);
  const parents = [0];
  const labels = [''];
  // Edges, for the question whether an end can be reached from everywhere.
  const from: number[] = [];
  const to: number[] = [];
  const finals: number[] = [];

  const traceTo = (number: number): string[] => {
    const trace: string[] = [];
    for (let at = number; at !== 0; at = parents[at] as number) trace.unshift(labels[at] as string);
    return trace;
  };
  const result = (violation: string | null, trace: string[]): SearchResult => {
    return { states: states.length, steps: from.length, finals: finals.length, violation, trace };
  };

  for (let number = 0; number < states.length; number++) {
    const state = states[number] as State;
    const steps = model.steps(state);
    if (model.isFinal(state)) finals.push(number);
    else if (steps.length === 0) return result('deadlock', traceTo(number));
    for (const step of steps) {
      const key = keyOf(step.state);
      let target = numbers.get(key);
      if (target === undefined) {
        target = states.length;
        numbers.set(key, target);
        states.push(step.state);
        parents.push(number);
        labels.push(step.label);
        if (states.length > maxStates) throw new Error(`more than ${maxStates} states: the model has no bound`);
      }
      from.push(number);
      to.push(target);
      const violation = step.violation ?? model.check(step.state);
      if (violation !== null) return result(violation, [...traceTo(number), step.label]);
    }
  }
  const stuck = firstThatCannotEnd(states.length, from, to, finals);
  return stuck < 0 ? result(null, []) : result('livelock', traceTo(stuck));
}

/** The first state from which no final state can be reached, or -1. */
function firstThatCannotEnd(states: number, from: readonly number[], to: readonly number[], finals: readonly number[]): number {
  // Edges grouped by target, so that the search can go backwards.
  const starts = new Uint32Array(states + 1);
  for (const target of to) starts[target + 1] = (starts[target + 1] as number) + 1;
  for (let i = 0; i < states; i++) starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number);
  const next = starts.slice();
  const sources = new Uint32Array(from.length);
  for (let edge = 0; edge < from.length; edge++) {
    const target = to[edge] as number;
    sources[next[target] as number] = from[edge] as number;
    next[target] = (next[target] as number) + 1;
  }
  const reaches = new Uint8Array(states);
  const open = [...finals];
  for (const final of finals) reaches[final] = 1;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (let i = starts[at] as number; i < (starts[at + 1] as number); i++) {
      const source = sources[i] as number;
      if (reaches[source] === 0) {
        reaches[source] = 1;
        open.push(source);
      }
    }
  }
  return reaches.indexOf(0);
}
