// How a pool is described, and how two descriptions are compared.

import { FIELD_ALIGNMENT, MAX_HISTORY_LEN, MAX_VARYING_FIELDS } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { checkOptions, optionNames } from '../runtime/options';
import { brief, printable, quoted } from '../runtime/printable';
import { isMarked, isOwn, type Marked, mark } from '../runtime/realm';
import { type Attributes, checkAttributes } from './attributes';
import { DTYPE_NAMES, type Dtype, isDtype } from './dtype';
import { checkEncoding, type Encoding } from './encodings';
import type { FormOfFields, FrameForm } from './form';
import { checkShape, sameShape, showShape, tensorBytes } from './tensor';

/** What `historyLen` frames show before that many were published: zeros, or copies of the first frame. */
export type HistoryPad = 'zero' | 'fill';

/** What may be said of a field beside its form. */
export interface FieldMeaning {
  /** The most that the first extent can be, for a field whose first extent differs from frame to frame. */
  readonly maxLength?: number | undefined;
  /** What the elements are: 'rgb8', 'depth16u', 'jpeg', 'xyz', … (`encodings` has the list). */
  readonly encoding?: Encoding | undefined;
  /** Unit of the elements, as people write it: 'm', 'rad/s', '°C'. At most 32 characters. */
  readonly unit?: string | undefined;
  /** The coordinate frame that the elements are in, as in ROS: 'camera_optical'. At most 128 characters. */
  readonly frameId?: string | undefined;
}

/** One named tensor of a frame. */
export interface FieldMetadata extends FieldMeaning {
  readonly name: string;
  readonly dtype: Dtype;
  /** Of a field of varying length: the largest, its first extent being `maxLength`. */
  readonly shape: readonly number[];
  /** Bytes from the start of the frame: a multiple of 64. */
  readonly byteOffset: number;
  /** Room that it takes. */
  readonly bytes: number;
}

/** What a field is made from. */
export interface FieldInit extends FieldMeaning {
  readonly name: string;
  readonly dtype: Dtype;
  /** With `maxLength` the first extent is that, whatever is given here. */
  readonly shape: readonly number[];
}

/** The field of a pool whose frames are one plain tensor. */
export const PLAIN_FIELD = 'data';

const POOL_NAME = /^[A-Za-z0-9_.-]{1,200}$/;
const FIELD_NAME = /^[A-Za-z0-9_.\-/]{1,64}$/;
const MAX_FIELDS = 256;

/** Checks a pool name. It becomes a file name, so it is `[A-Za-z0-9_.-]`, at most 200 characters. */
export function checkName(name: unknown): string {
  if (typeof name !== 'string' || !POOL_NAME.test(name)) {
    throw new TensorIpcError(
      'INVALID_NAME',
      `a pool name is 1 to 200 characters of A-Z a-z 0-9 _ . -, found ${typeof name === 'string' ? quoted(name) : typeof name}`,
    );
  }
  return name;
}

/** What is said of a field: printable, not empty, not long. */
function checkWord(value: unknown, what: string, most: number): string {
  if (typeof value === 'string' && value.length >= 1 && value.length <= most && printable(value) === value) return value;
  throw new TensorIpcError('INVALID_ARGUMENT', `${what} is a text of 1 to ${most} printable characters, found ${brief(value)}`);
}

function checkMaxLength(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 32) return value as number;
  throw new TensorIpcError('INVALID_ARGUMENT', `${what}: maxLength is a whole number from 1 to 2^32 - 1, found ${String(value)}`);
}

/** What is said of a field, checked; what is not said is left out. */
function checkMeaning(
  { maxLength, encoding, unit, frameId }: FieldMeaning,
  dtype: Dtype,
  shape: readonly number[],
  what: string,
): FieldMeaning {
  return {
    ...(maxLength !== undefined && { maxLength }),
    ...(encoding !== undefined && { encoding: checkEncoding(encoding, dtype, shape, what) }),
    ...(unit !== undefined && { unit: checkWord(unit, `${what}: unit`, 32) }),
    ...(frameId !== undefined && { frameId: checkWord(frameId, `${what}: frameId`, 128) }),
  };
}

/** The largest shape of a field: the one of every frame, or with the most that its first extent can be. */
function fullShape({ shape, maxLength }: FieldInit, what: string): readonly number[] {
  if (maxLength === undefined) return [...checkShape(shape, what)];
  checkMaxLength(maxLength, what);
  if (!Array.isArray(shape) || shape.length === 0) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `${what}: a field of varying length has a first extent: its shape is [n] or [n, …]`,
    );
  }
  return [...checkShape([maxLength, ...shape.slice(1)], what)];
}

function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** What PoolMetadata is made from. */
export interface PoolMetadataInit<Field extends FieldInit = FieldInit> {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly historyLen?: number;
  /** Which backend of the Python package its frames are for: said on its wire, of no meaning elsewhere. Default 'numpy'. */
  readonly backend?: Backend;
  /** What else is to be known of the pool, as JSON: calibration, mounting. At most 64 KiB. Not compared when consumers connect. */
  readonly attributes?: Attributes | undefined;
}

