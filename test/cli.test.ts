import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nearest } from '../host/cli/command';
import { commands } from '../host/cli/commands';
import { columns, showBytes, table, threeDigits } from '../host/cli/format';
import { cli } from './support/cli-process';

const test = suite('command line');

const text = (output: Buffer) => output.toString('utf8');
/** A help as if its lines were endless: texts go on below themselves, and commands behind a backslash. */
const flat = (output: Buffer) => text(output).replaceAll(' \\\n', ' ').replaceAll(/\s+/g, ' ');
const visible = commands.filter((command) => command.hidden !== true);

test('--version is that of the package', async () => {
  const { code, stdout } = await cli('--version');
  assert.is(code, 0);
  assert.is(text(stdout).trim(), (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
});

test('--help names every command, and no hidden one', async () => {
  const { code, stdout, stderr } = await cli('--help');
  assert.is(code, 0);
  assert.is(stderr, '');
  assert.equal(
    visible.map(({ name }) => name),
    [
      'demo',
      'ls',
      'info',
      'top',
      'watch',
      'echo',
      'hz',
      'bw',
      'snapshot',
      'pub',
      'sub',
      'bridge',
      'gc',
      'rm',
      'doctor',
      'bench',
      'completion',
    ],
  );
  for (const { name, summary } of visible) assert.ok(text(stdout).includes(`\n  ${name} `) && flat(stdout).includes(summary));
  assert.not.match(text(stdout), /demo-(producer|consumer)/);
  assert.not.ok(text(stdout).includes('\u001b'), 'no escape codes in a pipe');
  for (const line of text(stdout).split('\n')) assert.ok(line.length <= 80, line);
  assert.is(text((await cli('help')).stdout), text(stdout));
});

test("each command's --help shows its options and examples, wherever it stands", async () => {
  for (const { name, options, examples } of visible) {
    assert.ok(examples.length > 0, `${name} has examples`);
    const { code, stdout } = await cli(name, '--help');
    assert.is(code, 0);
    for (const [option, { hidden, help }] of Object.entries(options)) {
      assert.is(text(stdout).includes(`--${option}`), hidden !== true, `${name} --${option}`);
      assert.is(flat(stdout).includes(help), hidden !== true, `${name} --${option}`);
    }
    for (const [line] of examples) assert.ok(flat(stdout).includes(`tensor-ipc ${line}`));
    for (const line of text(stdout).split('\n')) assert.ok(line.length <= 80, `${name}: ${line}`);
    assert.is(text((await cli('help', name)).stdout), text(stdout));
    assert.is(text((await cli(name, '--nonsense', '-h')).stdout), text(stdout));
  }
});

test('bench measures each operation, and leaves nothing behind', async () => {
  const { code, stdout } = await cli('bench', '--json');
  assert.is(code, 0);
  const rows = JSON.parse(text(stdout)) as { bytes: number; operation: string; ns: number; copyNs: number | null }[];
  assert.is(rows.length, 16);
  for (const { operation, ns, copyNs } of rows) {
    assert.ok(ns > 0 && Number.isFinite(ns), operation);
    assert.is(copyNs !== null && copyNs > 0, operation === 'put' || operation === 'get, into', operation);
  }
});

/** Arguments that cannot be used, and what is said about them. */
const USAGE: readonly [args: string[], message: RegExp][] = [
  [[], /Usage: tensor-ipc COMMAND/],
  [['demmo'], /unknown command 'demmo'; did you mean 'demo'\?[\s\S]*tensor-ipc --help/],
  [['frobnicate'], /unknown command 'frobnicate'\n/],
  [['--verson'], /unknown option --verson/],
  [['help', 'snapshoot'], /did you mean 'snapshot'/],
  [['demo', '--frame', '3'], /unknown option --frame; did you mean --frames\?[\s\S]*tensor-ipc demo --help/],
  [['demo', '--hash', '3'], /unknown option --hash\n/],
  [['demo', '--frames'], /--frames needs a value: --frames N/],
  [['demo', '--frames', '--json'], /--frames needs a value/],
  [['demo', '--frames', '0'], /--frames is a whole number from 1/],
  [['demo', '--frames', '-3'], /found "-3"/],
  [['demo', '--frames', '1e3'], /found "1e3"/],
  [['demo', '--consumers', '1000'], /--consumers is a whole number from 0 to 48/],
  [['demo', '--fps', '0'], /--fps is above 0/],
  [['demo', '--fps', 'fast'], /--fps is a number, found "fast"/],
  [['demo', '--size', '640'], /--size is like 640x480/],
  [['demo', '--size', '0x5'], /--size is like 640x480/],
  [['demo', '--json=yes'], /--json takes no value/],
  [['demo', 'film.avi'], /did you mean --input film.avi/],
  [['demo-producer', '{}'], /run "tensor-ipc demo"/],
  [['demo-consumer', '{}'], /run "tensor-ipc demo"/],
  [['snapshot'], /no pool given/],
  [['snapshot', 'camera'], /no output file given/],
  [['snapshot', 'camera', 'a.png', 'b.png'], /found also b.png/],
  [['snapshot', 'camera', 'a.png', '--timeout', 'soon'], /--timeout is a whole number/],
  [['snapshot', 'camera', 'a.png', '--min', '--max'], /--min needs a value/],
  [['snapshot', 'camera', 'a.png', '--min', 'low'], /--min is a number/],
  [['snapshot', 'camera', 'a.png', '--min', '3', '--max', '-5'], /--min 3 is not below --max -5/],
  [['snapshot', 'camera', 'a.png', '--trust', 'me'], /--trust is 'owner', 'group' or 'any'/],
];

test('what cannot be used ends with code 2, a reason and a hint, and no stack', async () => {
  for (const [args, message] of USAGE) {
    const { code, stdout, stderr } = await cli(...args);
    const what = `tensor-ipc ${args.join(' ')}\n${stderr}`;
    assert.is(code, 2, what);
    assert.match(stderr, message, what);
    assert.is(text(stdout), '', what);
    assert.not.match(stderr, /^\s+at /m, what);
    assert.match(stderr, /--help/, what);
  }
});

test('an error of the library shows its code and message, and ends with code 1', async () => {
  const { code, stderr } = await cli('snapshot', 'no/pool', 'out.png');
  assert.is(code, 1);
  assert.match(stderr, /^tensor-ipc: INVALID_NAME: a pool name is .*\n$/);
});

test('numbers for people', () => {
  assert.equal([0, 999, 1000, 1_327_104, 2.5e9].map(showBytes), ['0 B', '999 B', '1.00 kB', '1.33 MB', '2.50 GB']);
  assert.equal([0.0123, 0.9999, 4.2, 42.04, 420.4].map(threeDigits), ['0.012', '1.00', '4.20', '42.0', '420']);
  assert.is(
    columns([
      ['a', 'b'],
      ['long', 'c'],
    ]),
    'a     b\nlong  c',
  );
  assert.equal(
    table(
      ['who', 'n'],
      [
        ['x', '10'],
        ['y', '5'],
      ],
      [false, true],
    ),
    ['who   n', 'x    10', 'y     5'],
  );
});

test('the nearest word, if one is near', () => {
  const words = ['frames', 'fps', 'size', 'consumers'];
  assert.is(nearest('frame', words), 'frames');
  assert.is(nearest('consumer', words), 'consumers');
  assert.is(nearest('fp', words), 'fps');
  assert.is(nearest('xyzzy', words), null);
});

test.run();
