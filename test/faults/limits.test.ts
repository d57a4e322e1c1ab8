// Processes that lack something: descriptors, address space, file size, a permission, WebAssembly, locks, /dev/shm itself. Each is told what
// is missing by the library's error, and leaves nothing behind.

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName } from '../support/child';
import { installedRuntimes } from '../support/runtimes';
import type { Outcome } from './programs/limited';

const test = suite('limits');

/** A process that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;
const PROGRAM = fileURLToPath(new URL('./limited.mjs', import.meta.url));
const GIB = 2 ** 30;
const isRoot = process.getuid?.() === 0;

interface Run {
  /** Before the program: prlimit, unshare, a shell. */
  readonly prefix?: readonly string[];
  readonly node?: string;
  readonly flags?: readonly string[];
  readonly args: readonly string[];
  readonly uid?: number;
}

/** What a process says of each step. */
function run({ prefix = [], node = process.execPath, flags = [], args, uid }: Run): Map<string, Outcome> {
  const [command = '', ...rest] = [...prefix, node, '--no-warnings', ...flags, PROGRAM, ...args];
  const { stdout, stderr, status, signal } = spawnSync(command, rest, {
    encoding: 'utf8',
    timeout: WATCHDOG_MS,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  const outcomes = lines.map((line) => JSON.parse(line) as Outcome);
  if (!outcomes.some(({ step }) => step === 'end')) throw new Error(`${command} ended (${status ?? signal}): ${stderr}${stdout}`);
  for (const { step, raw } of outcomes) assert.is(raw, undefined, `${step}: not the library's error`);
  assert.not.ok(
    outcomes.some(({ step }) => step.startsWith('un')),
    stdout,
  );
  return new Map(outcomes.map((outcome) => [outcome.step, outcome]));
}

function refused(outcome: Outcome | undefined, code: string, errno: string | undefined, message: RegExp): void {
  assert.is(outcome?.code, code, outcome?.message);
  assert.is(outcome?.errno, errno, outcome?.message);
  assert.match(outcome?.message ?? '', message);
}

const worked = (outcome: Outcome | undefined) => assert.is(outcome?.code, undefined, outcome?.message);

/** Whether a tool is there; says so when it is not. */
function has(...command: string[]): boolean {
  const [program = '', ...args] = command;
  const { status } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) console.log(`skip: "${command.join(' ')}" does not run here (apt install util-linux, gcc; root)`);
  return status === 0;
}

test('no descriptors left: next, inspect, list and a new producer say so, and work again afterwards', () => {
  if (!has('prlimit', '--version')) return;
  const name = poolName('nofile');
  const outcomes = run({ prefix: ['prlimit', '--nofile=64:64'], args: ['descriptors', name] });
  for (const step of ['next', 'inspect', 'list', 'another producer'])
    refused(outcomes.get(step), 'SYSTEM', 'EMFILE', /as many files open as it may: .*ulimit -n/);
  assert.equal(outcomes.get('descriptors again')?.left, [`tensoripc.${name}`], 'no doorbell is left');
  for (const step of ['next again', 'another producer again']) worked(outcomes.get(step));
  assert.equal(outcomes.get('end')?.left, []);
});

test('a limited file size is not a full /dev/shm', () => {
  if (!has('prlimit', '--version')) return;
  const name = poolName('fsize');
  const { code, errno, message, left } =
    run({ prefix: ['prlimit', '--fsize=1000000'], args: ['use', name, '4'] }).get('use') ?? {};
  assert.is(code, 'SYSTEM');
  assert.is(errno, 'EFBIG');
  assert.match(message ?? '', /needs [\d.]+ MB \(\d+ bytes\) .* may have at most 1\.0 MB \(1000000 bytes\): .*ulimit -f/);
  assert.equal(left, []);
  worked(run({ prefix: ['prlimit', '--fsize=1000000'], args: ['use', name] }).get('use'));
});

test('limited address space: a smaller arena where the engine lets it be smaller, and otherwise the limit and the cure', () => {
  if (!has('prlimit', '--version')) return;
  const nodes = [
    process.execPath,
    ...installedRuntimes().flatMap(({ name, program }) => (name.startsWith('node ') ? [program] : [])),
  ];
  for (const node of nodes) {
    const name = poolName('as');
    const limited = { prefix: ['prlimit', `--as=${4 * GIB}`], node };
    const outcome = run({ ...limited, args: ['use', name] }).get('use');
    if (outcome?.code !== undefined) {
      refused(outcome, 'ADDRESS_SPACE', undefined, /may take 4\.0 GiB of address space .*ulimit -v.*--disable-wasm-trap-handler/);
      assert.equal(outcome.left, []);
    }
    // The cure that the message names.
    worked(run({ ...limited, flags: ['--disable-wasm-trap-handler'], args: ['use', name] }).get('use'));
    worked(run({ prefix: ['prlimit', `--as=${16 * GIB}`], node, args: ['use', name] }).get('use'));
    assert.equal(leftovers(name), []);
  }
});

test('Node that may not load addons, or not open /dev/shm, or has no WebAssembly', () => {
  const name = poolName('flags');
  const permission = process.versions.node.startsWith('20.') ? '--experimental-permission' : '--permission';
  // The program's own folder, and where koffi is.
  const reads = [`--allow-fs-read=${resolve('.')}/*`];
  const cases: readonly (readonly [readonly string[], string, RegExp])[] = [
    [['--no-addons'], 'PERMISSION_DENIED', /koffi.*without --no-addons/],
    [[permission, ...reads], 'PERMISSION_DENIED', /koffi.*--allow-addons/],
    [
      [permission, ...reads, '--allow-addons'],
      'PERMISSION_DENIED',
      /--allow-fs-read=\/dev\/shm\/\*.*--allow-fs-write=\/dev\/shm\/\*/,
    ],
    [['--jitless'], 'UNSUPPORTED_PLATFORM', /WebAssembly.*without --jitless/],
  ];
  for (const [flags, code, message] of cases) {
    const outcome = run({ flags, args: ['use', name] }).get('use');
    refused(outcome, code, undefined, message);
    assert.not.match(outcome?.message ?? '', /npm install/);
    assert.equal(leftovers(name), []);
  }
  const allowed = [permission, ...reads, '--allow-addons', '--allow-fs-read=/dev/shm/*', '--allow-fs-write=/dev/shm/*'];
  worked(run({ flags: allowed, args: ['use', name] }).get('use'));
});

test('Deno that may not use FFI', () => {
  const deno = installedRuntimes().find(({ name }) => name.startsWith('deno '));
  if (deno === undefined) return;
  const name = poolName('deno');
  const denied = ['run', '--no-prompt', '--allow-read', '--allow-env', '--deny-ffi', PROGRAM, 'use', name];
  const { stdout, stderr } = spawnSync(deno.program, denied, { encoding: 'utf8', timeout: WATCHDOG_MS });
  const outcome = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Outcome)[0];
  if (outcome === undefined) throw new Error(stderr);
  refused(outcome, 'PERMISSION_DENIED', undefined, /--allow-ffi/);
});

