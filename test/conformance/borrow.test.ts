import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, poolName, sleep, until } from '../support/child';
import { Random } from '../support/random';

const test = suite('loans, views and pins');
const gc = (globalThis as { gc?: () => void }).gc;

function frameOf(value: number): Float64Array {
  return new Float64Array(512).fill(value);
}

test('a loan is published by commit, and by nothing else', () => {
  const name = poolName('loan');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  {
    using slot = producer.loan();
    assert.is(slot.sequence, 0);
    assert.equal(slot.shape, [512]);
    slot.data.fill(1);
    assert.throws(() => producer.put(frameOf(9)), hasCode('LOAN_OUTSTANDING'));
    assert.throws(() => producer.loan(), hasCode('LOAN_OUTSTANDING'));
    assert.is(consumer.get(), null, 'not before commit');
    assert.is(slot.commit({ timestampNs: 77n }), 0);
    assert.throws(() => slot.commit(), hasCode('RELEASED'));
    assert.throws(() => slot.data, hasCode('RELEASED'));
  }
  assert.is(consumer.get()?.data[511], 1);
  assert.is(consumer.get()?.timestampNs, 77n);
  {
    using slot = producer.loan();
    slot.data.fill(2);
  }
  assert.is(consumer.get()?.sequence, 0, 'released uncommitted: nothing was published');
  assert.is(producer.put(frameOf(3)), 1, 'and no number was lost');
  assert.is(consumer.get()?.data[0], 3);
});

test('an abandoned loan never shows, not even in windows, and the ring goes on', () => {
  const name = poolName('abandon');
  const random = new Random(5);
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 4 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  let next = 0;
  for (let i = 0; i < 500; i++) {
    using slot = producer.loan();
    assert.is(slot.sequence, next);
    slot.data.fill(random.next() < 0.5 ? next : -1);
    if (slot.data[0] === next) {
      slot.commit();
      next += 1;
    }
    if (next === 0) continue;
    const window = consumer.get({ historyLen: 4 });
    for (let k = 0; k < 4; k++) assert.is(window?.at(k)[511], Math.max(0, next - 1 - k));
  }
});

test('a loan that is forgotten is given back when it is collected', async () => {
  const name = poolName('forgotten-loan');
  using producer = TensorProducer.fromSample(name, frameOf(0));
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.message);
  process.on('warning', onWarning);
  (() => producer.loan().data.fill(1))();
  assert.throws(() => producer.put(frameOf(2)), hasCode('LOAN_OUTSTANDING'));
  for (let i = 0; i < 200 && warnings.length === 0; i++) {
    gc?.();
    await sleep(5);
  }
  process.off('warning', onWarning);
  assert.match(warnings[0] ?? '', /loaned slot was dropped/);
  assert.is(producer.put(frameOf(3)), 0);
});

test('drop: a pinned frame refuses the next one, which is counted, and nothing else', () => {
  const name = poolName('drop');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3, onPinned: 'drop' });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(0));
  const view = consumer.borrow();
  let refused = 0;
  let sequence = 0;
  for (let k = 1; k < 2000; k++) {
    const answer = producer.put(frameOf(k));
    if (answer === -1) refused += 1;
    else assert.is(answer, ++sequence);
  }
  assert.ok(refused > 0);
  assert.is(producer.stats().framesRefused, refused);
  assert.ok(view?.valid);
  assert.is(view?.data[511], 0);
  {
    using slot = producer.loan();
    assert.ok(slot.refused);
    slot.data.fill(5);
    assert.is(slot.commit(), -1);
  }
  view?.release();
  assert.not.ok(view?.valid);
  assert.throws(() => view?.data, hasCode('RELEASED'));
  assert.is(producer.put(frameOf(1)), sequence + 1);
});

test('overwrite: the view says so, and a copy is whole all the same', () => {
  const name = poolName('overwrite');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3, onPinned: 'overwrite' });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(0));
  using view = consumer.borrow();
  assert.ok(view?.valid);
  for (let k = 1; k < 3000; k++) assert.is(producer.put(frameOf(k)), k);
  assert.not.ok(view?.valid);
  assert.ok(producer.stats().framesOverrun > 0);
  assert.is(consumer.get()?.data[511], 2999);
});

test('wait: put throws after waitTimeoutMs, names the cure, and the frame can be put again', () => {
  const name = poolName('timeout');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 30 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(0));
  const view = consumer.borrow();
  let put = 1;
  assert.throws(() => {
    for (; put < 2000; put++) producer.put(frameOf(put));
  }, hasCode('PIN_TIMEOUT'));
  assert.throws(() => producer.loan(), hasCode('PIN_TIMEOUT'));
  assert.is(view?.data[0], 0);
  view?.release();
  assert.is(producer.put(frameOf(put)), put);
});

test('wait: a release in another process wakes the producer', async () => {
  const name = poolName('wake');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 60_000 });
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  for (let round = 0; round < 5; round++) {
    const sequence = producer.put(frameOf(round));
    assert.equal(await child.ask({ op: 'borrow' }), { value: { sequence, first: round } });
    // Answered only after the release, which happens while we block below.
    child.send({ op: 'release' });
    while (producer.nextSequence < sequence + 3000) producer.put(frameOf(-1));
    await child.receive();
  }
});

