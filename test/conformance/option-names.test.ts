// Names that no option has: an error at the call, with what was probably meant.

import {
  type ConsumerOptions,
  MetadataCreator,
  PoolMetadata,
  type PutOptions,
  recommendedHistoryLen,
  TensorConsumer,
  TensorProducer,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, poolName } from '../support/child';

const test = suite('names of options');

const SAMPLE = new Float32Array(3);
const says = (text: string) => hasCode('INVALID_ARGUMENT', new RegExp(text.replace(/[?.()[\]]/g, '\\$&')));

test('every call that takes options knows their names', async () => {
  const name = poolName('names');
  const metadata = MetadataCreator.fromSample(name, SAMPLE);
  using producer = new TensorProducer(MetadataCreator.fromSample(poolName('names'), SAMPLE));
  producer.put(SAMPLE);
  using consumer = TensorConsumer.attach(producer.name);
  assert.ok(consumer.connected);
  const calls: readonly (readonly [call: (options: never) => unknown, wrong: string, right: string])[] = [
    [(o) => MetadataCreator.fromSample(name, SAMPLE, o), 'historyLength', 'historyLen'],
    [(o) => MetadataCreator.fromNumpySample(name, SAMPLE, o), 'attribute', 'attributes'],
    [(o) => MetadataCreator.fromTorchSample(name, SAMPLE, o), 'historylen', 'historyLen'],
    [(o) => new PoolMetadata(Object.assign({ name, fields: metadata.fields }, o)), 'historyLength', 'historyLen'],
    [(o) => metadata.assertMatches(metadata, o), 'ignorehistory', 'ignoreHistory'],
    [(o) => recommendedHistoryLen(o), 'publishRate', 'publishRateHz'],
    [(o) => new TensorProducer(metadata, o), 'onPined', 'onPinned'],
    [(o) => new TensorProducer(metadata, o), 'period', 'periodMs'],
    [(o) => TensorProducer.fromSample(name, SAMPLE, o), 'hsitoryLen', 'historyLen'],
    [(o) => TensorProducer.fromSample(name, SAMPLE, o), 'timeoutMs', 'waitTimeoutMs'],
    [(o) => new TensorConsumer(metadata, o), 'deadlineMS', 'deadlineMs'],
    [(o) => TensorConsumer.fromSample(name, SAMPLE, o), 'history', 'historyLen'],
    [(o) => TensorConsumer.attach(name, o), 'onNewdata', 'onNewData'],
    [(o) => consumer.get(o), 'maxAge', 'maxAgeMs'],
    [(o) => consumer.borrow(o), 'lastFirst', 'latestFirst'],
    [(o) => consumer.tryNext(o), 'borow', 'borrow'],
    [(o) => consumer.next(o), 'timeout', 'timeoutMs'],
    [(o) => consumer.frames(o), 'endonclose', 'endOnClose'],
    [(o) => consumer.ready(o), 'timeoutms', 'timeoutMs'],
    [(o) => consumer.peek(o), 'historylength', 'historyLen'],
    [(o) => producer.put(SAMPLE, o), 'timestamp', 'timestampNs'],
    [(o) => producer.putAsync(SAMPLE, o), 'timeStampNs', 'timestampNs'],
    [(o) => producer.loan(o), 'lenght', 'length'],
  ];
  for (const [call, wrong, right] of calls) {
    const expected = says(`unknown option '${wrong}': did you mean ${right}?`);
    const error = await Promise.resolve()
      .then(() => call({ [wrong]: 1 } as never))
      .then(
        () => null,
        (thrown: Error) => thrown,
      );
    assert.ok(error !== null && expected(error), `${call}: ${error?.message}`);
    // What is not given does not matter.
    if (wrong === 'publishRate') continue;
    producer.put(SAMPLE);
    const made = (await call({ [wrong]: undefined } as never)) as { close?(): void; release?(): void } | null | undefined;
    made?.close?.();
    made?.release?.();
  }
  assert.throws(
    () => consumer.get({ nothingLikeIt: 1 } as never),
    says("unknown option 'nothingLikeIt': there are historyLen, "),
  );
});

test('a slot stays lent after a wrong name', () => {
  using producer = TensorProducer.fromSample(poolName('slot'), SAMPLE);
  using slot = producer.loan();
  assert.throws(() => slot.commit({ timestamp: 1n } as PutOptions), says('did you mean timestampNs?'));
  assert.is(slot.commit({ timestampNs: 1n }), 0);
});

test('names from outside are shown as text, and not whole', () => {
  const name = poolName('text');
  const options = { [`\u001b[31m${'x'.repeat(1000)}`]: 1 } as ConsumerOptions;
  assert.throws(
    () => TensorConsumer.attach(name, options),
    (error: Error) => error.message.includes('\\u001b[31mx') && error.message.length < 1000,
  );
});

test('both ends may be given one object, and symbols, inherited names and what a derived class adds do not matter', () => {
  const name = poolName('fine');
  const both = { historyLen: 2, backend: 'numpy', attributes: { serial: 1 }, [Symbol('mine')]: 1 } as const;
  using producer = TensorProducer.fromSample(name, SAMPLE, both);
  using consumer = TensorConsumer.fromSample(name, SAMPLE, both);
  assert.ok(consumer.connected);
  producer.put(SAMPLE);
  const inherited = Object.create({ historyLen: 2, whatever: 3 });
  assert.equal(consumer.get(inherited)?.shape, [2, 3]);
  using third = TensorConsumer.fromSample(name, SAMPLE, inherited);
  assert.ok(third.connected);
  class Camera extends TensorProducer {
    readonly lens: string;

    constructor(metadata: PoolMetadata, options: { readonly lens: string; readonly mode?: number }) {
      super(metadata, options as object);
      this.lens = options.lens;
    }
  }
  using camera = new Camera(MetadataCreator.fromSample(poolName('derived'), SAMPLE), { lens: 'wide' });
  assert.is(camera.lens, 'wide');
  // Metadata that is there, changed.
  assert.is(new PoolMetadata({ ...producer.metadata, name: poolName('copy') }).historyLen, 2);
});

test.run();
