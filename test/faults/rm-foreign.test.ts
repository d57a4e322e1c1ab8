// What stands under a pool's name and never was a pool is another program's: nothing but --force removes it.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_BYTES, MAGIC_HIGH, MAGIC_LOW } from '../../assembly/layout';
import { removePool } from '../../host/entry/inspection';
import { Child, hasCode, poolName, sleep } from '../support/child';
import { cli } from '../support/cli-process';

const test = suite('rm and foreign files');
const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;

function magic(): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(MAGIC_LOW, 0);
  bytes.writeUInt32LE(MAGIC_HIGH, 4);
  return bytes;
}

const zeros = (bytes: number, at: number, text: string) => {
  const buffer = Buffer.alloc(bytes);
  buffer.write(text, at);
  return buffer;
};

const METADATA = '{"format":"tensor-ipc","version":1}';

const FOREIGN: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['three bytes', Buffer.from('abc')],
  ['one byte', Buffer.from('x')],
  ['half of the magic number', magic().subarray(0, 4)],
  ['a text as long as a header', Buffer.alloc(HEADER_BYTES, 'a')],
  ['a text a little shorter', Buffer.alloc(HEADER_BYTES - 1, 'a')],
  ['a picture that begins black', zeros(9000, 8000, 'white')],
  ['a large one that begins black', zeros((3 << 20) + 5, (3 << 20) + 1, 'w')],
  ['zeros with a text that only looks like metadata', zeros(9000, 5000, '{"format":"tensor')],
  ['metadata and something behind it', Buffer.concat([zeros(9000, 5000, METADATA), Buffer.from('more')])],
];

for (const [what, bytes] of FOREIGN) {
  test(`${what}: neither rm, nor gc, nor a producer of the name takes it; --force does`, async () => {
    const pool = poolName('foreign');
    writeFileSync(pathOf(pool), bytes, { mode: 0o600 });
    const kept = () => assert.ok(readFileSync(pathOf(pool)).equals(bytes), 'it is as it was');
    try {
      assert.throws(() => removePool(pool, { force: false }), hasCode('FOREIGN_OBJECT'));
      kept();
      const refused = await cli('rm', pool);
      assert.is(refused.code, 1, refused.stdout.toString());
      assert.match(refused.stderr, /^tensor-ipc: FOREIGN_OBJECT: .*--force\n$/);
      kept();
      // What has just been made is given a second.
      await sleep(1100);
      const swept = await cli('gc', pool);
      assert.match(swept.stdout.toString(), /^left alone .*\n0 removed/);
      kept();
      try {
        TensorProducer.fromSample(pool, new Uint8Array(8)).close();
        assert.unreachable('a producer started on it');
      } catch (error) {
        assert.ok(hasCode('FOREIGN_OBJECT')(error as Error) || hasCode('TRUNCATED_OBJECT')(error as Error), String(error));
      }
      kept();
      assert.is((await cli('rm', pool, '--force')).code, 0);
      assert.not.ok(existsSync(pathOf(pool)));
    } finally {
      rmSync(pathOf(pool), { force: true });
    }
  });
}

const REMAINS: readonly (readonly [what: string, leave: (pool: string) => void | Promise<void>])[] = [
  ['an empty file', (pool) => writeFileSync(pathOf(pool), '', { mode: 0o600 })],
  ['zeros', (pool) => writeFileSync(pathOf(pool), Buffer.alloc(9000), { mode: 0o600 })],
  ['zeros and metadata', (pool) => writeFileSync(pathOf(pool), zeros(3 << 20, 5000, METADATA), { mode: 0o600 })],
  ['nothing but the magic number', (pool) => writeFileSync(pathOf(pool), magic(), { mode: 0o600 })],
  ['a pool cut short', (pool) => dead(pool, 100)],
  ['a pool cut within its header', (pool) => dead(pool, 8)],
  ['a pool of another version', (pool) => dead(pool, null, (bytes) => bytes.writeUInt32LE(99, 8))],
  ['a dead pool', (pool) => dead(pool, null)],
];

/** Leaves a pool whose producer was killed, perhaps cut or changed. */
async function dead(pool: string, bytes: number | null, change?: (bytes: Buffer) => void): Promise<void> {
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 8 });
  await producer.kill();
  if (bytes !== null) truncateSync(pathOf(pool), bytes);
  if (change === undefined) return;
  const content = readFileSync(pathOf(pool));
  change(content);
  writeFileSync(pathOf(pool), content);
}

for (const [what, leave] of REMAINS) {
  test(`${what}: rm takes it`, async () => {
    const pool = poolName('remains');
    await leave(pool);
    try {
      const { code, stdout, stderr } = await cli('rm', pool);
      assert.is(code, 0, stderr);
      assert.is(stdout.toString(), `removed tensoripc.${pool}\n`);
      assert.not.ok(existsSync(pathOf(pool)));
    } finally {
      rmSync(pathOf(pool), { force: true });
    }
  });
}

