// A consumer that says what its bell is called, and then what it was woken for:  bell-peer POOL

import { inspect, TensorConsumer } from 'tensor-ipc';

const [, , pool = ''] = process.argv;
const consumer = TensorConsumer.attach<Float32Array>(pool);
const next = consumer.next();
console.log(JSON.stringify({ bell: inspect(pool)?.bells[0]?.file }));
console.log(JSON.stringify({ value: (await next)?.data[0] }));
consumer.close();
