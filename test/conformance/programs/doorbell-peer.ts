// A consumer that says what its doorbell is called, and then what it was woken for:  doorbell-peer POOL

import { inspect, TensorConsumer } from 'tensor-ipc';

const [, , pool = ''] = process.argv;
const consumer = TensorConsumer.attach<Float32Array>(pool);
const next = consumer.next();
console.log(JSON.stringify({ doorbell: inspect(pool)?.doorbells[0]?.file }));
console.log(JSON.stringify({ value: (await next)?.data[0] }));
consumer.close();