for (const [what, bytes] of [
  ['an empty file', Buffer.alloc(0)],
  ['zeros', Buffer.alloc(9000)],
  ['zeros and metadata', zeros(9000, 5000, METADATA)],
  ['a header that was not published', Buffer.concat([magic(), Buffer.alloc(4), Buffer.alloc(9000, 1)])],
] as const) {
  test(`${what}: gc takes what a producer leaves that dies while it makes a pool`, async () => {
    const pool = poolName('unfinished');
    writeFileSync(pathOf(pool), bytes, { mode: 0o600 });
    try {
      await sleep(1100);
      const dry = await cli('gc', '--dry-run', '--json', pool);
      assert.equal(
        (JSON.parse(dry.stdout.toString()) as { action: string }[]).map(({ action }) => action),
        ['wouldRemove'],
      );
      assert.ok(existsSync(pathOf(pool)));
      const done = await cli('gc', '--json', pool);
      assert.equal(
        (JSON.parse(done.stdout.toString()) as { action: string }[]).map(({ action }) => action),
        ['removed'],
      );
      assert.not.ok(existsSync(pathOf(pool)));
    } finally {
      rmSync(pathOf(pool), { force: true });
    }
  });
}

const python = (pool: string) => `/dev/shm/tensoripc_${pool}`;

/** Makes what is called like a lock of a slot. Those of the Python package have 32 bytes. */
function lock(pool: string, kind: 'mutex' | 'wrt' | 'readtry', bytes = 32, slot = 0): string {
  const path = `/dev/shm/sem.tensoripc_${pool}_f${slot}_${kind}`;
  const content = Buffer.alloc(bytes);
  content[0] = 1;
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

const KINDS = ['mutex', 'wrt', 'readtry'] as const;

for (const [what, bytes, locks] of [
  ['a text', Buffer.from('notes'), () => []],
  ['a large file that begins with zeros', zeros((1 << 20) + 3, 1 << 20, 'end'), () => []],
  ['a text with one file called like a lock', Buffer.from('notes'), (pool) => [lock(pool, 'mutex', 31)]],
  ['a text with files called like locks', Buffer.from('notes'), (pool) => KINDS.map((kind) => lock(pool, kind, 40))],
] as const satisfies readonly (readonly [string, Buffer, (pool: string) => string[]])[]) {
  test(`${what} under a Python pool's name: neither rm nor gc takes it; --force does`, async () => {
    const pool = poolName('foreign').replaceAll('-', '_');
    const files = [python(pool), ...locks(pool)];
    writeFileSync(python(pool), bytes, { mode: 0o600 });
    const kept = () =>
      assert.ok(files.every((file) => existsSync(file)) && readFileSync(python(pool)).equals(bytes), 'it is as it was');
    try {
      for (const more of [[], ['--wire', 'tensor-ipc']]) {
        const refused = await cli('rm', pool, ...more);
        assert.is(refused.code, 1, refused.stdout.toString());
        assert.match(refused.stderr, /^tensor-ipc: FOREIGN_OBJECT: .*--force\n$/);
        kept();
      }
      const swept = await cli('gc', '--age', '0', pool);
      assert.match(swept.stdout.toString(), /^left alone (.*\n)+0 removed/);
      kept();
      assert.is((await cli('rm', pool, '--force')).code, 0);
      assert.not.ok(files.some((file) => existsSync(file)));
    } finally {
      for (const file of files) rmSync(file, { force: true });
    }
  });
}

for (const [what, bytes, locks] of [
  ['an empty file', Buffer.alloc(0), () => []],
  ['zeros, no whole number of words', Buffer.alloc((1 << 20) + 3), () => []],
  ['frames, and the last lock of what was removed by half', Buffer.alloc(64, 5), (pool) => [lock(pool, 'readtry')]],
  ['frames, and the locks of one slot', Buffer.alloc(64, 5), (pool) => KINDS.map((kind) => lock(pool, kind))],
  [
    'frames, the locks of one slot, and a damaged lock of another',
    Buffer.alloc(64, 5),
    (pool) => [...KINDS.map((kind) => lock(pool, kind)), lock(pool, 'mutex', 7, 1)],
  ],
] as const satisfies readonly (readonly [string, Buffer, (pool: string) => string[]])[]) {
  for (const [command, ...more] of [['rm'], ['gc', '--age', '0']] as const) {
    test(`${what} under a Python pool's name: ${command} takes it`, async () => {
      const pool = poolName('remains').replaceAll('-', '_');
      const files = [python(pool), ...locks(pool)];
      writeFileSync(python(pool), bytes, { mode: 0o600 });
      try {
        const { code, stderr } = await cli(command, pool, ...more);
        assert.is(code, 0, stderr);
        assert.not.ok(files.some((file) => existsSync(file)));
      } finally {
        for (const file of files) rmSync(file, { force: true });
      }
    });
  }
}

test('an empty file whose maker holds its lock is a pool in the making', async () => {
  const pool = poolName('making');
  // The lock of byte 0, as a producer takes it before it gives the object its size.
  const script = `
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, 37, struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 1, 0))
print('held', flush=True)
sys.stdin.read()`;
  if (spawnSync('python3', ['--version']).error !== undefined) {
    console.log('skip: a lock of another process: apt install python3');
    return;
  }
  const holder = spawn('python3', ['-c', script, pathOf(pool)], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    assert.throws(() => removePool(pool, { force: false }), hasCode('PRODUCER_EXISTS'));
    assert.ok(existsSync(pathOf(pool)));
  } finally {
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.stdin.end();
    await ended;
    rmSync(pathOf(pool), { force: true });
  }
});

test.run();
