// Looking at pools: live, closed, dead and damaged ones, without leaving a trace on them.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { inspect, list, monotonicNs, type PoolInfo, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HEADER_HEAD,
  HEADER_HISTORY_LEN,
  HEADER_LAYOUT_VERSION,
  HEADER_MAGIC,
  HEADER_METADATA_HASH,
  HEADER_PRODUCER_STATE,
  HEADER_SLOT_CAPACITY,
  PRODUCER_CLOSED,
} from '../../assembly/layout';
import { Child, hasCode, leftovers, poolName, sleep, until } from '../support/child';
import { Random } from '../support/random';

const test = suite('inspection');

const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;

function found(pool: string): PoolInfo {
  const info = inspect(pool);
  assert.ok(info !== null, `${pool} is there`);
  return info;
}

/** Bytes and times of an object, atime aside. */
function trace(pool: string): string {
  const { mtimeNs, ctimeNs, size } = statSync(pathOf(pool), { bigint: true });
  return `${size} ${mtimeNs} ${ctimeNs} ${readFileSync(pathOf(pool)).toString('base64')}`;
}

test('a live pool of another process, and our consumer of it', async () => {
  const pool = poolName('inspect-live');
  await using producer = new Child('peer');
  const sinceNs = monotonicNs();
  await producer.ask({ op: 'produce', pool, elements: 100, options: { historyLen: 3, historyPad: 'fill', onPinned: 'drop' } });
  let info = found(pool);
  assert.is(info.state, 'live');
  assert.is(info.framesPublished, 0);
  assert.equal([info.ageMs, info.publishedNs, info.timestampNs], [null, null, null]);
  assert.equal(info.consumers, []);

  using consumer = TensorConsumer.attach(pool);
  await producer.ask({ op: 'put', value: 1, count: 5 });
  info = found(pool);
  assert.is(info.metadata.toString(), 'float64 [100], history 3');
  assert.is(info.name, pool);
  assert.is(info.historyPad, 'fill');
  assert.is(info.frameBytes, 800);
  assert.ok(info.frameStride >= 800 && info.slotCapacity >= 4);
  assert.is(info.objectBytes, statSync(pathOf(pool)).size);
  assert.is(info.uid, process.geteuid?.());
  assert.is(info.mode, 0o600);
  assert.ok(Math.abs(Number(info.createdNs / 1_000_000n) - Date.now()) < 300_000, 'made just now');
  const { producer: who } = info;
  assert.equal([who.alive, who.pid, who.epoch, who.onPinned], [true, producer.process.pid, 1, 'drop']);
  assert.ok(who.sinceNs > sinceNs && who.sinceNs < monotonicNs());
  assert.is(info.framesPublished, 5);
  assert.ok(info.publishedNs !== null && info.publishedNs > who.sinceNs && info.publishedNs < monotonicNs());
  assert.is(info.timestampNs, info.publishedNs);
  assert.ok(info.ageMs !== null && info.ageMs >= 0);

  const entry = () => found(pool).consumers[0];
  assert.equal([entry()?.index, entry()?.alive, entry()?.pid, entry()?.delivery], [0, true, process.pid, 'latest']);
  assert.equal([entry()?.lastSequence, entry()?.lag, entry()?.framesTaken], [null, null, 0]);
  assert.is(consumer.get()?.sequence, 4);
  await producer.ask({ op: 'put', value: 1, count: 3 });
  assert.equal([entry()?.lastSequence, entry()?.lag, entry()?.framesTaken, entry()?.framesMissed], [4, 3, 1, 0]);
  {
    using view = consumer.borrow();
    assert.is(view?.sequence, 7);
    assert.equal([entry()?.lag, entry()?.framesMissed, entry()?.holdsViews, entry()?.holdsFrames], [0, 2, true, false]);
    // The view stands in the way one lap later.
    await producer.ask({ op: 'put', value: 1, count: info.slotCapacity + 2 });
    assert.ok(found(pool).producer.framesRefused > 0);
  }
  assert.is(entry()?.holdsViews, false);

  consumer.get();
  assert.equal(found(pool).doorbells, []);
  const waiting = consumer.next();
  const doorbells = found(pool).doorbells;
  assert.is(doorbells.length, 1);
  assert.ok(leftovers(pool).includes(doorbells[0]?.file ?? ''));
  assert.is(doorbells[0]?.consumer, 0);
  await producer.ask({ op: 'put', value: 1 });
  await waiting;

  const listed = list().filter(({ name }) => name === pool);
  assert.is(listed.length, 1);
  assert.is(listed[0]?.error, null);
  assert.is(listed[0]?.info?.poolId, info.poolId);
  consumer.close();
  assert.equal(found(pool).consumers, []);
  await producer.ask({ op: 'close' });
  assert.is(inspect(pool), null);
});

test('a lossless consumer keeps frames', () => {
  using producer = TensorProducer.fromSample(poolName('inspect-all'), new Uint8Array(64));
  using consumer = TensorConsumer.attach(producer.name, { delivery: 'all' });
  producer.put(new Uint8Array(64));
  const [entry] = found(producer.name).consumers;
  assert.equal([entry?.delivery, entry?.holdsFrames, entry?.pid], ['all', true, process.pid]);
  consumer.close();
});

