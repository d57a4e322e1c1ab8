import { FIELD_ALIGNMENT, MAX_HISTORY_LEN, MAX_METADATA_BYTES } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { quoted } from '../runtime/printable';
import { isMarked, isOwn, type Marked, mark, messageOf } from '../runtime/realm';
import { DTYPE_NAMES, type Dtype, isDtype, type TypedArray } from './dtype';
import { checkShape, isTypedArray, normalise, sameShape, showShape, type TensorLike, tensorBytes } from './tensor';

/** What `historyLen` frames show before that many were published: zeros, or copies of the first frame. */
export type HistoryPad = 'zero' | 'fill';

/** One named tensor of a frame. */
export interface FieldMetadata {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes from the start of the frame: a multiple of 64. */
  readonly byteOffset: number;
  readonly bytes: number;
}

/** The field of a pool whose frames are one plain tensor. */
export const PLAIN_FIELD = 'data';

const POOL_NAME = /^[A-Za-z0-9_.-]{1,200}$/;
const FIELD_NAME = /^[A-Za-z0-9_.\-/]{1,64}$/;
const MAX_FIELDS = 256;
const FORMAT = 'tensor-ipc';

/** A value of unknown origin, for a message: nothing that nests or never ends. */
function brief(value: unknown): string {
  return typeof value === 'string' ? quoted(value.slice(0, 80)) : typeof value;
}

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

function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** What PoolMetadata is made from. */
export interface PoolMetadataInit {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly dtype: Dtype; readonly shape: readonly number[] }[];
  readonly historyLen?: number;
  /** Which backend of the Python package its frames are for: said on its wire, of no meaning elsewhere. Default 'numpy'. */
  readonly backend?: Backend;
}

/** Backends of the Python package. */
export type Backend = 'numpy' | 'torch';

const MARK = Symbol.for('tensor-ipc.metadata');

/** Describes a pool: its name, the tensors of a frame, and how many frames of history it promises to keep. */
export class PoolMetadata {
  /** `instanceof` also knows the metadata of the package's other build, where a process has loaded both. */
  static [Symbol.hasInstance]<T extends Marked>(this: T, value: unknown): value is InstanceType<T> {
    // biome-ignore lint/complexity/noThisInStatic: a derived class inherits the method.
    return isMarked(this, PoolMetadata, MARK, value);
  }

  readonly name: string;
  readonly fields: readonly FieldMetadata[];
  readonly historyLen: number;
  /** Bytes of one frame: all fields, each on a multiple of 64; a plain tensor has no padding. */
  readonly frameBytes: number;
  /** Which backend of the Python package its frames are for: said on its wire, of no meaning elsewhere. */
  readonly backend: Backend;

  /** @throws TensorIpcError INVALID_NAME, INVALID_ARGUMENT */
  constructor(init: PoolMetadataInit) {
    if (typeof init !== 'object' || init === null) {
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        'PoolMetadata is made from { name, fields: [{ name, dtype, shape }], historyLen? }',
      );
    }
    this.name = checkName(init.name);
    const historyLen = init.historyLen ?? 1;
    if (!Number.isSafeInteger(historyLen) || historyLen < 1 || historyLen > MAX_HISTORY_LEN) {
      throw new TensorIpcError('INVALID_ARGUMENT', `historyLen must be 1 to ${MAX_HISTORY_LEN}, found ${String(historyLen)}`);
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
    for (const { name, dtype, shape } of init.fields) {
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
      checkShape(shape, `field ${name}`);
      const bytes = tensorBytes(shape, dtype);
      const byteOffset = alignUp(end, FIELD_ALIGNMENT);
      fields.push(Object.freeze({ name, dtype, shape: Object.freeze([...shape]), byteOffset, bytes }));
      end = byteOffset + bytes;
    }
    if (!Number.isSafeInteger(end) || end > 2 ** 40) {
      throw new TensorIpcError('INVALID_ARGUMENT', `a frame of ${end} bytes is too large: at most 1 TiB`);
    }
    this.fields = Object.freeze(fields);
    this.frameBytes = fields.length === 1 ? end : alignUp(end, FIELD_ALIGNMENT);
    // What was checked here is what pools are made from. A subclass may add to it; what stands here stays as it is in that, too.
    for (const key of Object.keys(this)) Object.defineProperty(this, key, { writable: false, configurable: false });
    if (new.target === PoolMetadata) Object.freeze(this);
  }

