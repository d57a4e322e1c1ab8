// Whatever others call their files: no command prints a character that a terminal acts on, and no name passes for a row.

import { spawnSync } from 'node:child_process';
import { inspect, list, TensorIpcError } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printable, quoted } from '../../host/runtime/printable';
import { decodeDescription } from '../../host/tensor/description';
import { decodeName } from '../../native-shim/linux';
import { Cli, type Ended } from '../support/cli-process';
import { NASTY, plant, plantAll, TAG, UNFIT, uproot } from './support/planted';

const test = suite('hostile names');
test.before(plantAll);
test.after(uproot);

const run = (...args: string[]): Promise<Ended> => new Cli(args).ended;

/** Fails when an output has a character in it that its reader should not get, or a line that a name made. */
function fit({ stdout, stderr }: Ended, what: string): void {
  for (const [stream, bytes] of [
    ['stdout', stdout],
    ['stderr', Buffer.from(stderr)],
  ] as const) {
    // Lone surrogates and damaged UTF-8 would not survive it.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const at = text.search(UNFIT);
    assert.is(at, -1, `${what}, ${stream}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))}`);
    for (const line of text.split('\n')) assert.not.ok(line.trimStart().startsWith('FORGED'), `${what}, ${stream}: ${line}`);
  }
}

/** Listings, and how many of the planted names each must show: to leave them out would pass as well. */
const LISTINGS: readonly (readonly [args: readonly string[], rows: number])[] = [
  // Of each name: the native pool, the Python pool, and a Python pool by the counter's name; names that are not UTF-8 are no Python pools.
  [['ls', '--interval', '10'], 2 * NASTY.length - 2],
  [['top', '--interval', '10', '--count', '1'], 2 * NASTY.length - 2],
  [['gc', '--dry-run', '--age', '0'], 3 * NASTY.length - 4],
];

for (const [args, rows] of LISTINGS) {
  test(`${args.join(' ')} shows each name in a row of its own, and nothing acts on a terminal`, async () => {
    const ended = await run(...args);
    assert.is(ended.code, 0, ended.stderr);
    fit(ended, args.join(' '));
    const lines = ended.stdout
      .toString()
      .split('\n')
      .filter((line) => line.includes(TAG));
    assert.ok(lines.length >= rows, `${lines.length} rows of ${rows}:\n${lines.join('\n')}`);
    // A name with spaces stands in quotes: what follows the name is the program's.
    const columns = lines.filter((line) => line.includes('  native  live  uint8  [1]'));
    for (const line of columns) assert.match(line, /"[^"]*native {2}live {2}uint8 {2}\[1\]"/, line);
  });
}

test('ls --names gives only names that a shell takes as they are', async () => {
  const ended = await run('ls', '--names');
  assert.is(ended.code, 0, ended.stderr);
  for (const line of ended.stdout.toString().split('\n').slice(0, -1)) assert.match(line, /^[A-Za-z0-9_.-]+$/);
});

test('--json is exact: the names come back, those that are not UTF-8 byte by byte, and no two are one', async () => {
  for (const args of [
    ['ls', '--json', '--interval', '10'],
    ['gc', '--dry-run', '--json', '--age', '0'],
  ]) {
    const ended = await run(...args);
    assert.is(ended.code, 0, ended.stderr);
    fit(ended, args.join(' '));
    const rows = JSON.parse(ended.stdout.toString()) as { name?: string; file?: string; wire?: string }[];
    const found = rows.flatMap(({ name, file }) => name ?? file?.replace(/^tensoripc\./, '') ?? []);
    for (const [label, name] of NASTY) {
      const expected = typeof name === 'string' ? name : surrogates(name);
      assert.ok(found.includes(expected), `${args[0]}: ${label}: ${JSON.stringify(expected)}`);
    }
  }
});

/** As Python's os.fsdecode gives a name, which its os.fsencode turns into the bytes again. */
function surrogates(name: Buffer): string {
  const script = 'import os, sys, json; print(json.dumps(os.fsdecode(bytes.fromhex(sys.argv[1]))))';
  const { stdout, error } = spawnSync('python3', ['-X', 'utf8', '-c', script, name.toString('hex')], { encoding: 'utf8' });
  if (error === undefined) return JSON.parse(stdout) as string;
  console.log('skip: os.fsdecode beside ours: apt install python3');
  return decodeName(name);
}

test('names are decoded without loss, and a byte order mark is part of a name', () => {
  const names = [
    Buffer.from('tensoripc.cam'),
    Buffer.from('\ufefftensoripc.cam'),
    Buffer.from([0x61, 0xff]),
    Buffer.from([0x61, 0xfe]),
    Buffer.from('a\ufffd'),
    Buffer.from([0xe2, 0x82]),
    Buffer.from([0xf0, 0x9f, 0x98]),
    Buffer.from('😀é'),
    Buffer.concat([Buffer.from('😀'), Buffer.from([0xff]), Buffer.from('é')]),
    Buffer.from([0xed, 0xb3, 0xbf]),
  ];
  const decoded = names.map((name) => decodeName(name));
  assert.is(new Set(decoded).size, names.length);
  for (const [i, name] of names.entries()) assert.equal(encoded(decoded[i] as string), name, JSON.stringify(decoded[i]));
});