test('dead and closed producers, dead consumers', async () => {
  const pool = poolName('inspect-dead');
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 8 });
  await producer.ask({ op: 'put', value: 1, count: 2 });
  const consumer = new Child('peer');
  await consumer.ask({ op: 'consume', pool });
  await consumer.ask({ op: 'borrow' });
  await consumer.kill();
  let info = found(pool);
  assert.is(info.state, 'live');
  assert.equal(
    info.consumers.map(({ alive, pid, holdsViews }) => [alive, pid, holdsViews]),
    [[false, consumer.process.pid, true]],
  );
  await producer.kill();
  info = found(pool);
  assert.equal([info.state, info.producer.alive, info.producer.pid], ['dead', false, producer.process.pid]);
  assert.is(info.framesPublished, 2);

  // A producer that died between saying so and unlinking.
  const bytes = readFileSync(pathOf(pool));
  bytes.writeUInt32LE(PRODUCER_CLOSED, HEADER_PRODUCER_STATE);
  writeFileSync(pathOf(pool), bytes);
  assert.is(found(pool).state, 'closed');
  unlinkSync(pathOf(pool));
  assert.is(inspect(pool), null);
});

/** A pool's object whose producer is dead. */
async function deadPool(label: string): Promise<string> {
  const pool = poolName(label);
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 8, options: { historyLen: 2 } });
  await producer.ask({ op: 'put', value: 1, count: 3 });
  await producer.kill();
  return pool;
}

test('what is damaged or foreign has a code, and the list goes on', async () => {
  const good = await deadPool('inspect-damaged');
  const original = readFileSync(pathOf(good));
  const damage: readonly [code: string, change: (bytes: Buffer) => Buffer][] = [
    ['FOREIGN_OBJECT', (bytes) => bytes.fill(7, HEADER_MAGIC, HEADER_MAGIC + 8)],
    ['VERSION_MISMATCH', (bytes) => bytes.fill(9, HEADER_LAYOUT_VERSION, HEADER_LAYOUT_VERSION + 4)],
    ['CORRUPT_OBJECT', (bytes) => bytes.fill(255, HEADER_SLOT_CAPACITY, HEADER_SLOT_CAPACITY + 4)],
    ['CORRUPT_OBJECT', (bytes) => bytes.fill(0, HEADER_METADATA_HASH, HEADER_METADATA_HASH + 8)],
    ['CORRUPT_OBJECT', (bytes) => bytes.fill(255, HEADER_HEAD, HEADER_HEAD + 8)],
    ['CORRUPT_OBJECT', (bytes) => bytes.fill(0, HEADER_HEAD, HEADER_HEAD + 8)],
    ['CORRUPT_OBJECT', (bytes) => bytes.fill(0, HEADER_HISTORY_LEN, HEADER_HISTORY_LEN + 4)],
    ['TRUNCATED_OBJECT', (bytes) => bytes.subarray(0, 4096)],
    ['TRUNCATED_OBJECT', (bytes) => bytes.subarray(0, 100)],
    ['TRUNCATED_OBJECT', (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)])],
    // The metadata name another pool: a copy under another name is none.
    ['CORRUPT_OBJECT', (bytes) => bytes],
  ];
  const expected = new Map<string, string | null>();
  for (const [i, [code, change]] of damage.entries()) {
    // The name is in the metadata: all but the last get the damage under the pool's own name.
    if (i < damage.length - 1) {
      writeFileSync(pathOf(good), change(Buffer.from(original)));
      assert.throws(
        () => inspect(good),
        (error: Error) => error instanceof TensorIpcError && error.code === code,
        `case ${i}`,
      );
      assert.is(list().find(({ name }) => name === good)?.error?.code, code, `case ${i}`);
    } else {
      const copy = poolName('inspect-copy');
      writeFileSync(pathOf(copy), original);
      expected.set(copy, code);
    }
  }
  writeFileSync(pathOf(good), original);
  expected.set(good, null);
  const half = poolName('inspect-half');
  copyFileSync(pathOf(good), pathOf(half));
  const bytes = readFileSync(pathOf(half));
  bytes.writeUInt32LE(0, HEADER_LAYOUT_VERSION);
  writeFileSync(pathOf(half), bytes);
  const link = poolName('inspect-link');
  symlinkSync(pathOf(good), pathOf(link));
  const fifo = poolName('inspect-fifo');
  execFileSync('mkfifo', [pathOf(fifo)]);
  const folder = poolName('inspect-folder');
  mkdirSync(pathOf(folder));
  const noName = `${poolName('inspect')} with spaces`;
  writeFileSync(pathOf(noName), '');
  const empty = poolName('inspect-empty');
  writeFileSync(pathOf(empty), '');
  try {
    for (const name of [link, fifo, folder]) expected.set(name, 'FOREIGN_OBJECT');
    expected.set(noName, 'INVALID_NAME');
    const entries = new Map(list().map((entry) => [entry.name, entry]));
    for (const [name, code] of expected) {
      assert.is(entries.get(name)?.error?.code ?? null, code, name);
      assert.is(entries.get(name)?.info === null, code !== null, name);
      if (code !== null)
        assert.throws(
          () => inspect(name),
          (error: Error) => error instanceof TensorIpcError && error.code === code,
        );
    }
    for (const name of [half, empty]) {
      assert.is(inspect(name), null);
      assert.equal([entries.get(name)?.info, entries.get(name)?.error], [null, null], 'under construction');
    }
  } finally {
    rmdirSync(pathOf(folder));
    for (const name of [...expected.keys(), half, empty]) if (name !== folder) unlinkSync(pathOf(name));
  }
  assert.throws(() => inspect('no/name'), hasCode('INVALID_NAME'));
  assert.is(inspect(poolName('inspect-none')), null);
});