  /** Whether a frame is one plain tensor. */
  get plain(): boolean {
    return this.fields.length === 1 && (this.fields[0] as FieldMetadata).name === PLAIN_FIELD;
  }

  /** Shape of the (first) tensor of a frame. */
  get shape(): readonly number[] {
    return (this.fields[0] as FieldMetadata).shape;
  }

  /** Dtype of the (first) tensor of a frame. */
  get dtype(): Dtype {
    return (this.fields[0] as FieldMetadata).dtype;
  }

  /** "uint8 [480, 640, 3], history 10". */
  toString(): string {
    const one = (f: FieldMetadata) => `${f.dtype} ${showShape(f.shape)}`;
    const fields = this.plain ? one(this.fields[0] as FieldMetadata) : this.fields.map((f) => `${f.name}: ${one(f)}`).join('; ');
    return `${fields}, history ${this.historyLen}`;
  }

  /** Throws unless a pool found under the name is the one described here, naming the first difference. */
  assertMatches(found: PoolMetadata, options: { readonly ignoreHistory?: boolean } = {}): void {
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
      if (!sameShape(expected.shape, actual.shape)) {
        throw new TensorIpcError(
          'SHAPE_MISMATCH',
          `${where}, field ${expected.name}: expected shape ${showShape(expected.shape)}, found ${showShape(actual.shape)}`,
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
}

mark(PoolMetadata, MARK);

/** Metadata as this build makes it: that of the other build is made anew, through the same checks. Null when it is none. */
export function ownMetadata(value: unknown): PoolMetadata | null {
  if (isOwn(PoolMetadata, value)) return value;
  return value instanceof PoolMetadata ? new PoolMetadata(value) : null;
}

/** What the object says about itself beyond PoolMetadata. */
export interface PoolDescription {
  readonly metadata: PoolMetadata;
  readonly historyPad: HistoryPad;
}

/** What the JSON of every object begins with. */
export const METADATA_BEGINNING = `{"format":"${FORMAT}"`;

/** The JSON that is stored in the object. Key order is fixed, so equal pools have equal bytes and equal hashes. */
export function encodeDescription({ metadata, historyPad }: PoolDescription): Uint8Array {
  const json = JSON.stringify({
    format: FORMAT,
    version: 1,
    name: metadata.name,
    device: 'cpu',
    historyLen: metadata.historyLen,
    historyPad,
    frameBytes: metadata.frameBytes,
    fields: metadata.fields.map(({ name, dtype, shape, byteOffset, bytes }) => ({ name, dtype, shape, byteOffset, bytes })),
  });
  const bytes = new TextEncoder().encode(json);
  if (bytes.byteLength > MAX_METADATA_BYTES) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `the metadata takes ${bytes.byteLength} bytes, at most ${MAX_METADATA_BYTES} fit`,
    );
  }
  return bytes;
}

/**
 * Reads the JSON of an object. It is untrusted: everything is rebuilt through the same checks as a user's own metadata, and
 * what can be derived is compared with what is stated.
 *
 * @throws TensorIpcError CORRUPT_OBJECT
 */
export function decodeDescription(name: string, json: Uint8Array): PoolDescription {
  const corrupt = (what: string, cause?: unknown) =>
    new TensorIpcError('CORRUPT_OBJECT', `pool '${name}': its metadata is damaged (${what}); stop its producer and remove it`, {
      cause,
    });
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    // The parser's own message quotes the bytes as they are.
    throw corrupt('not JSON');
  }
  if (typeof raw !== 'object' || raw === null) throw corrupt('not an object');
  const record = raw as Record<string, unknown>;
  if (record['format'] !== FORMAT || record['version'] !== 1) throw corrupt('unknown format');
  if (record['name'] !== name) throw corrupt(`it is the metadata of ${brief(record['name'])}`);
  const { historyPad, fields } = record;
  if (historyPad !== 'zero' && historyPad !== 'fill') throw corrupt(`historyPad ${brief(historyPad)}`);
  if (!Array.isArray(fields)) throw corrupt('no fields');
  let metadata: PoolMetadata;
  try {
    metadata = new PoolMetadata({
      name,
      fields: fields as PoolMetadataInit['fields'],
      historyLen: record['historyLen'] as number,
    });
  } catch (cause) {
    throw corrupt(messageOf(cause), cause);
  }
  if (record['frameBytes'] !== metadata.frameBytes) throw corrupt('frameBytes does not follow from the fields');
  for (const [i, field] of metadata.fields.entries()) {
    const stated = fields[i] as Record<string, unknown>;
    if (stated['byteOffset'] !== field.byteOffset || stated['bytes'] !== field.bytes)
      throw corrupt(`field ${field.name} lies elsewhere`);
  }
  return { metadata, historyPad };
}

