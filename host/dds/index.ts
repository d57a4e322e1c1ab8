// The public API of tensor-ipc/dds, without a runtime: host/entry/dds.ts adds one.

export { TensorIpcError, type TensorIpcErrorCode, type TensorIpcErrorOptions } from '../runtime/errors';
export { type Announcement, DISCOVERY_QOS, DISCOVERY_TOPIC, DISCOVERY_TYPE } from './announcement';
export { type AnnouncedPool, DdsPoolBrowser, type DdsPoolBrowserEvents, listAnnounced } from './browser';
export { DEFAULT_CONFIGURATION, LOOPBACK_CONFIGURATION, UNICAST_CONFIGURATION } from './configuration';
export type { DdsQos, DdsSample } from './library';
export { DdsParticipant, type DdsParticipantOptions } from './participant';
export { POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from './pool-types';
export { type DdsLiveliness, type DdsNextOptions, DdsReader, type DdsReaderEvents } from './reader';
export { DdsTopic } from './topic';
export type { DdsType, DdsTypeDescriptor } from './type';
export { DdsWriter, type DdsWriterEvents } from './writer';
