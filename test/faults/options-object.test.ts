// What is passed in place of options: an error of the library at the call, not a raw TypeError and not silence.

import { MetadataCreator, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const SAMPLE = new Float32Array(3);

function refused(call: () => unknown, what: string): void {
  try {
    call();
  } catch (error) {
    assert.instance(error, TensorIpcError, what);
    assert.is((error as TensorIpcError).code, 'INVALID_ARGUMENT', what);
    assert.match((error as TensorIpcError).message, 'options must be an object', what);
    return;
  }
  assert.unreachable(`${what} was accepted`);
}

for (const wrong of [null, 10, 'historyLen', true] as const) {
  // As plain JavaScript passes it.
  const options = wrong as never;
  test(`${JSON.stringify(wrong)} in place of options`, async () => {
    const name = poolName('options');
    const metadata = MetadataCreator.fromSample(name, SAMPLE);
    refused(() => TensorProducer.fromSample(name, SAMPLE, options), 'producer, fromSample');
    refused(() => new TensorProducer(metadata, options), 'producer');
    refused(() => TensorConsumer.fromSample(name, SAMPLE, options), 'consumer, fromSample');
    refused(() => TensorConsumer.attach(name, options), 'attach');
    refused(() => new TensorConsumer(metadata, options), 'consumer');
    using producer = TensorProducer.fromSample(name, SAMPLE);
    using consumer = TensorConsumer.attach(name);
    producer.put(SAMPLE);
    refused(() => consumer.get(options), 'get');
    refused(() => consumer.borrow(options), 'borrow');
    refused(() => consumer.tryNext(options), 'tryNext');
    refused(() => consumer.frames(options), 'frames');
    // Once a timeout that was meant: it waited for ever.
    const next = await consumer.next(options).then(
      () => null,
      (error: unknown) => error,
    );
    refused(() => {
      throw next;
    }, 'next');
  });
}

test.run();
