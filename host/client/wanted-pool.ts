// Which pool a consumer is for.

import type { SharedPool } from '../memory/share';
import { TensorIpcError } from '../runtime/errors';
import { checkName, ownMetadata, type PoolMetadata } from '../tensor/metadata';

export interface WantedPool {
  readonly name: string;
  /** What the pool must be; null when any will do. */
  readonly expected: PoolMetadata | null;
  /** What another thread has mapped. */
  readonly shared: SharedPool | null;
}

/** A pool by its name, by what it is expected to be, or as another thread shared it. Throws INVALID_ARGUMENT, INVALID_NAME. */
export function wantedPool(pool: PoolMetadata | string | SharedPool): WantedPool {
  if (typeof pool === 'string') return { name: checkName(pool), expected: null, shared: null };
  if (typeof pool === 'object' && pool !== null && 'parts' in pool) {
    return { name: checkName(pool.name), expected: null, shared: pool };
  }
  const expected = ownMetadata(pool);
  if (expected === null) {
    throw new TensorIpcError('INVALID_ARGUMENT', 'metadata must be a PoolMetadata, as MetadataCreator.fromSample makes it');
  }
  return { name: checkName(expected.name), expected, shared: null };
}
