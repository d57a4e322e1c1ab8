// What a second user gets: attach or produce, answered as JSON. node as-user.mjs attach|produce NAME [TRUST]

import { TensorConsumer, TensorIpcError, TensorProducer, type Trust } from 'tensor-ipc';

const [operation, name = '', trust] = process.argv.slice(2);
try {
  if (operation === 'produce') {
    TensorProducer.fromSample(name, { data: new Float32Array(6), shape: [2, 3] }).cleanup();
    console.log('{}');
  } else {
    using consumer = TensorConsumer.attach(name, trust === undefined ? {} : { trust: trust as Trust });
    console.log(JSON.stringify({ sequence: consumer.get()?.sequence }));
  }
} catch (error) {
  if (!(error instanceof TensorIpcError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
