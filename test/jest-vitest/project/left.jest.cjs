/* global test, expect */
const { TensorProducer } = require('tensor-ipc');

test('a test that forgets to close its pool', () => {
  const producer = TensorProducer.fromSample(`${process.env.POOL_PREFIX}-left`, new Uint8Array(4));
  expect(producer.put(new Uint8Array(4))).toBe(0);
});