test('looking leaves bytes, times, locks and mappings as they were', async () => {
  const pool = poolName('inspect-trace');
  await using producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 1000 });
  await producer.ask({ op: 'put', value: 3, count: 7 });
  await using consumer = new Child('peer');
  await consumer.ask({ op: 'consume', pool });
  await consumer.ask({ op: 'borrow' });
  found(pool);
  const locks = () =>
    readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`:${statSync(pathOf(pool)).ino} `));
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = trace(pool);
  const locksBefore = locks().map((line) => line.replace(/^\d+:/, ''));
  const descriptorsBefore = descriptors();
  await sleep(20);
  for (let i = 0; i < 50; i++) {
    found(pool);
    list();
  }
  assert.is(trace(pool), before);
  assert.equal(
    locks().map((line) => line.replace(/^\d+:/, '')),
    locksBefore,
  );
  assert.is(descriptors(), descriptorsBefore);
  assert.not.ok(readFileSync('/proc/self/maps', 'utf8').includes(pool), 'nothing is mapped');
});

test('an object that may only be read can be looked at', async () => {
  const pool = await deadPool('inspect-readonly');
  chmodSync(pathOf(pool), 0o444);
  assert.equal([found(pool).state, found(pool).mode], ['dead', 0o444]);
  unlinkSync(pathOf(pool));
});

test('a producer at full speed: every look is one moment', async () => {
  const pool = poolName('inspect-speed');
  await using producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 4 });
  const total = 400_000;
  let over = false;
  const putting = producer.ask<{ value: number }>({ op: 'put', value: 0, count: total }).then((answer) => {
    over = true;
    return answer;
  });
  let looks = 0;
  let seenMoving = 0;
  let published = 0;
  let publishedNs = 0n;
  while (!over) {
    const now = found(pool);
    looks += 1;
    if (now.framesPublished > published && now.framesPublished < total) seenMoving += 1;
    assert.ok(now.framesPublished >= published, 'the head never goes back');
    if (now.publishedNs !== null) {
      assert.ok(now.publishedNs >= publishedNs && now.publishedNs <= monotonicNs(), 'times never go back');
      publishedNs = now.publishedNs;
    }
    published = now.framesPublished;
    await sleep(1);
  }
  assert.is((await putting).value, total - 1);
  assert.is(found(pool).framesPublished, total);
  assert.ok(seenMoving > 0, `${looks} looks, none while it moved`);
});

test('two thousand damaged control blocks: an answer or a code, nothing else', async () => {
  const pool = await deadPool('inspect-fuzz');
  const original = readFileSync(pathOf(pool));
  const random = new Random(20_26);
  const control = original.length - 4096;
  const outcomes = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(original);
    for (let changes = random.integer(0, 3); changes >= 0; changes--) {
      // Most of it in the header, where the numbers are.
      const at = random.integer(0, 1) === 0 ? random.integer(0, 511) : random.integer(0, control - 1);
      bytes[at] = random.integer(0, 255);
    }
    writeFileSync(pathOf(pool), bytes);
    if (random.integer(0, 7) === 0) truncateSync(pathOf(pool), random.integer(0, original.length + 4096));
    let outcome = 'read';
    try {
      if (inspect(pool) === null) outcome = 'building';
    } catch (error) {
      assert.ok(error instanceof TensorIpcError, String(error));
      outcome = error.code;
    }
    assert.is(
      list().find(({ name }) => name === pool)?.error?.code,
      outcome === 'read' || outcome === 'building' ? undefined : outcome,
    );
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  unlinkSync(pathOf(pool));
  for (const outcome of ['read', 'CORRUPT_OBJECT', 'TRUNCATED_OBJECT', 'FOREIGN_OBJECT', 'VERSION_MISMATCH']) {
    assert.ok((outcomes.get(outcome) ?? 0) > 0, `${outcome} came up in ${JSON.stringify([...outcomes])}`);
  }
});

test('nothing is left', async () => {
  await until(() => readdirSync('/dev/shm').every((file) => !file.includes(`-${process.pid}-`)), 'all is clean');
});

test.run();
