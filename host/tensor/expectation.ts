// What a consumer expects of the pools under its name, beyond that they are pools.

import { TensorIpcError } from '../runtime/errors';
import { type OptionNames, optionNames } from '../runtime/options';
import { quoted } from '../runtime/printable';
import { DTYPE_NAMES, type Dtype, isDtype } from './dtype';
import type { StatedFields } from './form';
import { type FieldMetadata, PLAIN_FIELD, type PoolMetadata, showFieldShape } from './metadata';
import { checkShape, sameShape, showShape } from './tensor';

/** The form that a consumer states of a pool that it knows by name. What is not stated may be anything. */
export interface StatedForm {
  /** The frames are plain tensors of this dtype. */
  readonly dtype?: Dtype | undefined;
  /** The frames are plain tensors of this shape. */
  readonly shape?: readonly number[] | undefined;
  /** The frames have these fields, perhaps among others: `{ rgb: 'uint8', depth: { dtype: 'uint16', shape: [480, 640] } }`. */
  readonly fields?: StatedFields | undefined;
  /** The first pool says what the form is. One that comes after it in another form is an error, as if the form had been stated. Default false. */
  readonly sameForm?: boolean | undefined;
}

export const FORM_OPTIONS: OptionNames = optionNames<StatedForm>({ dtype: true, shape: true, fields: true, sameForm: true });

/** What pools are held to. */
export interface Expectation {
  /** @throws TensorIpcError SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, HISTORY_MISMATCH */
  check(found: PoolMetadata): void;
  /** The consumer has joined a pool. */
  met(found: PoolMetadata): void;
}

const NOTHING: Expectation = { check: () => {}, met: () => {} };

/** A pool exactly as described. */
export function expectExactly(expected: PoolMetadata, ignoreHistory: boolean): Expectation {
  return { ...NOTHING, check: (found) => expected.assertMatches(found, { ignoreHistory }) };
}

/**
 * A pool of the form that is stated.
 *
 * @throws TensorIpcError INVALID_ARGUMENT
 */
export function expectForm({ dtype, shape, fields, sameForm = false }: StatedForm): Expectation {
  if (typeof sameForm !== 'boolean') throw invalid(`sameForm is true or false, found ${typeof sameForm}`);
  const plain = dtype === undefined && shape === undefined ? null : checkField({ dtype, shape }, 'the stated form');
  const named = fields === undefined ? null : checkFields(fields);
  if (plain !== null && named !== null) {
    throw invalid('state dtype and shape for frames that are one tensor, or fields for frames of several, not both');
  }
  if (plain === null && named === null && !sameForm) return NOTHING;
  let first: PoolMetadata | null = null;
  return {
    check(found) {
      if (plain !== null) checkPlain(plain, found);
      if (named !== null) checkNamed(named, found);
      first?.assertMatches(found, { ignoreHistory: true });
    },
    met(found) {
      if (sameForm) first ??= found;
    },
  };
}

interface Wanted {
  readonly dtype: Dtype | undefined;
  readonly shape: readonly number[] | undefined;
}

function invalid(message: string): TensorIpcError {
  return new TensorIpcError('INVALID_ARGUMENT', message);
}

function checkField({ dtype, shape }: Pick<StatedForm, 'dtype' | 'shape'>, what: string): Wanted {
  if (dtype !== undefined && !isDtype(dtype)) {
    const found = typeof dtype === 'string' ? quoted(dtype) : typeof dtype;
    throw invalid(`${what}: dtype must be one of ${DTYPE_NAMES.join(' ')}, found ${found}`);
  }
  return { dtype, shape: shape === undefined ? undefined : Object.freeze([...checkShape(shape, what)]) };
}

function checkFields(fields: StatedFields): ReadonlyMap<string, Wanted> {
  const entries = typeof fields === 'object' && fields !== null ? Object.entries(fields) : [];
  if (entries.length === 0 || Array.isArray(fields)) {
    throw invalid("fields is an object such as { rgb: 'uint8', depth: { dtype: 'uint16', shape: [480, 640] } }");
  }
  if (entries.length === 1 && entries[0]?.[0] === PLAIN_FIELD) {
    throw invalid(`frames of one field called ${PLAIN_FIELD} are plain tensors: state { dtype } in the place of fields`);
  }
  return new Map(
    entries.map(([name, field]) => {
      const what = `field ${name}`;
      if (typeof field === 'string') return [name, checkField({ dtype: field }, what)];
      if (typeof field !== 'object' || field === null || field.dtype === undefined) {
        throw invalid(`${what} is a dtype, or { dtype, shape? }, found ${field === null ? 'null' : typeof field}`);
      }
      return [name, checkField(field, what)];
    }),
  );
}

function checkPlain(wanted: Wanted, found: PoolMetadata): void {
  if (!found.plain) {
    const names = found.fields.map(({ name }) => name).join(', ');
    throw new TensorIpcError(
      'FIELDS_MISMATCH',
      `pool '${found.name}': expected one plain tensor, found fields ${names}: state { fields }, or nothing`,
    );
  }
  compare(`pool '${found.name}'`, wanted, found.fields[0] as FieldMetadata);
}

function checkNamed(wanted: ReadonlyMap<string, Wanted>, found: PoolMetadata): void {
  const { name: pool, plain, fields } = found;
  const there = new Map(plain ? [] : fields.map((field) => [field.name, field]));
  const missing = [...wanted.keys()].filter((name) => !there.has(name));
  if (missing.length > 0) {
    const names = plain ? 'one plain tensor' : `fields ${[...there.keys()].join(', ')}`;
    throw new TensorIpcError(
      'FIELDS_MISMATCH',
      `pool '${pool}': expected fields ${[...wanted.keys()].join(', ')}, found ${names}: state the fields that the pool has, or nothing`,
    );
  }
  for (const [name, field] of wanted) compare(`pool '${pool}', field ${name}`, field, there.get(name) as FieldMetadata);
}

function compare(what: string, { dtype, shape }: Wanted, found: FieldMetadata): void {
  if (dtype !== undefined && dtype !== found.dtype) {
    throw new TensorIpcError(
      'DTYPE_MISMATCH',
      `${what}: expected dtype ${dtype}, found ${found.dtype}: state { dtype: '${found.dtype}' }, or nothing`,
    );
  }
  if (shape === undefined || (found.maxLength === undefined && sameShape(shape, found.shape))) return;
  throw new TensorIpcError(
    'SHAPE_MISMATCH',
    `${what}: expected shape ${showShape(shape)}, found ${showFieldShape(found)}: state the shape that the pool has, or none`,
  );
}
