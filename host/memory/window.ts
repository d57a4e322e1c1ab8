// The tensors of frames: typed arrays over the bytes of one frame, or of several behind one another, wherever they lie.

import { FIELD_ALIGNMENT } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { arrayOf, type Dtype, itemBytes, type TypedArray, type TypedArrayConstructor } from '../tensor/dtype';
import type { FieldMetadata, PoolMetadata } from '../tensor/metadata';
import { denseStrides, elementsOf, type TensorView } from '../tensor/tensor';
import { isRangeError } from './arena';

/** The tensors of a window: what a frame's or view's data, shape and so on are made of. Shared and immutable. */
export interface Window extends TensorView {
  readonly fields: Readonly<Record<string, TensorView>> | undefined;
}

/** First extents of a frame's fields of varying length, in the order of the fields. */
export type Lengths = readonly number[];

/** Where the bytes of one field of a frame lie, and where they go. */
export interface FieldSpan {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** How one tensor of a window of `count` frames looks in one order, whatever its slot. */
interface TensorPlan {
  readonly name: string;
  readonly dtype: Dtype;
  readonly array: TypedArrayConstructor;
  readonly byteOffset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  /** Elements from the first to the last of the window. */
  readonly span: number;
}

/** Plans a tensor of records that lie `frameStride` apart. */
function planTensor(field: Omit<FieldMetadata, 'bytes'>, frameStride: number, count: number, latestFirst: boolean): TensorPlan {
  const { name, dtype, byteOffset, shape } = field;
  const array = arrayOf(dtype);
  const strides = denseStrides(shape);
  const elements = elementsOf(shape);
  if (count === 1) return { name, dtype, array, byteOffset, shape, strides: Object.freeze(strides), offset: 0, span: elements };
  const step = frameStride / array.BYTES_PER_ELEMENT;
  return {
    name,
    dtype,
    array,
    byteOffset,
    shape: Object.freeze([count, ...shape]),
    strides: Object.freeze([latestFirst ? -step : step, ...strides]),
    offset: latestFirst ? (count - 1) * step : 0,
    span: (count - 1) * step + elements,
  };
}

function arrayOver(plan: TensorPlan, buffer: ArrayBufferLike, byteOffset: number): TypedArray {
  try {
    return new plan.array(buffer, byteOffset + plan.byteOffset, plan.span);
  } catch (error) {
    if (!isRangeError(error)) throw error;
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `[${plan.shape.join(', ')}] elements of ${plan.dtype} lie over ${plan.span * plan.array.BYTES_PER_ELEMENT} bytes, more than a typed array of ` +
        'this runtime can have: ask for fewer frames at once',
      { cause: error },
    );
  }
}

function buildTensor(plan: TensorPlan, buffer: ArrayBufferLike, byteOffset: number): TensorView {
  const data = arrayOver(plan, buffer, byteOffset);
  return { data, shape: plan.shape, strides: plan.strides, offset: plan.offset, dtype: plan.dtype };
}

/** Lengths of windows whose plans are kept. */
const MAX_PLANS = 256;

/** Builds the tensors of windows over any buffer that holds frames `frameStride` apart. */
export class WindowBuilder {
  readonly #metadata: PoolMetadata;
  readonly #frameStride: number;
  // By count, negative where the latest comes first. The first plan is the frame itself: its one tensor, or a record's raw bytes.
  readonly #plans = new Map<number, readonly TensorPlan[]>();

  constructor(metadata: PoolMetadata, frameStride: number) {
    this.#metadata = metadata;
    this.#frameStride = frameStride;
  }

