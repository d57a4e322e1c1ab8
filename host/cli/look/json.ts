// Pools as JSON, for programs. Nanoseconds and ids do not fit its numbers: they are strings.

import type { PoolInfo } from '../../entry/main';
import { lateMs, type Row, stateOf } from './rows';

export function entryJson({ entry, rateHz }: Row): object {
  const { name, info, error } = entry;
  if (info !== null) return poolJson(info, rateHz);
  return {
    name,
    wire: 'native',
    state: stateOf(entry),
    ...(error === null ? {} : { error: { code: error.code, message: error.message } }),
  };
}

export function poolJson(info: PoolInfo, rateHz: number | null): object {
  const { metadata, poolId, createdNs, publishedNs, timestampNs, producer, consumers, ...rest } = info;
  return {
    ...rest,
    wire: 'native',
    mode: `0${info.mode.toString(8)}`,
    historyLen: metadata.historyLen,
    plain: metadata.plain,
    fields: metadata.fields,
    attributes: metadata.attributes,
    lateMs: lateMs(info),
    poolId: poolId.toString(16).padStart(16, '0'),
    createdNs: String(createdNs),
    publishedNs: publishedNs === null ? null : String(publishedNs),
    timestampNs: timestampNs === null ? null : String(timestampNs),
    rateHz,
    producer: { ...producer, sinceNs: String(producer.sinceNs) },
    consumers: consumers.map((consumer) => ({ ...consumer, sinceNs: String(consumer.sinceNs) })),
  };
}