/** Backends of the Python package. */
export type Backend = 'numpy' | 'torch';

const MARK = Symbol.for('tensor-ipc.metadata');

/** Those of metadata that is there, too: `{ ...found, name: 'copy' }`. */
const INIT_NAMES = optionNames<PoolMetadataInit & Pick<PoolMetadata, 'frameBytes' | 'varying'>>({
  name: true,
  fields: true,
  historyLen: true,
  backend: true,
  attributes: true,
  frameBytes: true,
  varying: true,
});

const MATCH_OPTIONS = optionNames<{ readonly ignoreHistory?: boolean }>({ ignoreHistory: true });

/** Where the type checker finds the form of a pool's frames. Nothing is there at run time. */
declare const FORM: unique symbol;

/** Describes a pool: its name, the tensors of a frame, and how many frames of history it promises to keep. */
export interface PoolMetadata<F extends FrameForm = FrameForm> {
  readonly name: string;
  readonly fields: readonly FieldMetadata[];
  readonly historyLen: number;
  /** Bytes of one frame: all fields, each on a multiple of 64; a plain tensor has no padding. */
  readonly frameBytes: number;
  /** Which backend of the Python package its frames are for: said on its wire, of no meaning elsewhere. */
  readonly backend: Backend;
  /** Whether any field is of varying length. */
  readonly varying: boolean;
  /** What else is to be known of the pool. */
  readonly attributes: Attributes;
  /** Whether a frame is one plain tensor. */
  readonly plain: boolean;
  /** Shape of the (first) tensor of a frame. */
  readonly shape: readonly number[];
  /** Dtype of the (first) tensor of a frame. */
  readonly dtype: Dtype;
  /** "uint8 [480, 640, 3], history 10"; of varying length "float32 [≤300000, 3]". */
  toString(): string;
  /** Throws unless a pool found under the name is the one described here, naming the first difference. */
  assertMatches(found: PoolMetadata, options?: { readonly ignoreHistory?: boolean }): void;
  /** Of the type only: see `FrameForm`. */
  readonly [FORM]?: F;
}

/** How metadata is made. Names and dtypes that are literals say what the frames are. */
export interface PoolMetadataConstructor {
  /** @throws TensorIpcError INVALID_NAME, INVALID_ARGUMENT, DTYPE_MISMATCH, SHAPE_MISMATCH */
  new <const Field extends FieldInit = FieldInit>(init: PoolMetadataInit<Field>): PoolMetadata<FormOfFields<Field>>;
  readonly prototype: PoolMetadata;
}

