// A frame that is put just before its producer closes, exits or is killed: it reaches everybody who reads, once, and before the end is told.

import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, sleep, until } from '../support/child';

const test = suite('last frame');

function frameOf(value: number): Float64Array {
  return new Float64Array(8).fill(value);
}

const produce = (name: string) => TensorProducer.fromSample(name, frameOf(0), { historyLen: 4 });

/** A consumer that notes what happens, in order, as its readers see it. */
function watched(name: string) {
  const consumer = TensorConsumer.attach<Float64Array>(name);
  const log: string[] = [];
  consumer.on('disconnect', (reason) => log.push(reason));
  return { consumer, log };
}

type Watched = ReturnType<typeof watched>;

test('the metadata of a pool is still there when its last frame comes, and until the next pool', async () => {
  const name = poolName('described');
  using consumer = TensorConsumer.attach(name);
  assert.is(consumer.metadata, null);
  {
    using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3, attributes: { serial: 7 } });
    await consumer.ready();
    producer.put(frameOf(5));
  }
  const frame = await consumer.next();
  assert.is(frame?.data[0], 5);
  assert.not(consumer.connected);
  assert.equal(consumer.metadata?.attributes, { serial: 7 });
  // Of the pool to come nothing is known: an array of another length may be for that.
  assert.is(consumer.get({ into: new Float64Array(16) }), null);
  assert.is(consumer.peek({ into: new Float64Array(16) }), null);
  using _next = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2 });
  await until(() => consumer.connected, 'it has met the next one');
  assert.is(consumer.metadata?.historyLen, 2);
});

/** Ways to read that wait on the event loop. Each notes the first value of every frame. */
const READERS: Readonly<Record<string, (w: Watched) => void>> = {
  'a loop': ({ consumer, log }) => {
    (async () => {
      for await (const frame of consumer) log.push(`frame ${frame.data[0]}`);
    })();
  },
  'a loop of views': ({ consumer, log }) => {
    (async () => {
      for await (using view of consumer.frames({ borrow: true })) log.push(`frame ${view.data[0]}`);
    })();
  },
  'a loop of windows': ({ consumer, log }) => {
    (async () => {
      for await (const frame of consumer.frames({ historyLen: 2 })) log.push(`frame ${frame.at(0)[0]}`);
    })();
  },
  next: ({ consumer, log }) => {
    (async () => {
      for (;;) {
        const frame = await consumer.next();
        if (frame === null) return;
        log.push(`frame ${frame.data[0]}`);
      }
    })();
  },
  "on('frame')": ({ consumer, log }) => {
    consumer.on('frame', (frame) => log.push(`frame ${frame.data[0]}`));
  },
};

for (const [what, read] of Object.entries(READERS)) {
  test(`${what}: put and close at once`, async () => {
    const name = poolName('close');
    const producer = produce(name);
    const w = watched(name);
    using _ = w.consumer;
    read(w);
    await sleep(5);
    producer.put(frameOf(7));
    producer.close();
    await until(() => w.log.length >= 2, 'the frame and the end are told');
    assert.equal(w.log, ['frame 7', 'closed']);
    await sleep(400);
    assert.equal(w.log, ['frame 7', 'closed'], 'and only once');
    assert.is(w.consumer.get(), null);
  });

  test(`${what}: a new producer comes at once`, async () => {
    const name = poolName('quick');
    const w = watched(name);
    using _ = w.consumer;
    read(w);
    for (let k = 0; k < 6; k += 2) {
      const first = produce(name);
      await until(() => w.consumer.connected, 'it is connected');
      await sleep(5);
      first.put(frameOf(k));
      first.close();
      const second = produce(name);
      await until(() => w.log.includes(`frame ${k}`) && w.consumer.connected, 'it goes on');
      second.put(frameOf(k + 1));
      second.close();
      await until(() => w.log.at(-1) === 'closed' && w.log.at(-2) === `frame ${k + 1}`, 'the second end is told');
    }
    const ends = [0, 1, 2, 3, 4, 5].flatMap((k) => [`frame ${k}`, 'closed']);
    assert.equal(w.log, ends);
  });

  test(`${what}: another process puts and closes, and one puts and is killed`, async () => {
    const name = poolName('far');
    const w = watched(name);
    using _ = w.consumer;
    read(w);
    let value = 0;
    for (const end of ['close', 'kill', 'exit'] as const) {
      value += 1;
      const child = new Child('last-peer', [name, String(value), end]);
      await child.receive();
      await until(() => w.consumer.connected, 'it is connected');
      // It puts a frame in this very moment, and is gone.
      child.send('go');
      await child.ended;
      await until(() => w.log.length === 2 * value, `frame ${value} and its end are told: ${w.log}`);
      assert.equal(w.log.slice(-2), [`frame ${value}`, end === 'kill' ? 'died' : 'closed']);
    }
  });
}

