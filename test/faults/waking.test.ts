// Rings that go astray: whatever becomes of one, a consumer with a live producer gets its frames.

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_ARMED } from '../../assembly/layout';
import { Child, leftovers, poolName, sleep, until } from '../support/child';

const test = suite('waking');

const frame = () => new Float64Array(8);
const bells = (name: string) => readdirSync('/dev/shm').filter((file) => file.startsWith(`tensoripc-bell.${name}.`));

/** Follows a pool, and says which frames have come. */
function follow(consumer: TensorConsumer): number[] {
  const seen: number[] = [];
  consumer.on('frame', ({ sequence }) => seen.push(sequence));
  return seen;
}

/** Limits the descriptors of a process that runs already: Node raises the limit when it starts. */
function limitFiles(child: Child, count: number): void {
  execFileSync('prlimit', ['--pid', String(child.process.pid), `--nofile=${count}:${count}`]);
}

test('a producer that has no descriptor left for a doorbell: the frame is seen, and the next one rings', async () => {
  const name = poolName('emfile');
  await using child = new Child('waking-peer');
  await child.ask({ op: 'produce', pool: name });
  limitFiles(child, 64);
  using consumer = TensorConsumer.attach(name);
  const seen = follow(consumer);
  await until(() => bells(name).length === 1, 'the consumer waits');
  assert.ok((await child.ask<{ value: number }>({ op: 'hoard' })).value > 0);
  await child.ask({ op: 'put' });
  await until(() => seen.at(-1) === 0, 'frame 0 came without a ring');
  await child.ask({ op: 'put', count: 50 });
  await until(() => seen.at(-1) === 50, 'frame 50 came without a ring');
  const { value: warnings } = await child.ask<{ value: string[] }>({ op: 'warnings' });
  assert.is(warnings.length, 1, warnings.join('\n'));
  assert.match(warnings[0] as string, /doorbell of a consumer .*EMFILE.*ulimit -n/);
  await child.ask({ op: 'let go' });
  await sleep(200); // past the longest delay between two tries
  await child.ask({ op: 'put' });
  await until(() => seen.at(-1) === 51, 'frame 51 came');
});

test('lossless: a ring that could not be made does not stop both sides', async () => {
  const name = poolName('emfile-all');
  await using child = new Child('waking-peer');
  await child.ask({ op: 'produce', pool: name, options: { waitTimeoutMs: 60_000 } });
  limitFiles(child, 64);
  using consumer = TensorConsumer.attach(name, { delivery: 'all' });
  const seen = follow(consumer);
  await until(() => bells(name).length === 1, 'the consumer waits');
  await child.ask({ op: 'hoard' });
  const { value } = await child.ask<{ value?: number }>({ op: 'put', count: 200 });
  assert.is(value, 199, 'no put timed out');
  await until(() => seen.length === 200, 'every frame came');
  assert.equal(
    seen,
    Array.from({ length: 200 }, (_, k) => k),
  );
});

test('a producer that died between taking the bits and ringing', async () => {
  const name = poolName('taken');
  using producer = TensorProducer.fromSample(name, frame());
  await using child = new Child('waking-peer');
  await child.ask({ op: 'consume', pool: name });
  await child.ask({ op: 'wait' });
  await until(() => producer.stats().framesPublished === 0, 'the producer is open');
  // What it leaves behind: no bit is set, and nobody was rung.
  const object = openSync(`/dev/shm/tensoripc.${name}`, 'r+');
  writeSync(object, new Uint8Array(8), 0, 8, HEADER_ARMED);
  closeSync(object);
  producer.put(frame());
  let seen: number[] = [];
  const deadline = Date.now() + 60_000;
  while (seen.length === 0 && Date.now() < deadline) {
    seen = (await child.ask<{ value: number[] }>({ op: 'seen' })).value;
    await sleep(10);
  }
  assert.equal(seen, [0]);
});

