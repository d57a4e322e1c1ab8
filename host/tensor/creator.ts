// Metadata from sample frames, and how long a history is advised.

import { TensorIpcError } from '../runtime/errors';
import { checkOptions, optionNames } from '../runtime/options';
import type { Attributes } from './attributes';
import type { TypedArray } from './dtype';
import type { FormOf } from './form';
import { type Backend, checkName, type FieldMeaning, PLAIN_FIELD, PoolMetadata } from './metadata';
import { isTypedArray, normalise, type ShapedTensor } from './tensor';

/** One tensor of a sample frame, and what may be said of its field. */
export type SampleTensor<T extends TypedArray = TypedArray> = T | (ShapedTensor<T> & FieldMeaning);

/** A sample frame: one tensor, or several by name. */
export type Sample<T extends TypedArray = TypedArray> = SampleTensor<T> | Readonly<Record<string, SampleTensor>>;

/** Whether a sample or a frame to put is a record of named tensors and not one tensor. */
export function isRecord(sample: unknown): sample is Readonly<Record<string, SampleTensor>> {
  return (
    typeof sample === 'object' &&
    sample !== null &&
    !ArrayBuffer.isView(sample) &&
    // Arrays of numbers are no tensors, and no records either: that they are to be typed arrays is said elsewhere.
    !Array.isArray(sample) &&
    !isTypedArray((sample as { data?: unknown }).data) &&
    !Array.isArray((sample as { data?: unknown }).data)
  );
}

/** What a sample does not tell. */
export interface SampleOptions {
  /** Frames of history that consumers may ask for. Default 1. */
  readonly historyLen?: number;
  /** Which backend of the Python package the frames are for. Default 'numpy'. */
  readonly backend?: Backend;
  /** What else is to be known of the pool, as JSON: calibration, mounting. At most 64 KiB. Not compared when consumers connect. */
  readonly attributes?: Attributes | undefined;
}

export const SAMPLE_OPTIONS = optionNames<SampleOptions>({ historyLen: true, backend: true, attributes: true });

/** Makes PoolMetadata from samples, under the Python package's name for it. */
export const MetadataCreator = {
  /**
   * Metadata from a sample frame: a tensor-like, or `{ rgb: …, depth: … }` for frames of several tensors. Shape and dtype are taken from
   * it, and what it says of the field: `{ data, shape: [n, 3], maxLength: 300_000, encoding: 'xyz', unit: 'm', frameId: 'lidar' }`.
   *
   * @throws TensorIpcError INVALID_NAME, INVALID_ARGUMENT, DTYPE_MISMATCH, SHAPE_MISMATCH
   */
  fromSample<const S extends Sample>(name: string, sample: S, options: SampleOptions = {}): PoolMetadata<FormOf<S>> {
    checkName(name);
    const { historyLen = 1, backend = 'numpy', attributes } = checkOptions(options, SAMPLE_OPTIONS);
    const entries: [string, SampleTensor][] = isRecord(sample) ? Object.entries(sample) : [[PLAIN_FIELD, sample]];
    const fields = entries.map(([field, tensor]) => {
      const { maxLength, encoding, unit, frameId }: FieldMeaning = isTypedArray(tensor) ? {} : (tensor ?? {});
      const { shape, dtype } = normalise(tensor, isRecord(sample) ? `field ${field}` : 'sample', maxLength !== undefined);
      return { name: field, dtype, shape, maxLength, encoding, unit, frameId };
    });
    return new PoolMetadata({ name, fields, historyLen, backend, attributes }) as PoolMetadata<FormOf<S>>;
  },

  /** The same for frames that Python processes see as NumPy arrays. */
  fromNumpySample<const S extends Sample>(
    name: string,
    sample: S,
    options: Omit<SampleOptions, 'backend'> = {},
  ): PoolMetadata<FormOf<S>> {
    return MetadataCreator.fromSample(name, sample, { ...checkOptions(options, SAMPLE_OPTIONS), backend: 'numpy' });
  },

  /** The same for frames that Python processes see as PyTorch tensors in ordinary memory. */
  fromTorchSample<const S extends Sample>(
    name: string,
    sample: S,
    options: Omit<SampleOptions, 'backend'> = {},
  ): PoolMetadata<FormOf<S>> {
    return MetadataCreator.fromSample(name, sample, { ...checkOptions(options, SAMPLE_OPTIONS), backend: 'torch' });
  },
};

interface HistoryRates {
  readonly maxReadHistoryLen: number;
  readonly publishRateHz: number;
  readonly minSubscribeRateHz: number;
}

const HISTORY_RATES = optionNames<HistoryRates>({ maxReadHistoryLen: true, publishRateHz: true, minSubscribeRateHz: true });

/**
 * History length for which a consumer that reads `maxReadHistoryLen` frames at `minSubscribeRateHz` never meets the frame being
 * written, at `publishRateHz`: the Python package's formula, max + ceil(publish / subscribe) + 1. Pools here keep two spare slots of
 * their own, so this is for pools that are shared with that package.
 */
export function recommendedHistoryLen(options: HistoryRates): number {
  const { maxReadHistoryLen, publishRateHz, minSubscribeRateHz } = checkOptions(options, HISTORY_RATES);
  if (!Number.isSafeInteger(maxReadHistoryLen) || maxReadHistoryLen < 1 || !(publishRateHz > 0) || !(minSubscribeRateHz > 0)) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      'recommendedHistoryLen needs { maxReadHistoryLen: 1 or more, publishRateHz: above 0, minSubscribeRateHz: above 0 }',
    );
  }
  return maxReadHistoryLen + Math.ceil(publishRateHz / minSubscribeRateHz) + 1;
}
