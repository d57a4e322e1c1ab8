// Float16Array, where TypeScript's library has it (lib esnext.float16, from 5.8 on).

import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const producer = TensorProducer.fromSample('half', new Float16Array(3));
producer.put(new Float16Array(3));
// wrong: TS2345 is not assignable to parameter of type 'SampleTensor<Float16Array
producer.put(new Float32Array(3));
const frame = TensorConsumer.fromSample('half', new Float16Array(3)).get();
const own: Float16Array<ArrayBuffer> | undefined = frame?.data;
const either: Float16Array | Uint16Array | undefined = TensorConsumer.attach('half', { dtype: 'float16' }).get()?.data;
const shared: SharedArrayBuffer = producer.loan().data.buffer;

export { either, own, shared };
