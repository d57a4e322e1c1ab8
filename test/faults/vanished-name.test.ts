// The name of a live pool vanishes: its producer notices, says so, and makes the pool anew; those attached miss nothing.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync, unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, sleep, until } from '../support/child';
import { Cli } from '../support/cli-process';

const test = suite('vanished name');

const path = (name: string) => `/dev/shm/tensoripc.${name}`;
const frame = (value: number) => new Float64Array(512).fill(value);

const warnings: string[] = [];
process.on('warning', (warning) => warnings.push(warning.message));
const warned = (name: string, text: RegExp) => warnings.some((line) => line.includes(`'${name}'`) && text.test(line));

/** Where a list of numbers does not go on by one. */
function gaps(list: readonly number[]): string[] {
  return list.flatMap((value, k) => (k > 0 && value !== (list[k - 1] as number) + 1 ? [`${list[k - 1]} to ${value}`] : []));
}

test('an idle producer notices within a second, names the cure, and newcomers find the pool with its history', async () => {
  const name = poolName('idle');
  using producer = TensorProducer.fromSample(name, frame(0), { historyLen: 3 });
  for (let k = 0; k < 10; k++) producer.put(frame(k), { timestampNs: BigInt(k) });
  const before = inspect(name);
  unlinkSync(path(name));
  const removed = performance.now();
  await until(() => existsSync(path(name)), 'the object is there again');
  const tookMs = performance.now() - removed;
  // A look every 500 ms; the rest is for a machine that does many other things.
  assert.ok(tookMs < 5000, `${tookMs} ms`);
  await until(() => warned(name, /made anew.*RemoveIPC=no.*enable-linger/), 'it has said so');
  using late = TensorConsumer.attach<Float64Array>(name);
  const window = late.get({ historyLen: 3, latestFirst: false });
  assert.is(window?.sequence, 9);
  assert.equal([window?.data[0], window?.data[512], window?.data[1024]], [7, 8, 9]);
  assert.is(window?.timestampNs, 9n);
  assert.is(producer.put(frame(10)), 10, 'numbers go on');
  assert.is(late.get()?.sequence, 10);
  const after = inspect(name);
  assert.equal([after?.poolId, after?.producer.epoch], [before?.poolId, before?.producer.epoch], 'it is the same pool');
  assert.is(statSync(path(name)).mode & 0o777, 0o600);
  late.cleanup();
  producer.cleanup();
  assert.equal(leftovers(name), []);
});

