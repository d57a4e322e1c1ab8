// What a frame is, for the type checker: one array, or several by name. The form of a pool is found once, from a sample, from metadata or from
// what a consumer states, and goes along with everything that the pool hands out and takes.

import type {
  ArrayOfDtype,
  DtypeOfArray,
  KindOf,
  OwnArrayOf,
  OwnBytes,
  OwnTypedArray,
  PutsOf,
  SharedArrayOf,
  SharedTypedArray,
  SharedUint8Array,
  TypedArray,
} from './arrays';
import type { Sample, SampleTensor } from './creator';
import type { Dtype } from './dtype';
import type { FieldInit } from './metadata';
import type { TensorView } from './tensor';

/** The arrays of a record, by field: `{ rgb: Uint8Array; depth: Uint16Array }`. */
export type FieldArrays = Readonly<Record<string, TypedArray>>;

/**
 * What a frame is: one array, or a record of arrays. As the form of a consumer `TypedArray` also stands for frames that are not known before
 * they are there.
 */
export type FrameForm = TypedArray | FieldArrays;

/** The array of a dtype: `ArrayOf<'uint16'>` is Uint16Array. */
export type ArrayOf<D extends Dtype> = Dtype extends D ? TypedArray : ArrayOfDtype<D>;

/** The fields of frames that are not known before they are there. */
export type AnyFields = Readonly<Record<string, TensorView>> | undefined;

// Members of frames, views, slots and producers have types of the form "F extends …" and no others: with those a Frame of a known form is
// one of any form, and goes to a function that takes a Frame.

/** `data` of a copy: over memory of its own; of a record its bytes. */
export type OwnData<F extends FrameForm> = F extends TypedArray ? OwnArrayOf<F> : OwnBytes;

/** `fields` of a copy. */
export type OwnFields<F extends FrameForm> = F extends FieldArrays
  ? { readonly [K in keyof F]: TensorView<OwnArrayOf<F[K]>> }
  : AnyFields;

/** `data` on the pages of a pool; of a record its bytes. */
export type SharedData<F extends FrameForm> = F extends TypedArray ? SharedArrayOf<F> : SharedUint8Array;

/** `fields` on the pages of a pool. */
export type SharedFields<F extends FrameForm> = F extends FieldArrays
  ? { readonly [K in keyof F]: TensorView<SharedArrayOf<F[K]>> }
  : AnyFields;

/** What `put` takes. */
export type FrameOf<F extends FrameForm> = [F] extends [TypedArray]
  ? SampleTensor<PutsOf<F>>
  : [F] extends [FieldArrays]
    ? { readonly [K in keyof F]: SampleTensor<PutsOf<F[K]>> }
    : Sample;

/** The name of a field of a record. */
export type FieldName<F extends FrameForm> = F extends FieldArrays ? keyof F & string : string;

/** One frame of a window of one field: a copy. */
export type OwnField<F extends FrameForm, K extends string> = F extends FieldArrays ? OwnArrayOf<F[K]> : OwnTypedArray;

/** The same on the pages of a pool. */
export type SharedField<F extends FrameForm, K extends string> = F extends FieldArrays ? SharedArrayOf<F[K]> : SharedTypedArray;

/** The array in which a tensor's elements are handed out. */
type ArrayOfSample<S> = S extends TypedArray
  ? KindOf<S>
  : S extends { readonly dtype: infer D extends Dtype }
    ? ArrayOf<D>
    : S extends { readonly data: infer T extends TypedArray }
      ? TypedArray extends T
        ? TypedArray
        : KindOf<T>
      : TypedArray;

/** The form of frames like a sample. */
export type FormOf<S> = Sample extends S
  ? FrameForm
  : S extends TypedArray | { readonly data: TypedArray }
    ? ArrayOfSample<S>
    : string extends keyof S
      ? FrameForm
      : keyof S extends 'data'
        ? ArrayOfSample<S[keyof S]>
        : { -readonly [K in keyof S]: ArrayOfSample<S[K]> };

/** The form of frames of these fields: known where names and dtypes are literals. */
export type FormOfFields<N extends Pick<FieldInit, 'name' | 'dtype'>> = string extends N['name']
  ? FrameForm
  : N['name'] extends 'data'
    ? ArrayOf<N['dtype']>
    : { [M in N as M['name']]: ArrayOf<M['dtype']> };

/** What a consumer states of one field. */
export interface StatedField {
  readonly dtype: Dtype;
  readonly shape?: readonly number[];
}

/** What a consumer states of the fields of a record: dtypes, with shapes or without. */
export type StatedFields = Readonly<Record<string, Dtype | StatedField>>;

/** The array of what is stated of one field. */
type ArrayStated<S> = S extends Dtype
  ? ArrayOf<S>
  : S extends { readonly dtype: infer D extends Dtype }
    ? ArrayOf<D>
    : TypedArray;

/** The form of the fields that a consumer states. */
type FormOfStated<S extends StatedFields> = string extends keyof S ? TypedArray : { -readonly [K in keyof S]: ArrayStated<S[K]> };

/** The form that a consumer states: by fields, else by dtype, else none. */
export type FormStated<D extends Dtype, S extends StatedFields> = [S] extends [never] ? ArrayOf<D> : FormOfStated<S>;

/** The dtypes that a form may be stated by. */
export type StatedDtype<F extends FrameForm> = F extends TypedArray ? DtypeOfArray<F> : undefined;

/** The fields that a form may be stated by. */
export type StatedFieldsOf<F extends FrameForm> = F extends FieldArrays
  ? { readonly [K in keyof F]: DtypeOfArray<F[K]> | { readonly dtype: DtypeOfArray<F[K]>; readonly shape?: readonly number[] } }
  : undefined;
