// A producer that waits to be killed: its pool is for everybody.

import { TensorProducer } from 'tensor-ipc';

const name = process.argv[2] as string;
const producer = TensorProducer.fromSample(name, new Uint8Array(16), { mode: 0o666, historyLen: 2 });
producer.put(new Uint8Array(16));
process.send?.('ready');
setInterval(() => producer.nextSequence, 1000);