test('onNewData: put and close at once', async () => {
  const name = poolName('callback');
  const producer = produce(name);
  const log: string[] = [];
  using consumer = TensorConsumer.attach<Float64Array>(name, { onNewData: (frame) => log.push(`frame ${frame.data[0]}`) });
  consumer.on('disconnect', (reason) => log.push(reason));
  producer.put(frameOf(3));
  producer.close();
  await until(() => log.length >= 2, 'the frame and the end are told');
  assert.equal(log, ['frame 3', 'closed']);
});

test('readers that come after the end still have the last frame, each once; get has none', async () => {
  const name = poolName('late');
  const producer = produce(name);
  using consumer = TensorConsumer.attach<Float64Array>(name);
  for (let k = 0; k < 3; k++) producer.put(frameOf(k));
  producer.close();
  for (const loop of [consumer.frames(), consumer.frames({ historyLen: 3 })]) {
    const { value } = await loop.next();
    assert.equal([value?.sequence, value?.data[0]], [2, 2]);
    await loop.return?.();
  }
  assert.is((await consumer.next())?.data[0], 2);
  assert.is(await consumer.next({ timeoutMs: 5 }), null);
  assert.is(consumer.get(), null);
  assert.is(consumer.borrow(), null);
  assert.is(consumer.tryNext(), null);
});

test('a loop that is busy when the producer closes', async () => {
  const name = poolName('busy');
  const producer = produce(name);
  const { consumer, log } = watched(name);
  using _ = consumer;
  producer.put(frameOf(0));
  const reading = (async () => {
    for await (const frame of consumer) {
      log.push(`frame ${frame.data[0]}`);
      if (frame.data[0] === 5) return;
      // Longer than the end takes to be noticed.
      await sleep(500);
    }
  })();
  await until(() => log.length === 1, 'the loop is busy');
  for (let k = 1; k <= 5; k++) producer.put(frameOf(k));
  producer.close();
  await reading;
  assert.equal(
    log.filter((line) => line !== 'closed'),
    ['frame 0', 'frame 5'],
  );
  assert.ok(log.includes('closed'), 'the end is told in time all the same');
});

test('tryNext, spin and waitSync: the last frame, once', () => {
  const name = poolName('sync');
  for (const wait of ['tryNext', 'spin', 'waitSync'] as const) {
    for (const borrow of [false, true]) {
      const producer = produce(name);
      using consumer = TensorConsumer.attach<Float64Array>(name);
      const waits = () => (wait === 'spin' ? consumer.spin(1000) : wait === 'waitSync' ? consumer.waitSync(1) : true);
      const take = () => {
        const frame = borrow ? consumer.tryNext({ borrow: true }) : consumer.tryNext();
        const value = frame?.data[0];
        frame?.release();
        return value;
      };
      producer.put(frameOf(1));
      producer.put(frameOf(2));
      producer.close();
      assert.ok(waits());
      assert.is(take(), 2);
      assert.is(take(), undefined);
      assert.not.ok(consumer.spin(10) || consumer.waitSync(1));
      // The next pool is found.
      using next = produce(name);
      next.put(frameOf(9));
      assert.ok(waits());
      assert.is(take(), 9);
    }
  }
});

test('what waitSync or spin promises, the next get or borrow gives, and no other', () => {
  const name = poolName('promise');
  for (const read of ['get', 'borrow'] as const) {
    const producer = produce(name);
    using consumer = TensorConsumer.attach<Float64Array>(name);
    producer.put(frameOf(4));
    assert.ok(consumer.waitSync(0));
    producer.close();
    using frame = consumer[read]({ historyLen: 2 });
    assert.equal([frame?.at(0)[0], frame?.at(1)[0]], [4, 0]);
    assert.is(consumer[read](), null);
    assert.not.ok(consumer.waitSync(0));
  }
});