test('no open-file-description locks, as in some sandboxes: the cause, and no object', () => {
  if (!has('gcc', '--version')) return;
  const folder = mkdtempSync(join(tmpdir(), 'no-ofd-locks-'));
  try {
    const wrapper = join(folder, 'no-ofd-locks');
    const compiled = spawnSync('gcc', ['-O1', '-o', wrapper, 'test/faults/programs/no-ofd-locks.c'], { encoding: 'utf8' });
    assert.is(compiled.status, 0, compiled.stderr);
    if (!has(wrapper, 'true')) return;
    const name = poolName('ofd');
    const outcomes = run({ prefix: [wrapper], args: ['look', name] });
    refused(outcomes.get('produce'), 'UNSUPPORTED_PLATFORM', 'EINVAL', /open-file-description locks/);
    assert.equal(leftovers(name), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('/dev/shm that is missing, read-only, or full of files', () => {
  if (!isRoot || !has('unshare', '--mount', 'true')) {
    console.log('skip: another /dev/shm needs root; run the tests as root, as CI does');
    return;
  }
  const name = poolName('shm');
  const within = (script: string) => ['unshare', '--mount', 'sh', '-c', `${script} && exec "$0" "$@"`];
  const readOnly = run({ prefix: within('mount -t tmpfs -o ro tmpfs /dev/shm'), args: ['look', name] });
  for (const step of ['list', 'inspect', 'attach']) worked(readOnly.get(step));
  for (const step of ['produce', 'wait']) refused(readOnly.get(step), 'SYSTEM', 'EROFS', /mounted read-only/);

  const missing = run({ prefix: within('mount -t tmpfs tmpfs /dev'), args: ['look', name] });
  for (const step of ['list', 'produce', 'wait']) refused(missing.get(step), 'SYSTEM', 'ENOENT', /is \/dev\/shm mounted/);
  worked(missing.get('attach'));

  // The directory itself takes one.
  const full = run({ prefix: within('mount -t tmpfs -o nr_inodes=1 tmpfs /dev/shm'), args: ['look', name] });
  for (const step of ['produce', 'wait']) refused(full.get(step), 'SHM_FULL', 'ENOSPC', /df -i/);
});

const NOBODY = 65534;

test('a pool taken over from another user: close does all that it may, and says what is left', async () => {
  if (!isRoot) {
    console.log('skip: a second user needs root; run the tests as root, as CI does');
    return;
  }
  const name = poolName('heir');
  const path = `/dev/shm/tensoripc.${name}`;
  const child = new Child('limited-owner', [name]);
  await child.receive();
  await child.kill();
  assert.ok(existsSync(path));
  chownSync(path, 0, 0);
  chmodSync(path, 0o666);
  const outcomes = run({ args: ['take over', name], uid: NOBODY });
  refused(outcomes.get('take over'), 'PERMISSION_DENIED', 'EPERM', /unlink failed with EPERM/);
  worked(outcomes.get('descriptors'));
  rmSync(path);
});

test.run();
