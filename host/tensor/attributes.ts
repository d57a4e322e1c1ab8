// What a pool's producer says beside the form of its frames: calibration, mounting, a serial number. JSON, small, and copied: what was
// checked is what is stored.

import { TensorIpcError } from '../runtime/errors';

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What else is to be known of a pool. */
export type Attributes = { readonly [key: string]: Json };

/** With this many a camera's calibration has ample room, and a table of consumers and slots still lies beside them on few pages. */
export const MAX_ATTRIBUTES_BYTES = 64 * 1024;
const MAX_DEPTH = 16;

const NONE: Attributes = Object.freeze({});

function copy(value: unknown, path: string, depth: number): Json {
  if (depth > MAX_DEPTH) throw refused(path, `at most ${MAX_DEPTH} levels deep`);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refused(path, `JSON has no ${value}`);
    return value;
  }
  if (Array.isArray(value)) return Object.freeze(value.map((item, at) => copy(item, `${path}[${at}]`, depth + 1)));
  if (typeof value !== 'object' || ArrayBuffer.isView(value)) {
    throw refused(path, `JSON has no ${ArrayBuffer.isView(value) ? 'typed arrays: use Array.from' : typeof value}`);
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.some(([key]) => key === '__proto__')) throw refused(path, 'no key is called __proto__');
  return Object.freeze(Object.fromEntries(entries.map(([key, item]) => [key, copy(item, `${path}.${key}`, depth + 1)])));
}

function refused(path: string, why: string): TensorIpcError {
  return new TensorIpcError('INVALID_ARGUMENT', `${path.slice(0, 200)}: ${why}`);
}

/**
 * A frozen copy of attributes.
 *
 * @throws TensorIpcError INVALID_ARGUMENT
 */
export function checkAttributes(attributes: unknown): Attributes {
  if (attributes === undefined) return NONE;
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes) || ArrayBuffer.isView(attributes)) {
    throw refused('attributes', 'an object of JSON values');
  }
  const copied = copy(attributes, 'attributes', 0) as Attributes;
  const { length } = new TextEncoder().encode(JSON.stringify(copied));
  if (length > MAX_ATTRIBUTES_BYTES) {
    throw refused(
      'attributes',
      `${length} bytes of JSON, at most ${MAX_ATTRIBUTES_BYTES}: keep what is larger in a file or a pool of its own`,
    );
  }
  return copied;
}
