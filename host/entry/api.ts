// The public API, without a runtime: host/entry/<runtime>.ts adds one.

export type { AttachOptions } from '../client/attach-options';
export { TensorConsumer } from '../client/consumer';
export { type ProducerStats, TensorProducer } from '../client/producer';
export type { CreateOptions, ProducerOptions } from '../client/producer-options';
export { Frame } from '../endpoint/frame';
export type {
  ConsumerEvents,
  ConsumerOptions,
  ConsumerStats,
  FramesOptions,
  GetOptions,
  NextOptions,
  OpenOptions,
  ReadyOptions,
  Trust,
  WindowOptions,
} from '../endpoint/options';
export type { FrameJson } from '../endpoint/shown';
export { type CommitOptions, type FrameLength, type LoanOptions, type PutOptions, Slot } from '../endpoint/slot';
export { View } from '../endpoint/view';
export type { Wire, WireOptions } from '../endpoint/wires';
export type { SharedPool } from '../memory/share';
export type { OnPinned } from '../native/backpressure';
export {
  type ConsumerInfo,
  type DoorbellInfo,
  inspect,
  list,
  type PoolEntry,
  type PoolInfo,
  type PoolState,
  type ProducerInfo,
} from '../native/inspect';
export { monotonicNs } from '../runtime/clock';
export { TensorIpcError, type TensorIpcErrorCode, type TensorIpcErrorOptions } from '../runtime/errors';
export type {
  ByteArray,
  OwnTypedArray,
  SharedBigInt64Array,
  SharedBigUint64Array,
  SharedFloat32Array,
  SharedFloat64Array,
  SharedInt8Array,
  SharedInt16Array,
  SharedInt32Array,
  SharedTypedArray,
  SharedUint8Array,
  SharedUint16Array,
  SharedUint32Array,
  TypedArray,
} from '../tensor/arrays';
export type { Attributes, Json } from '../tensor/attributes';
export { MetadataCreator, recommendedHistoryLen, type Sample, type SampleOptions, type SampleTensor } from '../tensor/creator';
export type { Dtype } from '../tensor/dtype';
export { type Encoding, type EncodingInfo, encodings } from '../tensor/encodings';
export type { StatedForm } from '../tensor/expectation';
export type { AnyFields, ArrayOf, FieldArrays, FrameForm, FrameOf, StatedField, StatedFields } from '../tensor/form';
export {
  type Backend,
  type FieldInit,
  type FieldMeaning,
  type FieldMetadata,
  type HistoryPad,
  PoolMetadata,
  type PoolMetadataInit,
} from '../tensor/metadata';
export type { ShapedTensor, TensorLike, TensorView } from '../tensor/tensor';
