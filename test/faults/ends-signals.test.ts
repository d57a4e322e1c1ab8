// A process that has a pool dies of SIGINT, SIGTERM and SIGHUP as one that has none, beside signal-exit too, which waits for others just
// as this library does.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName, sleep, until } from '../support/child';
import { installedRuntimes, type Runtime } from '../support/runtimes';
import { Program, THIS_NODE } from './support/program';

const test = suite('signals');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const installed = existsSync('test/process/node_modules/signal-exit');
if (!installed) console.log('skip: signals beside signal-exit, execa and proper-lockfile: run "npm run peers process"');
const withGuests = installed ? test : test.skip;
const others = installedRuntimes().filter(({ name }) => !name.startsWith('node 20'));
const newest = others.filter(({ name }) => name.startsWith('node')).at(-1);
const notNode = others.filter(({ name }) => !name.startsWith('node'));

test('all of them are there where nothing may be missing', () => {
  if (process.env['CI'] !== undefined) assert.ok(installed && others.length > 2, 'run "npm run peers"');
});

function left(pool: string): string[] {
  return readdirSync('/dev/shm').filter((name) => name.includes(pool));
}

/** Starts it, sends the signal when all is set up, and looks at what is left. */
async function dies(runtime: Runtime, signal: NodeJS.Signals, guests: readonly string[]): Promise<void> {
  const pool = poolName('signal');
  const program = new Program(runtime, 'ends-signalled', [pool, ...guests]);
  try {
    await program.says('ready');
    assert.ok(left(pool).length > 0);
    program.signal(signal);
    assert.is(await program.ended(), signal, program.stdout + program.stderr);
    assert.equal(left(pool), []);
    // Its callbacks have run, once, and the pool was still open.
    for (const version of ['v3', 'v4'])
      assert.is(
        program.lines.filter((line) => line.startsWith(version)).length,
        guests.includes(version) ? 1 : 0,
        program.stdout,
      );
    assert.not.match(program.stdout, /CLOSED/);
    const locked = /^locked (.*)$/m.exec(program.stdout)?.[1];
    if (locked !== undefined) {
      assert.not.ok(existsSync(`${locked}.lock`), 'proper-lockfile has let go');
      rmSync(locked, { recursive: true });
    }
    const sleeper = /^sleeper (\d+)$/m.exec(program.stdout)?.[1];
    if (sleeper !== undefined) await until(() => !existsSync(`/proc/${sleeper}/exe`), 'execa has ended what it started');
  } finally {
    await program.kill();
  }
}

const ORDERS = [
  ['pool', 'v3'],
  ['v3', 'pool'],
  ['pool', 'v4'],
  ['v4', 'pool'],
  ['pool', 'v3', 'v4'],
  ['v4', 'pool', 'v3'],
  ['v3', 'v4', 'pool'],
  ['pool', 'copy', 'v4'],
  ['v3', 'pool', 'v4', 'copy'],
  ['pool', 'execa'],
  ['lockfile', 'pool'],
];

for (const signal of SIGNALS) {
  test(`${signal}, and nobody else takes it`, () => dies(THIS_NODE, signal, ['pool', 'copy']));
  for (const order of signal === 'SIGTERM' ? ORDERS : ORDERS.slice(0, 6)) {
    withGuests(`${signal}: ${order.join(', ')}`, () => dies(THIS_NODE, signal, order));
  }
}

for (const runtime of notNode) {
  for (const order of ORDERS) withGuests(`${runtime.name}, SIGTERM: ${order.join(', ')}`, () => dies(runtime, 'SIGTERM', order));
}

if (newest !== undefined) {
  withGuests(`${newest.name}: execa 10`, () => dies(newest, 'SIGTERM', ['execa10', 'pool', 'v3']));
}

for (const signal of SIGNALS) {
  withGuests(`${signal}: a handler of the program's own decides, whatever signal-exit thinks`, async () => {
    for (const order of [
      ['pool', 'v3', 'v4', 'goes-on'],
      ['goes-on', 'v4', 'pool'],
      ['v3', 'pool', 'copy', 'goes-on'],
    ]) {
      const pool = poolName('handler');
      const program = new Program(THIS_NODE, 'ends-signalled', [pool, ...order]);
      try {
        await program.says('ready');
        for (const count of [0, 1]) {
          program.signal(signal);
          await program.says(`handler put ${count}`);
        }
        assert.equal(
          program.lines.filter((line) => line.startsWith('v')),
          [],
        );
        assert.ok(leftovers(pool).length > 0);
      } finally {
        await program.kill();
        for (const name of left(pool)) rmSync(`/dev/shm/${name}`);
      }
    }
  });
}

withGuests('a handler of the program’s own that exits: pools are closed by the exit', async () => {
  for (const order of [
    ['pool', 'v3', 'v4', 'exits'],
    ['exits', 'v4', 'pool', 'copy'],
  ]) {
    const pool = poolName('exits');
    const program = new Program(THIS_NODE, 'ends-signalled', [pool, ...order]);
    await program.says('ready');
    program.signal('SIGTERM');
    assert.is(await program.ended(), 7, program.stdout + program.stderr);
    assert.ok(program.lines.includes('handler put 0'), program.stdout);
    assert.equal(left(pool), []);
  }
});

withGuests('a callback of signal-exit that keeps the process alive keeps its pools open', async () => {
  const pool = poolName('stays');
  const program = new Program(THIS_NODE, 'ends-signalled', [pool, 'pool', 'v4-stays']);
  try {
    await program.says('ready');
    program.signal('SIGTERM');
    await program.says('v4 put 0');
    await sleep(100);
    assert.equal(leftovers(pool), [`tensoripc.${pool}`]);
    // It has done its part; the next one is ours.
    program.signal('SIGTERM');
    assert.is(await program.ended(), 'SIGTERM');
    assert.equal(leftovers(pool), []);
  } finally {
    await program.kill();
  }
});

// The first process of a pid namespace, as in a container without an init: the kernel drops signals that it has no handler for.
const UNSHARE = ['unshare', '--pid', '--fork', '--mount-proc'];
const mayUnshare = spawnSync(UNSHARE[0] as string, [...UNSHARE.slice(1), 'true']).status === 0;
if (!mayUnshare) console.log('skip: as the first process of a container: needs root and unshare (apt install util-linux)');

for (const runtime of [THIS_NODE, ...notNode]) {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const) {
    if (runtime !== THIS_NODE && signal !== 'SIGTERM') continue;
    for (const order of [['pool'], ['pool', 'copy', 'v4'], ['v3', 'pool']]) {
      if (!installed && order.length > 1) continue;
      (mayUnshare ? test : test.skip)(`${runtime.name} as process 1, ${signal}: ${order.join(', ')}`, async () => {
        const pool = poolName('init');
        const program = new Program(runtime, 'ends-signalled', [pool, ...order], UNSHARE);
        try {
          await program.says('ready');
          const [init] = program.children();
          process.kill(init as number, signal);
          assert.is(await program.ended(), code, program.stdout + program.stderr);
          assert.equal(left(pool), []);
        } finally {
          for (const pid of program.children()) process.kill(pid, 'SIGKILL');
          await program.kill();
        }
      });
    }
  }
}

test.run();
