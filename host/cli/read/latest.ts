// The newest frame of a pool, also of one whose producer is gone.

import { type Frame, inspect, type PoolMetadata, type TensorConsumer, type Wire } from '../../entry/main';
import { showAge } from '../look/rows';
import { noFrame } from './frames';

const DEFAULT_TIMEOUT_MS = 2000;

export const TIMEOUT_OPTION = {
  type: 'string',
  value: 'MS',
  help: `Wait so long for a producer and its first frame. Default ${DEFAULT_TIMEOUT_MS}.`,
} as const;

export interface Latest {
  readonly frame: Frame;
  readonly metadata: PoolMetadata;
  /** Of a producer that is gone: that this is its last frame, with a semicolon in front. */
  readonly last: string;
}

/**
 * The latest frame; where the producer is dead its last one, at once unless the user has time to wait for another producer.
 *
 * @throws CliError when there is none
 */
export async function latest(consumer: TensorConsumer, wire: Wire, timeoutMs: number | undefined): Promise<Latest> {
  const { name } = consumer;
  const before = wire === 'native' ? inspect(name) : null;
  const gone = before !== null && before.state !== 'live' && before.framesPublished > 0;
  if (!gone || timeoutMs !== undefined) {
    const frame = await consumer.next({ timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS });
    const { metadata } = consumer;
    if (frame !== null && metadata !== null) return { frame, metadata, last: '' };
  }
  const info = wire === 'native' ? inspect(name) : null;
  const frame = info === null ? null : consumer.peek();
  if (info === null || frame === null) throw noFrame(consumer, timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const how = { closed: 'has closed', dead: 'is dead', live: 'lives' }[info.state];
  return { frame, metadata: info.metadata, last: `; the producer ${how}, and this is ${showAge(frame.ageMs())} old` };
}