test('wait: a consumer that is killed while it holds a view costs the producer nothing', async () => {
  const name = poolName('killed');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 2, waitTimeoutMs: 60_000 });
  for (let round = 0; round < 3; round++) {
    const child = new Child('peer');
    await child.ask({ op: 'consume', pool: name });
    producer.put(frameOf(round));
    await child.ask({ op: 'borrow', historyLen: 2 });
    await child.kill();
    for (let k = 0; k < 1500; k++) producer.put(frameOf(k));
  }
});

test('many views of one consumer: the oldest holds, in whatever order they go', () => {
  const random = new Random(11);
  const name = poolName('views');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 6, onPinned: 'drop' });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const views: { view: NonNullable<ReturnType<typeof consumer.borrow>>; count: number }[] = [];
  let next = 0;
  let refused = 0;
  for (let step = 0; step < 20_000; step++) {
    const dice = random.next();
    if (dice < 0.6) {
      if (producer.put(frameOf(next)) === next) next += 1;
      else refused += 1;
    } else if (dice < 0.8 && views.length < 12) {
      const count = random.integer(1, 6);
      const view = consumer.borrow({ historyLen: count });
      if (view !== null) views.push({ view, count });
    } else if (views.length > 0) {
      const [{ view, count }] = views.splice(random.integer(0, views.length - 1), 1) as [(typeof views)[0]];
      assert.ok(view.valid);
      for (let k = 0; k < count; k++) assert.is((count === 1 ? view.data : view.at(k))[100], Math.max(0, view.sequence - k));
      view.release();
    }
  }
  assert.ok(refused > 0, 'the views were in the way at times');
  for (const { view } of views) view.release();
  assert.is(producer.put(frameOf(0)), next);
});

test('a view that is forgotten is released when it is collected, with a warning', async () => {
  const name = poolName('forgotten-view');
  using producer = TensorProducer.fromSample(name, frameOf(0), { onPinned: 'drop' });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(1));
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.message);
  process.on('warning', onWarning);
  (() => assert.is(consumer.borrow()?.data[0], 1))();
  for (let i = 0; i < 200 && warnings.length === 0; i++) {
    gc?.();
    await sleep(5);
  }
  process.off('warning', onWarning);
  assert.match(warnings[0] ?? '', /borrowed view was dropped/);
  for (let k = 0; k < 2000; k++) assert.is.not(producer.put(frameOf(k)), -1);
});

test('a view outlives its consumer and its producer', async () => {
  const name = poolName('outlive');
  const producer = TensorProducer.fromSample(name, frameOf(0));
  const consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frameOf(4));
  using view = consumer.borrow();
  producer.cleanup();
  assert.is(consumer.get(), null);
  assert.not.ok(consumer.connected);
  consumer.cleanup();
  assert.throws(() => consumer.get(), hasCode('CLOSED'));
  assert.throws(() => producer.put(frameOf(1)), hasCode('CLOSED'));
  assert.is(view?.data[511], 4);
  assert.ok(view?.valid);
  await until(() => true, 'nothing');
});

test('protect: reads as ever, and a stray write ends the program that makes it, not the frames', async () => {
  const name = poolName('protect');
  using producer = TensorProducer.fromSample(name, frameOf(0), { historyLen: 3 });
  using consumer = TensorConsumer.attach<Float64Array>(name);
  const child = new Child('peer');
  await child.ask({ op: 'consume', pool: name, options: { protect: true } });
  for (let k = 0; k < 10; k++) producer.put(frameOf(k));
  assert.equal(await child.ask({ op: 'get' }), { value: { sequence: 9, first: 9 } });
  assert.equal(await child.ask({ op: 'borrow', historyLen: 3 }), { value: { sequence: 9, first: 7 } });
  child.send({ op: 'scribble' });
  assert.equal(await child.ended, { code: null, signal: 'SIGSEGV' });
  assert.is(consumer.get()?.data[0], 9);
  for (let k = 10; k < 1000; k++) producer.put(frameOf(k));
  assert.is(consumer.get()?.data[511], 999);
});

test('a million puts, loans and borrows grow neither heap nor RSS', () => {
  const name = poolName('memory');
  using producer = TensorProducer.fromSample(name, new Float32Array(7), { historyLen: 10 });
  using consumer = TensorConsumer.attach<Float32Array>(name);
  const frame = new Float32Array(7);
  const work = (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      producer.put(frame);
      producer.loan().commit();
      consumer.borrow()?.release();
      consumer.borrow({ historyLen: 10 })?.release();
    }
  };
  const measure = () => {
    gc?.();
    gc?.();
    const { heapUsed, rss, external } = process.memoryUsage();
    return { heapUsed, rss, external };
  };
  work(200_000);
  const before = measure();
  work(1_000_000);
  const after = measure();
  // Not a byte more is meant; what the engine itself moves about is far below 4 bytes a round.
  assert.ok(after.heapUsed - before.heapUsed < 1_000_000, `heap ${before.heapUsed} → ${after.heapUsed}`);
  assert.ok(after.external - before.external < 1_000_000, `external ${before.external} → ${after.external}`);
  assert.ok(after.rss - before.rss < 8_000_000, `rss ${before.rss} → ${after.rss}`);
});

test.run();