/** Back to bytes. */
function encoded(text: string): Buffer {
  return Buffer.concat(
    [...text].map((character) => {
      const code = character.codePointAt(0) as number;
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character);
    }),
  );
}

const NAMED: readonly (readonly [command: string, before: readonly string[], after: readonly string[]])[] = [
  ['info', [], []],
  ['rm', [], []],
  ['rm', [], ['--wire', 'tensor-ipc', '--force']],
  ['watch', [], []],
  ['sub', [], []],
  ['snapshot', [], ['/nonexistent/out.png']],
  ['pub', [], ['--shape', '2']],
  ['bridge', [], ['--to', 'native', '--as', 'x']],
  ['doctor', ['--repair'], []],
];
/** Enough of them for programs that cost a third of a second each. */
const SOME = NASTY.filter(([label]) => ['title', 'C1', 'a row of its own', 'right to left', 'separators'].includes(label));

for (const [command, before, after] of NAMED) {
  test(`${[command, ...before, ...after].join(' ')}: of a name from a listing says one line, whatever the name`, async () => {
    const ended = await Promise.all(SOME.map(([, name]) => run(command, ...before, String(name), ...after)));
    for (const [i, each] of ended.entries()) {
      const what = `${command} ${SOME[i]?.[0]}: ${each.stderr}`;
      fit(each, what);
      assert.is(each.code, 1, what);
      assert.is(each.stderr.split('\n').length, 2, what);
    }
  });
}

test('arguments that cannot be used are quoted, too', async () => {
  const lines = [
    ['ls', '\u001b[31m'],
    ['\u001b[31m\nFORGED'],
    ['--\u001b]0;x\u0007'],
    ['info', 'a', '\u202eb'],
    ['demo', '--size', '\u001b[2J'],
    ['demo', '--input', '/nonexistent/\u001b[2J\nFORGED'],
    ['completion', '\u009b31m'],
    ['watch', 'x', '--trust', '\u001b[31m'],
  ];
  const all = await Promise.all(lines.map((args) => run(...args)));
  for (const [i, args] of lines.entries()) {
    const ended = all[i] as Ended;
    assert.ok(ended.code === 2 || ended.code === 1, `${ended.code}: ${ended.stderr}`);
    fit(ended, JSON.stringify(args));
  }
});

test('the library: messages of list(), inspect() and metadata are one line, and printable', () => {
  let errors = 0;
  for (const { name, error } of list()) {
    if (!name.includes(TAG)) continue;
    assert.ok(error !== null);
    errors += 1;
    assert.not.match(error.message, UNFIT);
    assert.not.ok(error.message.includes('\n'));
  }
  assert.is(errors, NASTY.length, 'as many pools as were planted');
  for (const [label, name] of NASTY) {
    try {
      inspect(typeof name === 'string' ? name : name.toString('latin1'));
      assert.unreachable(label);
    } catch (error) {
      assert.ok(error instanceof TensorIpcError && error.code === 'INVALID_NAME');
      assert.not.match(error.message, UNFIT, label);
    }
  }
  const json = (fields: unknown, format: unknown = 'tensor-ipc') =>
    new TextEncoder().encode(
      JSON.stringify({ format, version: 1, name: 'x', historyPad: 'zero', historyLen: 1, frameBytes: 1, fields }),
    );
  const texts = [
    json([{ name: 'a\u001b[31m\u202e', dtype: 'uint8', shape: [1] }]),
    json([{ name: 'a', dtype: 'u\u009b31m\u2028', shape: [1] }]),
    new TextEncoder().encode('{"\u001b]0;x\u0007\u202e'),
  ];
  for (const bytes of texts) {
    try {
      decodeDescription('x', bytes);
      assert.unreachable();
    } catch (error) {
      assert.ok(error instanceof TensorIpcError && error.code === 'CORRUPT_OBJECT');
      // As a program logs it: with its cause.
      for (let shown: unknown = error; shown instanceof Error; shown = shown.cause) assert.not.match(shown.message, UNFIT);
    }
  }
});

test('what is printable stays as it is, what is not says which character it was', () => {
  assert.is(printable('caméra 日本 😀 a_b-c.d "\\"'), 'caméra 日本 😀 a_b-c.d "\\"');
  assert.is(printable('\u001b\n\u007f\u009b\u202e\ud800\u{e0001}'), '\\u001b\\n\\u007f\\u009b\\u202e\\ud800\\udb40\\udc01');
  for (const [, name] of NASTY) {
    if (typeof name !== 'string') continue;
    assert.is(printable(printable(name)), printable(name));
    assert.is(JSON.parse(quoted(name)), name);
  }
});

test('a file that is no regular one hides no other pool', async () => {
  const { status } = spawnSync('mkfifo', [`/dev/shm/sem.tensoripc_${TAG}_f0_mutex`, `/dev/shm/tensoripc_${TAG}_f0_cnt`]);
  assert.is(status, 0);
  try {
    plant('tensoripc_', `${TAG}-beside`);
    const ended = await run('ls', '--names');
    assert.is(ended.code, 0, ended.stderr);
    assert.ok(ended.stdout.toString().split('\n').includes(`${TAG}-beside`));
  } finally {
    spawnSync('rm', [`/dev/shm/sem.tensoripc_${TAG}_f0_mutex`, `/dev/shm/tensoripc_${TAG}_f0_cnt`]);
  }
});

test.run();