// A class cannot infer its parameter from the fields of what its constructor takes; a constructor's signature can.
export const PoolMetadata: PoolMetadataConstructor = class PoolMetadata {
  /** `instanceof` also knows the metadata of the package's other build, where a process has loaded both. */
  static [Symbol.hasInstance]<T extends Marked>(this: T, value: unknown): value is InstanceType<T> {
    // biome-ignore lint/complexity/noThisInStatic: a derived class inherits the method.
    return isMarked(this, PoolMetadata, MARK, value);
  }

  readonly name: string;
  readonly fields: readonly FieldMetadata[];
  readonly historyLen: number;
  readonly frameBytes: number;
  readonly backend: Backend;
  readonly varying: boolean;
  readonly attributes: Attributes;

  constructor(init: PoolMetadataInit) {
    if (typeof init !== 'object' || init === null) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        'PoolMetadata is made from { name, fields: [{ name, dtype, shape }], historyLen? }',
      );
    }
    if (!(init instanceof PoolMetadata)) checkOptions(init, INIT_NAMES);
    this.name = checkName(init.name);
    const historyLen = init.historyLen ?? 1;
    if (!Number.isSafeInteger(historyLen) || historyLen < 1 || historyLen > MAX_HISTORY_LEN) {
      throw new TensorIpcError('INVALID_ARGUMENT', `historyLen must be 1 to ${MAX_HISTORY_LEN}, found ${brief(historyLen)}`);
    }
    this.historyLen = historyLen;
    const { backend = 'numpy' } = init;
    if (backend !== 'numpy' && backend !== 'torch') {
      throw new TensorIpcError('INVALID_ARGUMENT', `backend is 'numpy' or 'torch', found ${brief(backend)}`);
    }
    this.backend = backend;
    if (!Array.isArray(init.fields) || init.fields.length < 1 || init.fields.length > MAX_FIELDS) {
      throw new TensorIpcError('INVALID_ARGUMENT', `a frame has 1 to ${MAX_FIELDS} fields, found ${String(init.fields?.length)}`);
    }
    const seen = new Set<string>();
    const fields: FieldMetadata[] = [];
    let end = 0;
    for (const given of init.fields) {
      const { name, dtype } = given;
      if (typeof name !== 'string' || !FIELD_NAME.test(name) || name === '__proto__' || seen.has(name)) {
        throw new TensorIpcError(
          'INVALID_ARGUMENT',
          `field names are unique, 1 to 64 characters of A-Z a-z 0-9 _ . - /, and not __proto__; found ${brief(name)}`,
        );
      }
      seen.add(name);
      if (!isDtype(dtype)) {
        throw new TensorIpcError(
          'INVALID_ARGUMENT',
          `field ${name}: dtype must be one of ${DTYPE_NAMES.join(' ')}, found ${brief(dtype)}`,
        );
      }
      const shape = Object.freeze(fullShape(given, `field ${name}`));
      const bytes = tensorBytes(shape, dtype);
      const byteOffset = alignUp(end, FIELD_ALIGNMENT);
      fields.push(
        Object.freeze({ name, dtype, shape, byteOffset, bytes, ...checkMeaning(given, dtype, shape, `field ${name}`) }),
      );
      end = byteOffset + bytes;
    }
    if (!Number.isSafeInteger(end) || end > 2 ** 40) {
      throw new TensorIpcError('INVALID_ARGUMENT', `a frame of ${end} bytes is too large: at most 1 TiB`);
    }
    const varying = fields.filter((field) => field.maxLength !== undefined);
    if (varying.length > MAX_VARYING_FIELDS) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `at most ${MAX_VARYING_FIELDS} fields of a frame can be of varying length, found ${varying.length}: let those of one length share a field, or a pool of their own`,
      );
    }
    this.fields = Object.freeze(fields);
    this.varying = varying.length > 0;
    this.attributes = checkAttributes(init.attributes);
    this.frameBytes = fields.length === 1 ? end : alignUp(end, FIELD_ALIGNMENT);
    // What was checked here is what pools are made from. A subclass may add to it; what stands here stays as it is in that, too.
    for (const key of Object.keys(this)) Object.defineProperty(this, key, { writable: false, configurable: false });
    if (new.target === PoolMetadata) Object.freeze(this);
  }

  get plain(): boolean {
    return this.fields.length === 1 && (this.fields[0] as FieldMetadata).name === PLAIN_FIELD;
  }

  get shape(): readonly number[] {
    return (this.fields[0] as FieldMetadata).shape;
  }

  get dtype(): Dtype {
    return (this.fields[0] as FieldMetadata).dtype;
  }

  toString(): string {
    const one = (f: FieldMetadata) => `${f.dtype} ${showFieldShape(f)}`;
    const fields = this.plain ? one(this.fields[0] as FieldMetadata) : this.fields.map((f) => `${f.name}: ${one(f)}`).join('; ');
    return `${fields}, history ${this.historyLen}`;
  }

  assertMatches(found: PoolMetadata, options: { readonly ignoreHistory?: boolean } = {}): void {
    checkOptions(options, MATCH_OPTIONS);
    const where = `pool '${this.name}'`;
    const names = (m: PoolMetadata) => m.fields.map((f) => f.name).join(', ');
    if (names(this) !== names(found)) {
      throw new TensorIpcError('FIELDS_MISMATCH', `${where}: expected fields ${names(this)}, found ${names(found)}`);
    }
    for (const [i, expected] of this.fields.entries()) {
      const actual = found.fields[i] as FieldMetadata;
      if (expected.dtype !== actual.dtype) {
        throw new TensorIpcError(
          'DTYPE_MISMATCH',
          `${where}, field ${expected.name}: expected dtype ${expected.dtype}, found ${actual.dtype}`,
        );
      }
      if (!sameShape(expected.shape, actual.shape) || expected.maxLength !== actual.maxLength) {
        throw new TensorIpcError(
          'SHAPE_MISMATCH',
          `${where}, field ${expected.name}: expected shape ${showFieldShape(expected)}, found ${showFieldShape(actual)}`,
        );
      }
      for (const key of ['encoding', 'unit', 'frameId'] as const) {
        // What is not expected to be anything may be anything.
        if (expected[key] === undefined || expected[key] === actual[key]) continue;
        throw new TensorIpcError(
          'FIELDS_MISMATCH',
          `${where}, field ${expected.name}: expected ${key} ${expected[key]}, found ${actual[key] ?? '(none)'}`,
        );
      }
    }
    if (options.ignoreHistory !== true && this.historyLen !== found.historyLen) {
      throw new TensorIpcError(
        'HISTORY_MISMATCH',
        `${where}: expected historyLen ${this.historyLen}, found ${found.historyLen}; ` +
          `create the consumer with { historyLen: ${found.historyLen} }, or use TensorConsumer.attach, which takes what the pool says`,
      );
    }
  }
};

mark(PoolMetadata, MARK);

/** Metadata as this build makes it: that of the other build is made anew, through the same checks. Null when it is none. */
export function ownMetadata(value: unknown): PoolMetadata | null {
  if (isOwn(PoolMetadata, value)) return value;
  return value instanceof PoolMetadata ? new PoolMetadata(value) : null;
}

/** A field's shape for people: `[≤300000, 3]` where the first extent varies. */
export function showFieldShape({ shape, maxLength }: Pick<FieldMetadata, 'shape' | 'maxLength'>): string {
  return maxLength === undefined ? showShape(shape) : `[≤${shape.join(', ')}]`;
}
