// Metadata that lies: wrong types, huge numbers, names that mean something to JavaScript, text that is no UTF-8, depth.

import type { Counts } from './hostile-image';
import type { Random } from './random';

type Json = Record<string, unknown>;

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'data', '', '/', '..', 'a'.repeat(65), 'é', '\u0000'];

const NUMBERS = [0, -1, 0.5, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53, 2 ** 53 + 2, 1e21, 5e-324, 1048576, 1048577];

const DTYPES = [
  'uint8',
  'bool',
  'float16',
  'bfloat16',
  'int64',
  'float64',
  'Uint8',
  'toString',
  '__proto__',
  ['uint8'],
  { toString: 1 },
  null,
  7,
];

function value(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => true,
    () => '',
    () => 'x'.repeat(random.integer(1, 5000)),
    () => [],
    () => ({}),
    () => [[[[]]]],
    () => ({ toString: null, valueOf: 3, length: 3 }),
    () => ({ toJSON: 1, constructor: {} }),
    () => random.pick(NUMBERS),
    () => random.pick(NAMES),
  ])();
}

function shape(random: Random): unknown {
  return random.pick<() => unknown>([
    () => [],
    () => Array.from({ length: random.integer(1, 40) }, () => random.integer(1, 3)),
    () => [random.pick(NUMBERS)],
    () => [1e308, 1e308, 1e308],
    () => [2 ** 30, 2 ** 30],
    () => ['4'],
    () => [[4]],
    () => [null],
    () => new Array(random.integer(33, 3000)).fill(1),
    () => ({ length: 2, 0: 1, 1: 1 }),
    () => value(random),
  ])();
}

/** Changes one thing of the metadata, or several things so that they fit together; then `counts` tells the same lie. */
function lie(random: Random, raw: Json, counts: Counts): void {
  const fields = raw['fields'] as Json[];
  const field = random.pick(fields);
  random.pick<() => void>([
    () => {
      raw[random.pick(Object.keys(raw))] = value(random);
    },
    () => {
      delete raw[random.pick(Object.keys(raw))];
    },
    () => {
      field[random.pick(Object.keys(field))] = value(random);
    },
    () => {
      delete field[random.pick(Object.keys(field))];
    },
    () => {
      field['shape'] = shape(random);
    },
    () => {
      field['dtype'] = random.pick<unknown>(DTYPES);
    },
    () => {
      Object.defineProperty(field, 'name', { value: random.pick(NAMES), enumerable: true });
    },
    () => {
      fields.push(random.pick<Json>([{ ...field }, value(random) as Json]));
    },
    () => {
      raw['fields'] = random.pick<unknown>([[], {}, 'fields', Array(random.integer(257, 2000)).fill(field), [null], [[]]]);
    },
    () => {
      // One plain tensor of another length and type, everything else to match.
      const bytes = 8 * random.integer(1, 1024);
      const [dtype, itemBytes] = random.pick<[string, number]>([
        ['uint8', 1],
        ['bool', 1],
        ['bfloat16', 2],
        ['float32', 4],
        ['int64', 8],
      ]);
      const name = random.pick(['data', '__proto__', 'constructor', 'toString', 'x']);
      raw['fields'] = [{ name, dtype, shape: [bytes / itemBytes], byteOffset: 0, bytes }];
      raw['frameBytes'] = bytes;
      counts.frameBytes = bytes;
      // Dense, aligned, or splitting elements.
      counts.frameStride = random.pick([bytes, Math.ceil(bytes / 64) * 64, bytes + random.integer(0, 9)]);
    },
    () => {
      const history = random.pick([1, 2, counts.slotCapacity - 1, counts.slotCapacity, 1048576]);
      raw['historyLen'] = history;
      counts.historyLen = history;
    },
  ])();
}

const WORDS = ['', 'm', '\u001b[31m', 'x'.repeat(33), 'x'.repeat(129), '\u202e', '\ud800', 'a\nb', 5, null, {}, ['m'], true];

const ENCODING_NAMES = [
  ...['rgb8', 'mono16', 'jpeg', 'xyz', 'nv12', 'pcm_f32', 'vp9', 'av1_from_the_future', 'RGB8', '', 'x'.repeat(33), '__proto__'],
  ...['constructor', 'toString', null, 7, {}, ['rgb8']],
];

const LENGTHS = [0, -1, 0.5, 1, 2, 99, 101, 4096, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 1e308, '100', null, [], {}];

