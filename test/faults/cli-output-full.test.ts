// Output that cannot be written, of every command: one line on the standard error and a code that says so; nothing is lost unseen.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { Cli } from '../support/cli-process';
import { Random } from '../support/random';

const WATCHDOG_MS = 120_000;
const test = suite('output that cannot be written');
const scratch = mkdtempSync(join(tmpdir(), 'tensor-ipc-full-'));
const pool = poolName('full');
const producer = TensorProducer.fromSample(pool, { data: new Uint8Array(64 * 64), shape: [64, 64] });
/** A picture that does not become small as a PNG. */
const NOISE = new Random(1).bytes(64 * 64);
const put = (data: Uint8Array) => producer.put({ data, shape: [64, 64] });
put(new Uint8Array(64 * 64).fill(7));
test.after(() => {
  producer.close();
  rmSync(scratch, { recursive: true });
});

interface Done {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A line of bash in which TI is the program. */
async function shell(line: string): Promise<Done> {
  const script = `TI() { '${process.execPath}' '${Cli.program}' "$@"; }; ${line}`;
  const child = spawn('bash', ['-c', script], { cwd: scratch, stdio: ['ignore', 'pipe', 'pipe'] });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MS);
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearTimeout(watchdog);
      resolve({ code, stdout: Buffer.concat(out), stderr });
    }),
  );
}

/** Command lines that write to the standard output. */
const WRITERS: readonly string[] = [
  '--version',
  '--help',
  'ls --help',
  'ls --interval 5',
  'ls --json --interval 5',
  'ls --names',
  `info ${pool} --interval 5`,
  `info ${pool} --json --interval 5`,
  'top --interval 5 --count 3',
  `watch ${pool} --interval 5 --count 3`,
  `sub ${pool} --count 1`,
  `snapshot ${pool} -`,
  `snapshot ${pool} out.png`,
  'gc --dry-run nobody',
  'gc --dry-run --json nobody',
  'doctor',
  'doctor --json',
  'completion bash',
  'completion zsh',
  'completion fish',
  'bench --json',
  'demo --frames 20 --consumers 1 --fps 50 --size 32x24 --name full-$$',
  'demo --frames 20 --consumers 1 --fps 50 --size 32x24 --name full-$$ --json',
];

function complains(done: Done, error: string, what: string): void {
  assert.is(done.code, 1, `${what}: ${done.stderr}`);
  const said = done.stderr.split('\n').filter((line) => line.startsWith('tensor-ipc: '));
  assert.is(said.length, 1, `${what}: ${done.stderr}`);
  assert.match(said[0] as string, new RegExp(`^tensor-ipc: cannot write to the standard output: ${error}: `), what);
  assert.not.match(done.stderr, /^\s+at |node:internal|Node\.js/m, what);
}

for (const line of WRITERS) {
  test(`${line.replace(pool, 'POOL')}: a full disk and an input/output error are one line`, async () => {
    const [full, broken] = await Promise.all([
      shell(`TI ${line} > /dev/full`),
      // Memory that is not there: writing to it is EIO, as on a terminal that has hung up or a disk that is ill.
      shell(`TI ${line} > /proc/$$/mem`),
    ]);
    complains(full, 'ENOSPC', line);
    complains(broken, 'EIO', line);
  });
}

test('a file that takes half of the output is an error, and what it took is the beginning', async () => {
  put(NOISE);
  for (const line of ['completion bash', 'ls --help', `sub ${pool} --count 1`, `snapshot ${pool} -`]) {
    const whole = await shell(`TI ${line}`);
    assert.is(whole.code, 0, whole.stderr);
    assert.ok(whole.stdout.length > 200, `${whole.stdout.length} bytes`);
    writeFileSync(join(scratch, 'padded'), Buffer.alloc(3 * 1024 + 900));
    // Files of at most 4 kB, of which all but 124 bytes are taken.
    const cut = await shell(`ulimit -f 4; TI ${line} >> padded`);
    complains(cut, 'EFBIG', line);
    const file = readFileSync(join(scratch, 'padded'));
    assert.is(file.length, 4096);
    assert.ok(file.subarray(3 * 1024 + 900).equals(whole.stdout.subarray(0, 124)), 'not a byte is missing in between');
  }
  put(new Uint8Array(64 * 64).fill(7));
});

