// What is passed as options: an object, and nothing in it that no option is called. A misspelt name would be read as a default.

import { TensorIpcError } from './errors';
import { quoted } from './printable';

/** Names of the options of a call. */
export type OptionNames = ReadonlySet<string>;

/** The names of an options type, every one of them: the compiler counts. */
export function optionNames<Options extends object>(names: Readonly<Record<keyof Required<Options>, true>>): OptionNames {
  return new Set(Object.keys(names));
}

export function joinNames(...all: readonly OptionNames[]): OptionNames {
  return new Set(all.flatMap((names) => [...names]));
}

/**
 * Throws INVALID_ARGUMENT unless it is an object, as options are (a number or null in their place would be read as no options), with no
 * other names than these (null: with any, as a derived class may have options of its own). Allocates nothing: put and get ask.
 */
export function checkOptions<Options extends object>(options: Options, known: OptionNames | null): Options {
  if (typeof options !== 'object' || options === null) {
    throw new TensorIpcError('INVALID_ARGUMENT', `options must be an object such as { historyLen: 5 }, found ${String(options)}`);
  }
  if (known === null) return options;
  for (const name in options) if (!known.has(name)) checkUnknown(options, name, known);
  return options;
}

/** What is inherited is no option, and what is undefined is not given. */
function checkUnknown(options: object, name: string, known: OptionNames): void {
  if (!Object.hasOwn(options, name) || (options as Readonly<Record<string, unknown>>)[name] === undefined) return;
  const meant = closest(name, known);
  const advice = meant === null ? `there are ${[...known].join(', ') || 'none'}` : `did you mean ${meant}?`;
  throw new TensorIpcError('INVALID_ARGUMENT', `unknown option '${quoted(name.slice(0, 80)).slice(1, -1)}': ${advice}`);
}

/** The options with these names, inherited ones included. For a call that passes its options on to two others. */
export function pickOptions<Options extends object>(options: Options, names: OptionNames): Options {
  const picked: Record<string, unknown> = {};
  for (const name of names) picked[name] = (options as Readonly<Record<string, unknown>>)[name];
  return picked as Options;
}

/** Shortest part of a name that is taken for the whole. */
const MIN_PART = 4;

/** The name that was probably meant: few slips of the keyboard away, or one within the other. */
function closest(name: string, known: OptionNames): string | null {
  const given = name.toLowerCase();
  let best: string | null = null;
  let fewest = Infinity;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const slips = editDistance(given, other);
    const part = Math.min(given.length, other.length) >= MIN_PART && (given.includes(other) || other.includes(given));
    if (slips < fewest && (part || slips <= Math.ceil(Math.max(given.length, other.length) / 4))) {
      fewest = slips;
      best = candidate;
    }
  }
  return best;
}

/** Letters to insert, to leave out, to replace, or to swap with the next, from one text to the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let slips = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        slips = Math.min(slips, (before[j - 2] as number) + 1);
      row.push(slips);
    }
    before = last;
    last = row;
  }
  return last[b.length] as number;
}