test('a doorbell whose name is removed is made anew, and rung by a producer that has not opened it yet', async () => {
  const name = poolName('removed');
  await using child = new Child('waking-peer');
  await child.ask({ op: 'produce', pool: name });
  using consumer = TensorConsumer.attach(name);
  const seen = follow(consumer);
  await until(() => bells(name).length === 1, 'the consumer waits');
  const [bell] = bells(name) as [string];
  unlinkSync(`/dev/shm/${bell}`);
  await child.ask({ op: 'put' });
  await until(() => seen.at(-1) === 0, 'the frame came');
  await until(() => existsSync(`/dev/shm/${bell}`), 'the doorbell is there again');
  // Again, with a producer that has the old one open and one that has not.
  await child.ask({ op: 'put' });
  await until(() => seen.at(-1) === 1, 'the next frame came');
  unlinkSync(`/dev/shm/${bell}`);
  await until(() => existsSync(`/dev/shm/${bell}`), 'the doorbell is there once more');
  for (let k = 2; k < 6; k++) {
    await child.ask({ op: 'put' });
    await until(() => seen.at(-1) === k, `frame ${k} came`);
  }
  consumer.cleanup();
  await child.ask({ op: 'close' });
  assert.equal(leftovers(name), []);
});

test('a consumer that waits for a pool makes its doorbell anew, too', async () => {
  const name = poolName('removed-before');
  using consumer = TensorConsumer.attach(name);
  const seen = follow(consumer);
  await until(() => bells(name).length === 1, 'the consumer waits');
  const [bell] = bells(name) as [string];
  unlinkSync(`/dev/shm/${bell}`);
  await until(() => existsSync(`/dev/shm/${bell}`), 'the doorbell is there again');
  using producer = TensorProducer.fromSample(name, frame());
  producer.put(frame());
  await until(() => seen.at(-1) === 0, 'the frame came');
});

const GROUP = 4242;
const PRODUCER = ['setpriv', '--reuid', '4001', '--regid', String(GROUP), '--clear-groups'];
// The pool's group is one of its further ones.
const CONSUMER = ['setpriv', '--reuid', '4002', '--regid', '4002', '--groups', String(GROUP)];

for (const first of ['consumer', 'producer'] as const) {
  test(`two users and a common group, the ${first} first: the doorbell belongs to the group of the pool`, async () => {
    if (process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).status !== 0) {
      console.log('skip: two users need root and setpriv (apt install util-linux)');
      return;
    }
    const name = poolName('group');
    await using producer = new Child('waking-peer', [], {}, PRODUCER);
    await using consumer = new Child('waking-peer', [], {}, CONSUMER);
    const produce = () => producer.ask({ op: 'produce', pool: name, options: { mode: 0o660 } });
    if (first === 'producer') await produce();
    await consumer.ask({ op: 'consume', pool: name, options: { trust: 'group' } });
    const { value: files } = await consumer.ask<{ value: { file: string; gid: number }[] }>({ op: 'wait' });
    assert.is(files.length, 1);
    if (first === 'consumer') await produce();
    let seen: number[] = [];
    for (let k = 0; k < 3; k++) {
      await producer.ask({ op: 'put' });
      const deadline = Date.now() + 60_000;
      while (seen.at(-1) !== k && Date.now() < deadline) {
        await sleep(5);
        seen = (await consumer.ask<{ value: number[] }>({ op: 'seen' })).value;
      }
      assert.is(seen.at(-1), k, `frame ${k} came`);
    }
    const listing = execFileSync('stat', ['-c', '%g', `/dev/shm/${files[0]?.file}`], { encoding: 'utf8' });
    assert.is(listing.trim(), String(GROUP));
    const { value: warnings } = await producer.ask<{ value: string[] }>({ op: 'warnings' });
    assert.equal(warnings, [], 'every doorbell could be rung');
  });
}

test.run();