test('a picture that cannot be written whole leaves no file, and says which', async () => {
  put(NOISE);
  try {
    const cut = await shell(`ulimit -f 1; TI snapshot ${pool} cut.png`);
    assert.is(cut.code, 1, cut.stderr);
    assert.match(cut.stderr, /^tensor-ipc: cannot write "cut\.png": EFBIG: [^\n]*\n$/);
    assert.not.ok(existsSync(join(scratch, 'cut.png')));
    const full = await shell(`TI snapshot ${pool} /dev/full`);
    assert.match(full.stderr, /^tensor-ipc: cannot write "\/dev\/full": ENOSPC: [^\n]*\n$/);
    assert.ok(existsSync('/dev/full'));
    const nowhere = await shell(`TI snapshot ${pool} nowhere/out.png`);
    assert.match(nowhere.stderr, /^tensor-ipc: cannot write "nowhere\/out\.png": ENOENT: [^\n]*\n$/);
    assert.is((await shell(`TI snapshot ${pool} good.png`)).code, 0);
    assert.ok(statSync(join(scratch, 'good.png')).size > 1024);
  } finally {
    put(new Uint8Array(64 * 64).fill(7));
  }
});

test('sub on a disk that fills up ends as soon as it is full, and the producer goes on', async () => {
  const ticking = setInterval(() => put(new Uint8Array(64 * 64).fill(7)), 10);
  try {
    const done = await shell(`ulimit -f 18; TI sub ${pool} --all > frames`);
    complains(done, 'EFBIG', 'sub');
    const file = readFileSync(join(scratch, 'frames'));
    assert.is(file.length, 18 * 1024);
    assert.ok(file.every((byte) => byte === 7));
  } finally {
    clearInterval(ticking);
  }
});

test('a reader that has gone is no error; a closed output ends as /dev/null does', async () => {
  for (const line of WRITERS.slice(0, 12)) {
    const [gone, closed] = await Promise.all([shell(`set -o pipefail; TI ${line} | :`), shell(`TI ${line} >&-`)]);
    assert.is(gone.code, 0, `${line}: ${gone.stderr}`);
    assert.not.match(gone.stderr, /tensor-ipc: |^\s+at /m, line);
    assert.is(closed.code, 0, `${line}: ${closed.stderr}`);
  }
  const readOnly = await shell('TI --version 1< /dev/null');
  complains(readOnly, 'EBADF', 'an output that is open for reading only');
});

test('where the standard error cannot be written the code still tells', async () => {
  for (const [line, code] of [
    ['info nobody 2> /dev/full', 1],
    ['nonsense 2> /dev/full', 2],
    ['info nobody 2>&-', 1],
    ['--version > /dev/full 2> /dev/full', 1],
    ['--version 2> /dev/full', 0],
    ['2> /dev/full', 2],
    [`snapshot ${pool} - 2> /dev/full > ok.png`, 0],
  ] as const) {
    const done = await shell(`TI ${line}`);
    assert.is(done.code, code, `${line}: ${done.stderr}`);
    assert.is(done.stderr, '', line);
  }
});

test('a fault of the program is one line, with the stack only where it is asked for', async () => {
  // Node, made to fail where no program expects it.
  const preload = join(scratch, 'broken.cjs');
  writeFileSync(
    preload,
    "Array.prototype.toSorted = Array.prototype.sort = () => { throw new TypeError('broken\\u001b[31m'); };\n",
  );
  const line = (debug: string) => shell(`${debug} NODE_OPTIONS='--require ${preload}' TI ls --names`);
  const plain = await line('');
  assert.is(plain.code, 1);
  assert.match(
    plain.stderr,
    /^tensor-ipc: internal error: broken\\u001b\[31m; please report it, with what TENSOR_IPC_DEBUG=1 adds\n$/,
  );
  const debug = await line('TENSOR_IPC_DEBUG=1');
  assert.is(debug.code, 1);
  assert.match(debug.stderr, /\n\s+at /);
  assert.not.ok(debug.stderr.includes('\u001b'));
});

test.run();