/** What is said of a field or a pool beside its form; a length that does not go with the rest; or one from which the rest follows. */
function varyingLie(random: Random, raw: Json, counts: Counts): void {
  const fields = raw['fields'] as Json[];
  const field = random.pick(fields);
  random.pick<() => void>([
    () => {
      field['maxLength'] = random.pick<unknown>(LENGTHS);
    },
    () => {
      // As the shape has it, or not.
      const length = random.pick([1, 7, 100, 2 ** 32 - 1]);
      field['maxLength'] = length;
      if (random.integer(0, 1) === 0) field['shape'] = [length, ...(field['shape'] as unknown[]).slice(1)];
    },
    () => {
      delete field['maxLength'];
    },
    () => {
      for (const each of fields) each['maxLength'] = (each['shape'] as number[])[0];
    },
    () => {
      // One plain tensor of another largest length, and everything to match: lengths in the slots may be beyond it, or far below.
      const length = random.pick([1, 2, 5, 64, 1000]);
      raw['fields'] = [{ name: 'data', dtype: 'uint8', shape: [length], byteOffset: 0, bytes: length, maxLength: length }];
      raw['frameBytes'] = length;
      counts.frameBytes = length;
      counts.frameStride = Math.ceil(length / 64) * 64;
    },
    () => {
      // More fields of varying length than a slot has room for, and as many as it has.
      const count = random.pick([6, 7, 256]);
      raw['fields'] = Array.from({ length: count }, (_, i) => ({
        ...{ name: `f${i}`, dtype: 'uint8', shape: [64], byteOffset: 64 * i, bytes: 64, maxLength: 64 },
      }));
      raw['frameBytes'] = 64 * count;
      counts.frameBytes = 64 * count;
      counts.frameStride = 64 * count;
    },
    () => {
      field['encoding'] = random.pick<unknown>(ENCODING_NAMES);
    },
    () => {
      field[random.pick(['unit', 'frameId'])] = random.pick<unknown>(WORDS);
    },
    () => {
      raw['attributes'] = random.pick<unknown>([
        null,
        [],
        'x',
        5,
        { a: { b: [1, null, 'é'] } },
        { toString: null, length: 3 },
        {},
      ]);
    },
    () => {
      const large = 'x'.repeat(random.pick([65_000, 65_530, 65_536, 100_000]));
      raw['attributes'] = random.pick<unknown>([{ large }, { [large]: 1 }, { list: Array(30_000).fill(0) }]);
    },
  ])();
}

/** Attributes that no writer gives: as text, since JSON.stringify would not write them. */
function attributesText(random: Random): string {
  const depth = random.pick([15, 16, 17, 1000, 20_000, 100_000]);
  return random.pick([
    `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`,
    '{"__proto__":{"polluted":true}}',
    '{"a":{"__proto__":1}}',
    '{"a":1e999}',
    '{"a":-1e999,"a":2}',
    `{${'"a":1,'.repeat(5000)}"a":2}`,
    '{"\\u0000":"\\ud800"}',
    '{"constructor":{"prototype":{}}}',
    `{"a":${'9'.repeat(400)}}`,
  ]);
}

/** Mutated metadata. `counts` is changed with it where the lie is to be believed. */
export function mutateJson(random: Random, json: Uint8Array, counts: Counts): Uint8Array {
  const text = new TextDecoder().decode(json);
  const encode = (changed: string) => new TextEncoder().encode(changed);
  if (text.includes('"maxLength"') && random.integer(0, 2) > 0) {
    if (random.integer(0, 4) === 0) return encode(text.replace(/\}$/, `,"attributes":${attributesText(random)}}`));
    const raw = JSON.parse(text) as Json;
    varyingLie(random, raw, counts);
    return encode(JSON.stringify(raw));
  }
  const roll = random.integer(0, 99);
  if (roll < 65) {
    const raw = JSON.parse(text) as Json;
    lie(random, raw, counts);
    if (random.integer(0, 3) === 0) lie(random, JSON.parse(text) as Json, counts);
    return encode(JSON.stringify(raw));
  }
  if (roll < 72) {
    // Damaged bytes: mostly no JSON any more, or no UTF-8.
    const damaged = json.slice();
    for (let i = random.integer(1, 4); i > 0; i--) damaged[random.integer(0, damaged.length - 1)] = random.integer(0, 255);
    return damaged;
  }
  const depth = random.pick([10, 1000, 20_000, 200_000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ]) as [string, string];
  const nested = open.repeat(depth) + (open === '[' ? '' : '1') + close.repeat(depth);
  const key = random.pick(['name', 'historyPad', 'historyLen', 'fields', 'frameBytes', 'version', 'extra']);
  if (roll < 76) return encode(text.replace(/^\{/, `{"${key}":${nested},`)); // a duplicate: the later one counts
  if (roll < 82) return encode(text.replace(/\}$/, `,"${key}":${nested}}`));
  if (roll < 86) return encode(nested);
  if (roll < 90) return encode(text.replace(/\}$/, `,"__proto__":${random.pick(['{"fields":1}', 'null', '[]'])}}`));
  if (roll < 94) return encode(text.replace('"name"', '"__proto__"'));
  if (roll < 97)
    return encode(random.pick(['{}', '[]', 'null', '""', '17', '  ', '\ufeff{}', text + text, `${text} `, `\n${text}`]));
  return encode(text.replace('"dtype":"', `"dtype":${'"uint8","dtype":'.repeat(random.integer(1, 2000))}"`));
}
