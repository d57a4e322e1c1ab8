// A library without Float16Array: the engine may have one all the same, so that float16 is an array of any kind.

import { TensorConsumer, type TypedArray } from 'tensor-ipc';

const data: TypedArray | undefined = TensorConsumer.attach('half', { dtype: 'float16' }).get()?.data;
// wrong: TS2322 is not assignable to type 'Uint16Array
const bits: Uint16Array | undefined = TensorConsumer.attach('half', { dtype: 'float16' }).get()?.data;

export { bits, data };
