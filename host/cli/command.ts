// What a command is, and how its arguments are read.

import { parseArgs } from 'node:util';

export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/** Something that went wrong in a way that the user can do something about. The message is all that is shown. */
export class CliError extends Error {}

/** The command was not given what it needs. */
export class UsageError extends Error {
  constructor(
    message: string,
    /** The command whose help explains it; the program's own if it is none of them. */
    readonly command: string | null = null,
  ) {
    super(message);
  }
}

export interface OptionInfo {
  readonly type: 'string' | 'boolean';
  /** What stands for the value in the help: FILE, N. */
  readonly value?: string;
  /** The values that there are, where it is one of a few. */
  readonly choices?: readonly string[];
  readonly help: string;
  /** Left out of the help: for tests and tools. */
  readonly hidden?: boolean;
}

export type OptionTable = Readonly<Record<string, OptionInfo>>;

type Values<O extends OptionTable> = { readonly [K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : string };

/** What the help shows of a command, and how it is run. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments: `NAME OUTPUT`. */
  readonly usage: string;
  /** More about it than the summary says. */
  readonly details?: string;
  readonly options: OptionTable;
  /** A command line without the program's name, and what it is for. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Left out of the help: for the program's own use. */
  readonly hidden?: boolean;
  /** Runs it with the arguments that follow its name, and gives the exit code. */
  main(args: readonly string[]): Promise<number>;
}

interface CommandDefinition<O extends OptionTable> extends Omit<Command, 'main' | 'options'> {
  readonly options: O;
  run(values: Values<O>, positionals: readonly string[]): Promise<number>;
}

/** A command from its description. Its `run` gets the options with their types. */
export function defineCommand<const O extends OptionTable>(definition: CommandDefinition<O>): Command {
  const { run, ...about } = definition;
  return {
    ...about,
    main: (args) => {
      const { values, positionals } = parse(definition, args);
      return run(values, positionals);
    },
  };
}

function parse<O extends OptionTable>(command: CommandDefinition<O>, args: readonly string[]) {
  const { name, options } = command;
  // Checked one by one: the messages of parseArgs are long, and the first error is the one to tell.
  const { tokens } = parseArgs({
    args: joinNegativeNumbers(options, args),
    options: Object.fromEntries(Object.entries(options).map(([option, { type }]) => [option, { type }])),
    strict: false,
    tokens: true,
  });
  const values: Record<string, string | boolean> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      const visible = Object.keys(options).filter((key) => options[key]?.hidden !== true);
      const near = nearest(token.name, visible);
      throw new UsageError(`unknown option ${token.rawName}${near === null ? '' : `; did you mean --${near}?`}`, name);
    }
    if (option.type === 'boolean' && token.value !== undefined) {
      throw new UsageError(`--${token.name} takes no value, found ${JSON.stringify(token.value)}`, name);
    }
    // Without "=", something that looks like an option is a forgotten value; a lone "-" is one.
    const forgotten = token.value === undefined || (!token.inlineValue && /^-./.test(token.value) && !isNumber(token.value));
    if (option.type === 'string' && forgotten)
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${option.value ?? 'VALUE'}`, name);
    values[token.name] = token.value ?? true;
  }
  return { values: values as Values<O>, positionals };
}

function isNumber(text: string): boolean {
  return /^[-+]?(\d|\.\d)/.test(text);
}

/** "--min -5" as "--min=-5": otherwise the number would be taken for an option. */
function joinNegativeNumbers(options: OptionTable, args: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] as string;
    if (argument === '--') return [...joined, ...args.slice(i)];
    const next = args[i + 1];
    const takesValue = argument.startsWith('--') && options[argument.slice(2)]?.type === 'string';
    if (takesValue && next !== undefined && /^-/.test(next) && isNumber(next)) {
      joined.push(`${argument}=${next}`);
      i++;
    } else {
      joined.push(argument);
    }
  }
  return joined;
}

/** A whole number from an option, or undefined if it was not given. */
export function wholeNumber(
  command: string,
  option: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`--${option} is a whole number from ${min} to ${max}, found ${JSON.stringify(text)}`, command);
  }
  return value;
}

/** A finite number from an option, or undefined if it was not given. */
export function finiteNumber(command: string, option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new UsageError(`--${option} is a number, found ${JSON.stringify(text)}`, command);
  return value;
}

/** The candidate that a misspelt word most likely stood for, or null. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to insert, remove or replace to get from one word to the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