test('without waiting, get and borrow give nothing after the end, and nothing waits for them', () => {
  const name = poolName('null');
  for (const read of ['get', 'borrow'] as const) {
    const producer = produce(name);
    using consumer = TensorConsumer.attach<Float64Array>(name);
    producer.put(frameOf(4));
    producer.close();
    assert.is(consumer[read](), null);
    assert.not.ok(consumer.spin(10));
    assert.is(consumer.tryNext(), null);
  }
});

test('a view of the last frame stays whole after its consumer has left', async () => {
  const name = poolName('view');
  const producer = produce(name);
  const consumer = TensorConsumer.attach<Float64Array>(name);
  for (let k = 0; k < 4; k++) producer.put(frameOf(k));
  producer.close();
  const view = consumer.tryNext({ borrow: true, historyLen: 3 });
  consumer.close();
  await sleep(5);
  assert.ok(view?.valid);
  assert.equal(
    [0, 1, 2].map((k) => view?.at(k)[0]),
    [3, 2, 1],
  );
  view?.release();
});

test('a successor that takes the pool over goes on: nothing is given twice, nothing is missed', async () => {
  const name = poolName('heirs');
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const seen: number[] = [];
  let missed = 0;
  const reading = (async () => {
    for await (const frame of consumer) {
      seen.push(frame.sequence);
      missed += frame.missed;
      if (frame.sequence === 7) return;
    }
  })();
  for (let heir = 0; heir < 4; heir++) {
    const child = new Child('peer');
    await child.ask({ op: 'produce', pool: name, elements: 8, options: { historyLen: 4 } });
    await until(() => consumer.connected, 'it is connected');
    await child.ask({ op: 'put', value: heir });
    await until(() => seen.length === 2 * heir + 1, 'the first frame has come');
    child.send({ op: 'put', value: heir });
    await child.receive();
    await child.kill();
    await until(() => seen.length === 2 * heir + 2, 'the second has come, too');
  }
  await reading;
  assert.equal([seen, missed], [[0, 1, 2, 3, 4, 5, 6, 7], 0]);
  assert.is(inspect(name)?.consumers.filter(({ alive }) => alive).length, 1, 'it has one place in the pool');
  produce(name).close();
});

test('lossless: spin and tryNext give every frame that is left in a closed pool', () => {
  const name = poolName('rest');
  for (const wait of ['spin', 'waitSync'] as const) {
    const producer = produce(name);
    using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
    for (let k = 0; k < 5; k++) producer.put(frameOf(k));
    producer.close();
    for (let k = 0; k < 5; k++) {
      assert.ok(wait === 'spin' ? consumer.spin(1000) : consumer.waitSync(10), `${wait} promises frame ${k}`);
      assert.is(consumer.tryNext()?.data[0], k);
    }
    assert.not.ok(wait === 'spin' ? consumer.spin(1000) : consumer.waitSync(1));
    assert.is(consumer.tryNext(), null);
  }
});

test('lossless: get and borrow look, and neither move its place nor count', async () => {
  const name = poolName('look');
  using producer = produce(name);
  using consumer = TensorConsumer.attach<Float64Array>(name, { delivery: 'all' });
  const lags: unknown[] = [];
  consumer.on('lag', (info) => lags.push(info));
  for (let k = 0; k < 4; k++) producer.put(frameOf(k));
  const before = consumer.stats();
  for (let look = 0; look < 3; look++) {
    const frame = consumer.get({ historyLen: 2 });
    assert.equal([frame?.sequence, frame?.missed], [3, 0]);
    using view = consumer.borrow();
    assert.equal([view?.sequence, view?.missed], [3, 0]);
  }
  assert.equal(consumer.stats(), before);
  assert.equal(before, { connected: true, lastSequence: null, lag: 4, framesTaken: 0, framesMissed: 0 });
  for (let k = 0; k < 4; k++) {
    const frame = await consumer.next();
    assert.equal([frame?.sequence, frame?.missed], [k, 0]);
    assert.is(consumer.get()?.sequence, 3);
  }
  assert.equal(consumer.stats(), { connected: true, lastSequence: 3, lag: 0, framesTaken: 4, framesMissed: 0 });
  assert.equal(lags, []);
  producer.close();
  assert.is(consumer.get(), null);
});

test('nothing is left behind', () => {
  const name = poolName('left');
  const producer = produce(name);
  const consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(1));
  producer.close();
  assert.ok(consumer.spin(10));
  consumer.close();
  assert.equal(leftovers(name), []);
});

test.run();