/** A sample frame: one tensor, or several by name. */
export type Sample<T extends TypedArray = TypedArray> = TensorLike<T> | Readonly<Record<string, TensorLike>>;

/** Whether a sample or a frame to put is a record of named tensors and not one tensor. */
export function isRecord(sample: unknown): sample is Readonly<Record<string, TensorLike>> {
  return (
    typeof sample === 'object' &&
    sample !== null &&
    !ArrayBuffer.isView(sample) &&
    !isTypedArray((sample as { data?: unknown }).data)
  );
}

/** What a sample does not tell. */
export interface SampleOptions {
  /** Frames of history that consumers may ask for. Default 1. */
  readonly historyLen?: number;
  /** Which backend of the Python package the frames are for. Default 'numpy'. */
  readonly backend?: Backend;
}

/** Makes PoolMetadata from samples, under the Python package's name for it. */
export const MetadataCreator = {
  /**
   * Metadata from a sample frame: a tensor-like, or `{ rgb: …, depth: … }` for frames of several tensors. Only shape and dtype
   * are taken from it.
   *
   * @throws TensorIpcError INVALID_NAME, INVALID_ARGUMENT, DTYPE_MISMATCH, SHAPE_MISMATCH
   */
  fromSample(name: string, sample: Sample, options: SampleOptions = {}): PoolMetadata {
    checkName(name);
    const entries: [string, TensorLike][] = isRecord(sample) ? Object.entries(sample) : [[PLAIN_FIELD, sample]];
    const fields = entries.map(([field, tensor]) => {
      const { shape, dtype } = normalise(tensor, isRecord(sample) ? `field ${field}` : 'sample');
      return { name: field, dtype, shape };
    });
    const { historyLen = 1, backend = 'numpy' } = options;
    return new PoolMetadata({ name, fields, historyLen, backend });
  },

  /** The same for frames that Python processes see as NumPy arrays. */
  fromNumpySample(name: string, sample: Sample, options: Omit<SampleOptions, 'backend'> = {}): PoolMetadata {
    return MetadataCreator.fromSample(name, sample, { ...options, backend: 'numpy' });
  },

  /** The same for frames that Python processes see as PyTorch tensors in ordinary memory. */
  fromTorchSample(name: string, sample: Sample, options: Omit<SampleOptions, 'backend'> = {}): PoolMetadata {
    return MetadataCreator.fromSample(name, sample, { ...options, backend: 'torch' });
  },
};

/**
 * History length for which a consumer that reads `maxReadHistoryLen` frames at `minSubscribeRateHz` never meets the frame being
 * written, at `publishRateHz`: the Python package's formula, max + ceil(publish / subscribe) + 1. Pools here keep two spare slots of
 * their own, so this is for pools that are shared with that package.
 */
export function recommendedHistoryLen(options: {
  readonly maxReadHistoryLen: number;
  readonly publishRateHz: number;
  readonly minSubscribeRateHz: number;
}): number {
  const { maxReadHistoryLen, publishRateHz, minSubscribeRateHz } = options;
  if (!Number.isSafeInteger(maxReadHistoryLen) || maxReadHistoryLen < 1 || !(publishRateHz > 0) || !(minSubscribeRateHz > 0)) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      'recommendedHistoryLen needs { maxReadHistoryLen: 1 or more, publishRateHz: above 0, minSubscribeRateHz: above 0 }',
    );
  }
  return maxReadHistoryLen + Math.ceil(publishRateHz / minSubscribeRateHz) + 1;
}
