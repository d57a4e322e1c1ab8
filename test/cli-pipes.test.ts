// pub and sub, in real pipes.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';
import { Random } from './support/random';
import { Shell } from './support/shell';

const test = suite('command line pipes');

const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;
const scratch = mkdtempSync(join(tmpdir(), 'cli-pipes-'));

/** A file of frames with random bytes. */
function framesFile(label: string, frames: number, frameBytes: number): { path: string; bytes: Buffer } {
  const random = new Random(frames);
  const bytes = Buffer.alloc(frames * frameBytes);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(random.integer(0, 0xffff_ffff), i);
  const path = join(scratch, `${label}.raw`);
  writeFileSync(path, bytes);
  return { path, bytes };
}

/** Readers that have come so far as to wait: an entry alone may be of one that is still on its way, and misses what closes now. */
const waitingAt = (pool: string) => inspect(pool)?.consumers.filter(({ alive, wakes }) => alive && wakes !== null).length ?? 0;

test('pub and sub: every byte of every frame, through real pipes', async () => {
  const [a, b] = [poolName('pipe-a'), poolName('pipe-b')];
  const frames = 300;
  const { path, bytes } = framesFile('round', frames, 12 * 8);
  const out = join(scratch, 'round.out');
  const shape = ['--shape', '4,3', '--dtype', 'float64'].join(' ');
  // Backwards, so that each waits for the one before it: file | pub a, sub a | pub b, sub b > file.
  const last = new Shell(`TI sub ${b} --all > '${out}'`);
  const middle = new Shell(`TI sub ${a} --all | TI pub ${b} ${shape}`);
  await until(() => waitingAt(b) === 1, 'the last one listens');
  const first = new Shell(`cat '${path}' - | TI pub ${a} ${shape} --history 300`);
  await until(() => inspect(a)?.framesPublished === frames && inspect(b)?.framesPublished === frames, 'all has been passed on');
  first.end();
  for (const shell of [first, middle, last]) {
    const { code, stderr } = await shell.ended;
    assert.is(code, 0, stderr);
  }
  assert.match((await first.ended).stderr, new RegExp(`^${a}: 300 frames published\n$`));
  assert.ok(readFileSync(out).equals(bytes));
  assert.equal([...leftovers(a), ...leftovers(b)], []);
});

test('a slow reader of sub --all holds pub back, and loses nothing', async () => {
  const pool = poolName('pipe-slow');
  const frameBytes = 65_536;
  const { path, bytes } = framesFile('slow', 60, frameBytes);
  const out = join(scratch, 'slow.out');
  const go = join(scratch, 'go');
  const reader = new Shell(`TI sub ${pool} --all | (until [ -e '${go}' ]; do sleep 0.05; done; cat > '${out}')`);
  const writer = new Shell(
    `(while [ ! -e '${go}.start' ]; do sleep 0.05; done; cat '${path}') | TI pub ${pool} --shape ${frameBytes}`,
  );
  await until(() => waitingAt(pool) === 1, 'sub is attached');
  writeFileSync(`${go}.start`, '');
  await until(() => (inspect(pool)?.producer.waits ?? 0) > 0, 'pub waits');
  const published = inspect(pool)?.framesPublished ?? 0;
  assert.ok(published > 0 && published < 60, `${published} frames before the pipe was full`);
  writeFileSync(go, '');
  for (const shell of [writer, reader]) {
    const { code, stderr } = await shell.ended;
    assert.is(code, 0, stderr);
  }
  assert.ok(readFileSync(out).equals(bytes));
});

test('sub --latest and --count; a reader that has had enough', async () => {
  using producer = TensorProducer.fromSample(poolName('pipe-latest'), new Uint16Array(1000));
  let value = 0;
  const ticking = setInterval(() => void producer.put(new Uint16Array(1000).fill(value++)), 5);
  try {
    const { code, stdout, stderr } = await cli('sub', producer.name, '--count', '5');
    assert.is(code, 0, stderr);
    const values = new Uint16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.byteLength));
    assert.is(values.length, 5000);
    for (let frame = 0; frame < 5; frame++) {
      const part = values.subarray(frame * 1000, (frame + 1) * 1000);
      assert.ok(
        part.every((found) => found === part[0]),
        'whole frames',
      );
      if (frame > 0) assert.ok((part[0] as number) > (values[(frame - 1) * 1000] as number), 'newer each time');
    }
    const enough = await new Shell(`TI sub ${producer.name} | head -c 100 > '${scratch}/head.out'`).ended;
    assert.equal(enough, { code: 0, stderr: '' });
    assert.is(statSync(join(scratch, 'head.out')).size, 100);
    const top = await new Shell(`TI top --interval 20 | head -n 1 > '${scratch}/top.out'`).ended;
    assert.equal(top, { code: 0, stderr: '' });
  } finally {
    clearInterval(ticking);
  }
});

test('sub ends with its producer, and says if that died', async () => {
  const pool = poolName('pipe-died');
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 4 });
  const closed = new Cli(['sub', pool]);
  await until(() => waitingAt(pool) === 1, 'it is attached');
  await producer.ask({ op: 'close' });
  assert.is((await closed.ended).code, 0);
  await producer.ask({ op: 'produce', pool, elements: 4 });
  const died = new Cli(['sub', pool]);
  await until(() => waitingAt(pool) === 1, 'it is attached');
  await producer.kill();
  const { code, stderr } = await died.ended;
  assert.is(code, 1);
  assert.match(stderr, /the producer of pool '.*' died/);
  unlinkSync(pathOf(pool));
  assert.match(
    (await cli('sub', poolName('pipe-none'), '--timeout', '50')).stderr,
    /has no producer, and none came within 50 ms/,
  );
});

test('an input that ends inside a frame is an error; a signal closes the pool', async () => {
  const pool = poolName('pipe-inside');
  const { code, stderr } = await new Shell(`head -c 250 /dev/zero | TI pub ${pool} --shape 10,10`).ended;
  assert.is(code, 1);
  assert.match(stderr, /2 frames published\n.*ended inside a frame: 50 of 100 bytes/);
  assert.equal(leftovers(pool), []);
  const file = await new Shell(`TI pub ${pool} --shape 10,10 --fps 200 < <(head -c 1000 /dev/zero)`).ended;
  assert.equal(file, { code: 0, stderr: `${pool}: 10 frames published\n` });
  const stopped = new Shell(`TI pub ${pool} --shape 10,10`);
  // Between the object and its producer's entry the pid is 0, which would be this process and all of its group.
  await until(() => (inspect(pool)?.producer.pid ?? 0) > 0, 'the pool and its producer are there');
  process.kill(inspect(pool)?.producer.pid as number, 'SIGINT');
  assert.is((await stopped.ended).code, 130);
  assert.equal(leftovers(pool), []);
});

test('nothing is left', async () => {
  rmSync(scratch, { recursive: true, force: true });
  await until(() => readdirSync('/dev/shm').every((file) => !file.includes(`-${process.pid}-`)), 'all is clean');
});

test.run();