  #plan(count: number, latestFirst: boolean): readonly TensorPlan[] {
    const key = latestFirst ? -count : count;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const { plain, fields, frameBytes } = this.#metadata;
    const raw = { name: '', dtype: 'uint8', byteOffset: 0, shape: Object.freeze([frameBytes]) } as const;
    const plans = (plain ? fields : [raw, ...fields]).map((field) => planTensor(field, this.#frameStride, count, latestFirst));
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear();
    this.#plans.set(key, plans);
    return plans;
  }

  /** The tensors of `count` frames at `byteOffset`, the oldest in front, indexed as the caller wants them. */
  build(buffer: ArrayBufferLike, byteOffset: number, count: number, latestFirst: boolean): Window {
    return this.#assemble(this.#plan(count, latestFirst), buffer, byteOffset);
  }

  /** The tensors of `count` dense frames in zeroed memory of their own. For small ones: an engine keeps those in its heap. */
  fresh(count: number, bytes: number): Window {
    const plans = this.#plan(count, false);
    const { array, shape, strides, offset, dtype, span } = plans[0] as TensorPlan;
    if (plans.length === 1) return { data: new array(span), shape, strides, offset, dtype, fields: undefined };
    return this.#assemble(plans, new ArrayBuffer(bytes), 0);
  }

  /** The tensors of `count` dense frames in the caller's array, which has the right type and length. */
  around(data: TypedArray, count: number): Window {
    const plans = this.#plan(count, false);
    const { shape, strides, offset, dtype } = plans[0] as TensorPlan;
    if (plans.length === 1) return { data, shape, strides, offset, dtype, fields: undefined };
    return { ...this.#assemble(plans, data.buffer, data.byteOffset), data };
  }

  /** The fields of a frame, each with the length that it has there. */
  #sized(lengths: Lengths): FieldMetadata[] {
    let next = 0;
    return this.#metadata.fields.map((field) => {
      if (field.maxLength === undefined) return field;
      const shape = Object.freeze([lengths[next++] as number, ...field.shape.slice(1)]);
      return { ...field, shape, bytes: elementsOf(shape) * itemBytes(field.dtype) };
    });
  }

  /** Where each field of a frame of these lengths lies in its slot, and where in a copy that has no room for more. */
  spans(lengths: Lengths): readonly FieldSpan[] {
    let to = 0;
    return this.#sized(lengths).map(({ byteOffset, bytes }) => {
      const span = { from: byteOffset, to, bytes };
      to = Math.ceil((to + bytes) / FIELD_ALIGNMENT) * FIELD_ALIGNMENT;
      return span;
    });
  }

  /** The tensors of one frame of these lengths, as it lies in its slot. */
  sized(buffer: ArrayBufferLike, byteOffset: number, lengths: Lengths): Window {
    return this.#over(this.#sized(lengths), this.#metadata.frameBytes, buffer, byteOffset);
  }

  /** The same of a copy without room for more, at `spans`. */
  packed(buffer: ArrayBufferLike, byteOffset: number, lengths: Lengths): Window {
    const spans = this.spans(lengths);
    const fields = this.#sized(lengths).map((field, i) => ({ ...field, byteOffset: (spans[i] as FieldSpan).to }));
    return this.#over(fields, packedBytes(spans), buffer, byteOffset);
  }

  #over(fields: readonly FieldMetadata[], bytes: number, buffer: ArrayBufferLike, byteOffset: number): Window {
    const { plain } = this.#metadata;
    const raw = { name: '', dtype: 'uint8', byteOffset: 0, shape: Object.freeze([bytes]) } as const;
    const plans = (plain ? fields : [raw, ...fields]).map((field) => planTensor(field, this.#frameStride, 1, false));
    return this.#assemble(plans, buffer, byteOffset);
  }

  /** A window of frames that differ in length: it says so of each. `lengths` are in the window's order. */
  withLengths(window: Window, lengths: readonly Lengths[]): Window {
    const { fields } = this.#metadata;
    let next = 0;
    const lengthsOf = fields.map(({ maxLength }) => {
      if (maxLength === undefined) return undefined;
      const at = next++;
      return Object.freeze(lengths.map((of) => of[at] as number));
    });
    if (window.fields === undefined) return { ...window, lengths: lengthsOf[0] };
    const tensors = fields.map(({ name }, i) => [
      name,
      Object.freeze({ ...(window.fields?.[name] as TensorView), lengths: lengthsOf[i] }),
    ]);
    return { ...window, fields: Object.freeze(Object.fromEntries(tensors)) };
  }

  #assemble(plans: readonly TensorPlan[], buffer: ArrayBufferLike, byteOffset: number): Window {
    const { data, shape, strides, offset, dtype } = buildTensor(plans[0] as TensorPlan, buffer, byteOffset);
    if (plans.length === 1) return { data, shape, strides, offset, dtype, fields: undefined };
    const fields: Record<string, TensorView> = {};
    for (let i = 1; i < plans.length; i++) {
      const plan = plans[i] as TensorPlan;
      // slot.fields.depth.data = … would publish nothing of it.
      fields[plan.name] = Object.freeze(buildTensor(plan, buffer, byteOffset));
    }
    return { data, shape, strides, offset, dtype, fields: Object.freeze(fields) };
  }
}

/** Bytes of a copy that has no room for more. */
export function packedBytes(spans: readonly FieldSpan[]): number {
  const last = spans.at(-1);
  return last === undefined ? 0 : last.to + last.bytes;
}
