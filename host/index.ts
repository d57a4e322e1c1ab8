// The public API, without a runtime: host/entry/<runtime>.ts adds one.

export {
  type ConsumerEvents,
  type ConsumerOptions,
  type FramesOptions,
  type GetOptions,
  type NextOptions,
  TensorConsumer,
  type WindowOptions,
} from './consumer';
export type { Dtype, TypedArray } from './dtype';
export { TensorIpcError, type TensorIpcErrorCode } from './errors';
export { Frame } from './frame';
export {
  type FieldMetadata,
  type HistoryPad,
  MetadataCreator,
  PoolMetadata,
  type PoolMetadataInit,
  recommendedHistoryLen,
  type Sample,
  type SampleOptions,
} from './metadata';
export type { Trust } from './pool';
export { type OnPinned, type ProducerOptions, type ProducerStats, type PutOptions, Slot, TensorProducer } from './producer';
export type { TensorLike, TensorView } from './tensor';
export { View } from './view';
