// The public API, without a runtime: host/entry/<runtime>.ts adds one.

export type { OnPinned } from './claims';
export { monotonicNs } from './clock';
export { TensorConsumer } from './consumer';
export type {
  ConsumerEvents,
  ConsumerOptions,
  ConsumerStats,
  FramesOptions,
  GetOptions,
  NextOptions,
  WindowOptions,
} from './consumer-options';
export type { Dtype, TypedArray } from './dtype';
export { TensorIpcError, type TensorIpcErrorCode, type TensorIpcErrorOptions } from './errors';
export { Frame } from './frame';
export {
  type BellInfo,
  type ConsumerInfo,
  inspect,
  list,
  type PoolEntry,
  type PoolInfo,
  type PoolState,
  type ProducerInfo,
} from './inspect';
export {
  type Backend,
  type FieldMetadata,
  type HistoryPad,
  MetadataCreator,
  PoolMetadata,
  type PoolMetadataInit,
  recommendedHistoryLen,
  type Sample,
  type SampleOptions,
} from './metadata';
export { type ProducerOptions, type ProducerStats, TensorProducer } from './producer';
export type { SharedPool } from './share';
export { type PutOptions, Slot } from './slot';
export type { TensorLike, TensorView } from './tensor';
export type { Trust } from './trust';
export { View } from './view';
export type { Wire, WireOptions } from './wires';
