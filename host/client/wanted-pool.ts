// Which pool a consumer is for.

import type { SharedPool } from '../memory/share';
import { TensorIpcError } from '../runtime/errors';
import { brief } from '../runtime/printable';
import { type Expectation, expectExactly, expectForm, type StatedForm } from '../tensor/expectation';
import { checkName, ownMetadata, type PoolMetadata } from '../tensor/metadata';

export interface WantedPool {
  readonly name: string;
  /** What the pool must be; null when it is not described as a whole. */
  readonly expected: PoolMetadata | null;
  /** Whether that holds for the length of its history, too. */
  readonly historyKnown: boolean;
  /** What another thread has mapped. */
  readonly shared: SharedPool | null;
  /** What pools under the name are held to. */
  readonly expectation: Expectation;
}

/** What is said of the pool beside its name or its description. */
export interface Wanting {
  /** Of a pool by its name: the form that is stated, if any. */
  readonly form?: StatedForm;
  readonly ignoreHistory?: boolean;
}

/** The error of a constructor that was not given metadata. */
export function noMetadata(found: unknown, advice: string): TensorIpcError {
  return new TensorIpcError(
    'INVALID_ARGUMENT',
    `expected metadata that is a PoolMetadata, as MetadataCreator.fromSample makes it, found ${whatIs(found)}${advice}`,
  );
}

function whatIs(found: unknown): string {
  return typeof found === 'object' && found !== null ? 'another object' : found === null ? 'null' : brief(found);
}

/** A pool by its name, by what it is expected to be, or as another thread shared it. Throws INVALID_ARGUMENT, INVALID_NAME. */
export function wantedPool(pool: PoolMetadata | string | SharedPool, { form, ignoreHistory = false }: Wanting): WantedPool {
  const byName = { expected: null, historyKnown: false } as const;
  // Without a form it is a constructor that was given a name.
  if (typeof pool === 'string' && form !== undefined) {
    return { ...byName, name: checkName(pool), shared: null, expectation: expectForm(form) };
  }
  if (typeof pool === 'object' && pool !== null && 'parts' in pool) {
    return { ...byName, name: checkName(pool.name), shared: pool, expectation: expectForm(form ?? {}) };
  }
  const expected = ownMetadata(pool);
  if (expected === null && form !== undefined) {
    throw new TensorIpcError('INVALID_ARGUMENT', `expected the name of a pool, such as 'camera', found ${whatIs(pool)}`);
  }
  if (expected === null) {
    throw noMetadata(pool, typeof pool === 'string' ? ': to read a pool by its name, call TensorConsumer.attach(name)' : '');
  }
  const expectation = expectExactly(expected, ignoreHistory);
  return { name: checkName(expected.name), expected, historyKnown: !ignoreHistory, shared: null, expectation };
}
