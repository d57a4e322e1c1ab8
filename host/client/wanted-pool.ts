// Which pool a consumer is for.

import type { SharedPool } from '../memory/share';
import { TensorIpcError } from '../runtime/errors';
import { brief } from '../runtime/printable';
import { checkName, ownMetadata, type PoolMetadata } from '../tensor/metadata';

export interface WantedPool {
  readonly name: string;
  /** What the pool must be; null when any will do. */
  readonly expected: PoolMetadata | null;
  /** What another thread has mapped. */
  readonly shared: SharedPool | null;
}

/** The error of a constructor that was not given metadata. */
export function noMetadata(found: unknown, advice: string): TensorIpcError {
  const what = typeof found === 'object' && found !== null ? 'another object' : found === null ? 'null' : brief(found);
  return new TensorIpcError(
    'INVALID_ARGUMENT',
    `expected metadata that is a PoolMetadata, as MetadataCreator.fromSample makes it, found ${what}${advice}`,
  );
}

/** A pool by its name, by what it is expected to be, or as another thread shared it. Throws INVALID_ARGUMENT, INVALID_NAME. */
export function wantedPool(pool: PoolMetadata | string | SharedPool, byName: boolean): WantedPool {
  if (typeof pool === 'string' && byName) return { name: checkName(pool), expected: null, shared: null };
  if (typeof pool === 'object' && pool !== null && 'parts' in pool) {
    return { name: checkName(pool.name), expected: null, shared: pool };
  }
  const expected = ownMetadata(pool);
  if (expected === null) {
    throw noMetadata(pool, typeof pool === 'string' ? ': to read a pool by its name, call TensorConsumer.attach(name)' : '');
  }
  return { name: checkName(expected.name), expected, shared: null };
}