test('loops that end when the producer closes go on when it makes its pool anew', async () => {
  const name = poolName('goes-on');
  const producer = TensorProducer.fromSample(name, frame(0), { historyLen: 3 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  using lossless = TensorConsumer.attach<Float64Array>(name, { delivery: 'all', endOnClose: true });
  const follow = async (loop: AsyncIterable<{ readonly data: Float64Array }>, seen: number[]) => {
    for await (const { data } of loop) seen.push(data[0] as number);
  };
  const latest: number[] = [];
  const all: number[] = [];
  const loops = [follow(consumer.frames({ endOnClose: true }), latest), follow(lossless, all)];
  for (let round = 0; round < 2; round++) {
    producer.put(frame(round));
    await until(() => latest.at(-1) === round && all.at(-1) === round, `frame ${round} is read`);
    const before = statSync(path(name)).ino;
    unlinkSync(path(name));
    await until(() => existsSync(path(name)) && statSync(path(name)).ino !== before, 'the object is there again');
    await until(() => consumer.connected && lossless.connected, 'they have followed');
  }
  producer.put(frame(2));
  await until(() => latest.at(-1) === 2 && all.at(-1) === 2, 'both go on');
  producer.close();
  await Promise.all(loops);
  assert.equal(
    [latest, all],
    [
      [0, 1, 2],
      [0, 1, 2],
    ],
  );
});

test("a lossless reader 'from now' that has taken nothing yet gets no frame from before it came", async () => {
  const name = poolName('from-now');
  using producer = TensorProducer.fromSample(name, frame(0), { historyLen: 6 });
  for (let k = 0; k < 5; k++) producer.put(frame(k));
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  unlinkSync(path(name));
  await until(() => existsSync(path(name)) && inspect(name)?.consumers.length === 1, 'it has followed');
  assert.is(consumer.tryNext(), null);
  producer.put(frame(5));
  const taken = await consumer.next({ timeoutMs: 5000 });
  assert.equal([taken?.sequence, taken?.data[0], taken?.missed], [5, 5, 0]);
  assert.is(consumer.tryNext(), null);
});

test('a lossless reader that is still in the first object when the second is removed, too, misses nothing', async () => {
  const name = poolName('twice');
  const COUNT = 60;
  using producer = TensorProducer.fromSample(name, frame(0), { historyLen: 6, waitTimeoutMs: 120_000 });
  using reader = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  using other = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const skimmed: number[] = [];
  const skim = () => {
    for (let taken = other.tryNext(); taken !== null; taken = other.tryNext()) skimmed.push(taken.sequence);
  };
  for (let removals = 0; removals < 3; removals++) {
    producer.put(frame(removals));
    unlinkSync(path(name));
    await until(() => existsSync(path(name)), 'the object is there again');
    // One that keeps up goes from object to object, and one that has taken nothing stays in the first.
    await until(() => {
      skim();
      return other.connected && inspect(name)?.consumers.length === 2;
    }, 'one has followed, and the place of the other is kept');
  }
  // Longer than a reader may take to come that has left its object: this one has not.
  await sleep(2500);
  const putting = (async () => {
    for (let k = 3; k < COUNT; k++) await producer.putAsync(frame(k));
  })();
  const skimming = setInterval(skim, 5);
  await sleep(500);
  const seen: number[] = [];
  for await (const taken of reader) {
    assert.is(taken.data[0], taken.sequence);
    seen.push(taken.sequence);
    if (taken.sequence === COUNT - 1) break;
  }
  await putting;
  clearInterval(skimming);
  skim();
  const all = Array.from({ length: COUNT }, (_, k) => k);
  assert.equal(seen, all);
  assert.equal(skimmed, all);
});

test('a put that blocks its thread notices, too: the pool is there for newcomers, and for readers that the put waits for', () => {
  const name = poolName('blocked');
  using producer = TensorProducer.fromSample(name, frame(0), { waitTimeoutMs: 20_000 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frame(0));
  using view = consumer.borrow();
  const slots = inspect(name)?.slotCapacity as number;
  for (let k = 1; k < slots; k++) producer.put(frame(k));
  unlinkSync(path(name));
  // The view is of the old object, which nobody writes any more.
  assert.is(producer.put(frame(slots)), slots);
  assert.ok(existsSync(path(name)));
  assert.equal([view?.valid, view?.data[0]], [true, 0]);
});

test('attached consumers follow: loops, listeners, blocking waits', async () => {
  const name = poolName('attached');
  using producer = TensorProducer.fromSample(name, frame(0), { historyLen: 3 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  await using far = new Child('peer');
  await far.ask({ op: 'consume', pool: name });
  await far.ask({ op: 'listen' });
  const seen: number[] = [];
  consumer.on('frame', ({ sequence }) => seen.push(sequence));
  for (let round = 0; round < 3; round++) {
    producer.put(frame(round));
    await until(() => seen.at(-1) === producer.nextSequence - 1, 'the frame came');
    unlinkSync(path(name));
    await until(() => existsSync(path(name)), 'the object is there again');
    await until(() => consumer.connected && inspect(name)?.consumers.length === 2, 'both have followed');
  }
  const { value } = await far.ask<{ value: { sequence: number } }>({ op: 'get' });
  assert.is(value.sequence, 2);
  assert.equal(new Set(seen).size, seen.length, 'no frame twice');
});

for (const policy of ['put', 'putAsync'] as const) {
  test(`lossless readers, near and far, slow and fast, miss nothing (${policy})`, async () => {
    const name = poolName('lossless');
    const COUNT = 3000;
    using producer = TensorProducer.fromSample(name, frame(0), { historyLen: 3, waitTimeoutMs: 60_000 });
    await using far = new Child('waking-peer');
    await far.ask({ op: 'consume', pool: name, options: { delivery: 'all' } });
    await far.ask({ op: 'wait' });
    using near = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const taken of near) {
        assert.is(taken.data[511], taken.sequence);
        seen.push(taken.sequence);
        // Now and then it is late, and the producer has to wait: what is in the ring must not be lost with the object.
        if (taken.sequence % 500 === 250) await sleep(30);
        if (taken.sequence === COUNT - 1) return;
      }
    })();
    let removals = 0;
    for (let k = 0; k < COUNT; k++) {
      await producer.putAsync(frame(k));
      if (policy === 'put' && k % 50 === 0) await sleep(1);
      if (k % 1000 === 500) {
        unlinkSync(path(name));
        removals += 1;
        // Frames go on while the name is gone, and when it is back.
        const gone = Date.now();
        while (!existsSync(path(name)) && Date.now() - gone < 30_000) {
          if (producer.nextSequence < k + 300) await producer.putAsync(frame(producer.nextSequence));
          else await sleep(5);
        }
        k = producer.nextSequence - 1;
      }
    }
    assert.is(removals, 3);
    await reading;
    assert.equal(gaps(seen), [], 'the near reader');
    assert.is(seen.length, COUNT);
    let away: number[] = [];
    const deadline = Date.now() + 60_000;
    while (away.length < COUNT && Date.now() < deadline) {
      await sleep(20);
      away = (await far.ask<{ value: number[] }>({ op: 'seen' })).value;
    }
    assert.equal(gaps(away), [], 'the far reader');
    assert.is(away.length, COUNT);
  });
}

test('a producer that never returns to its event loop notices, too', async () => {
  const name = poolName('busy');
  const program = fileURLToPath(new URL('./name-peer.mjs', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', program, name, '8'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    out += chunk;
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  using consumer = TensorConsumer.attach<Float64Array>(name);
  await until(() => consumer.get() !== null, 'it publishes');
  unlinkSync(path(name));
  await until(() => existsSync(path(name)), 'the object is there again');
  using late = TensorConsumer.attach<Float64Array>(name);
  await until(() => late.get() !== null, 'newcomers find it');
  const first = late.stats().lastSequence as number;
  await until(() => (late.get()?.sequence ?? 0) > first, 'and frames come');
  await until(() => (consumer.get()?.sequence ?? 0) > first, 'also to those that were there');
  await ended;
  assert.match(out, /has been made anew/);
  assert.equal(leftovers(name), []);
});

test('another producer has taken the name: this one goes on for its own, without a fight', async () => {
  const name = poolName('taken');
  using producer = TensorProducer.fromSample(name, frame(0));
  using own = TensorConsumer.attach<Float64Array>(name);
  unlinkSync(path(name));
  // At once: before the look.
  using other = TensorProducer.fromSample(name, new Float64Array(8));
  await until(() => warned(name, /another producer has taken the name/), 'it says so');
  producer.put(frame(5));
  other.put(new Float64Array(8).fill(7));
  assert.is(own.get()?.data[0], 5);
  using late = TensorConsumer.attach<Float64Array>(name);
  assert.is(late.get()?.data[0], 7);
  late.cleanup();
  other.cleanup();
  await until(() => inspect(name)?.producer.alive === true, 'when the name is free again, it takes it back');
  assert.is(producer.put(frame(6)), 1);
  await until(() => own.get()?.data[0] === 6, 'and those that were there follow');
});

test('rm --force means it: the producer is told, and does not make the pool anew', async () => {
  const name = poolName('on-purpose');
  using producer = TensorProducer.fromSample(name, frame(0));
  using own = TensorConsumer.attach<Float64Array>(name);
  const { status, stderr } = spawnSync(process.execPath, [Cli.program, 'rm', name, '--force'], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  await until(() => warned(name, /removed on purpose/), 'it says so');
  await sleep(1200);
  assert.equal(leftovers(name), []);
  producer.put(frame(1));
  assert.is(own.get()?.data[0], 1);
});

test('a loaned slot is not pulled away: the pool is made anew when it has been committed', async () => {
  const name = poolName('loaned');
  using producer = TensorProducer.fromSample(name, frame(0));
  producer.put(frame(0));
  const slot = producer.loan();
  unlinkSync(path(name));
  await sleep(1200);
  assert.not.ok(existsSync(path(name)));
  slot.data.fill(42);
  assert.is(slot.commit(), 1);
  await until(() => existsSync(path(name)), 'the object is there again');
  using late = TensorConsumer.attach<Float64Array>(name);
  assert.equal([late.get()?.sequence, late.get()?.data[511]], [1, 42]);
});

test('a producer whose name was removed does not keep its process alive', async () => {
  const name = poolName('ends');
  const program = fileURLToPath(new URL('./name-peer.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, ['--no-warnings', program, name, '0'], { timeout: 60_000 });
  assert.is(status, 0);
  assert.equal(leftovers(name), []);
});

test.run();
