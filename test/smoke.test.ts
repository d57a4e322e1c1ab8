import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('a frame goes through', () => {
  using producer = TensorProducer.fromSample('smoke', new Float32Array(7));
  using consumer = TensorConsumer.attach('smoke');
  producer.put(new Float32Array([1, 2, 3, 4, 5, 6, 7]));
  assert.equal(consumer.get()?.data[6], 7);
});

test.run();
