// Typed arrays by the memory that they lie over. From TypeScript 5.7 on typed arrays say which that is, and `Uint8Array<ArrayBuffer>` is
// what `crypto.subtle.digest` or `Blob` take; older versions know one Uint8Array and refuse the parameter. No name here is written with one,
// so that the same declarations serve both.

/** Float16Array, where the library that TypeScript was told of has it. */
type Float16 = typeof globalThis extends { Float16Array: { readonly prototype: infer T extends { readonly length: number } } }
  ? T
  : never;
type OwnFloat16 = typeof globalThis extends {
  Float16Array: { of(...items: number[]): infer T extends { readonly length: number } };
}
  ? T
  : never;

/** The arrays that hold elements; Float16Array is one of them where TypeScript's library has it. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | Float16;

/** An Int8Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedInt8Array extends Int8Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedInt8Array;
}

/** A Uint8Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedUint8Array extends Uint8Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedUint8Array;
}

/** An Int16Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedInt16Array extends Int16Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedInt16Array;
}

/** A Uint16Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedUint16Array extends Uint16Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedUint16Array;
}

/** An Int32Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedInt32Array extends Int32Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedInt32Array;
}

/** A Uint32Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedUint32Array extends Uint32Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedUint32Array;
}

/** A BigInt64Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedBigInt64Array extends BigInt64Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedBigInt64Array;
}

/** A BigUint64Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedBigUint64Array extends BigUint64Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedBigUint64Array;
}

/** A Float32Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedFloat32Array extends Float32Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedFloat32Array;
}

/** A Float64Array over a SharedArrayBuffer: the pages of a pool. */
export interface SharedFloat64Array extends Float64Array {
  readonly buffer: SharedArrayBuffer;
  subarray(begin?: number, end?: number): SharedFloat64Array;
}

/** The name that an array's class gives itself: a literal, by which the tables below find its kin. */
type Tag<T extends TypedArray> = T[typeof Symbol.toStringTag];

/** For each array the one in which its elements are handed out. */
interface Kinds {
  readonly Int8Array: Int8Array;
  readonly Uint8Array: Uint8Array;
  readonly Uint8ClampedArray: Uint8Array;
  readonly Int16Array: Int16Array;
  readonly Uint16Array: Uint16Array;
  readonly Int32Array: Int32Array;
  readonly Uint32Array: Uint32Array;
  readonly BigInt64Array: BigInt64Array;
  readonly BigUint64Array: BigUint64Array;
  readonly Float16Array: Float16;
  readonly Float32Array: Float32Array;
  readonly Float64Array: Float64Array;
}

/** Arrays of bytes. */
export type ByteArray = Uint8Array | Uint8ClampedArray;

/** What may be put where elements are handed out in such an array. */
interface Puts extends Omit<Kinds, 'Uint8Array' | 'Uint8ClampedArray'> {
  readonly Uint8Array: ByteArray;
  readonly Uint8ClampedArray: ByteArray;
}

/** For each array one over memory of its own: `of` answers with such an array in every version. */
interface Owns {
  readonly Int8Array: ReturnType<Int8ArrayConstructor['of']>;
  readonly Uint8Array: ReturnType<Uint8ArrayConstructor['of']>;
  readonly Uint8ClampedArray: ReturnType<Uint8ArrayConstructor['of']>;
  readonly Int16Array: ReturnType<Int16ArrayConstructor['of']>;
  readonly Uint16Array: ReturnType<Uint16ArrayConstructor['of']>;
  readonly Int32Array: ReturnType<Int32ArrayConstructor['of']>;
  readonly Uint32Array: ReturnType<Uint32ArrayConstructor['of']>;
  readonly BigInt64Array: ReturnType<BigInt64ArrayConstructor['of']>;
  readonly BigUint64Array: ReturnType<BigUint64ArrayConstructor['of']>;
  readonly Float16Array: OwnFloat16;
  readonly Float32Array: ReturnType<Float32ArrayConstructor['of']>;
  readonly Float64Array: ReturnType<Float64ArrayConstructor['of']>;
}

/** The same over the pages of a pool. */
interface Shareds {
  readonly Int8Array: SharedInt8Array;
  readonly Uint8Array: SharedUint8Array;
  readonly Uint8ClampedArray: SharedUint8Array;
  readonly Int16Array: SharedInt16Array;
  readonly Uint16Array: SharedUint16Array;
  readonly Int32Array: SharedInt32Array;
  readonly Uint32Array: SharedUint32Array;
  readonly BigInt64Array: SharedBigInt64Array;
  readonly BigUint64Array: SharedBigUint64Array;
  readonly Float16Array: Float16 & { readonly buffer: SharedArrayBuffer };
  readonly Float32Array: SharedFloat32Array;
  readonly Float64Array: SharedFloat64Array;
}

/** What is handed out for elements that came in `T`: a Buffer or Uint8ClampedArray comes back as a Uint8Array. */
export type KindOf<T extends TypedArray> = Kinds[Tag<T>];
/** What may be put where elements are handed out in `T`. */
export type PutsOf<T extends TypedArray> = Puts[Tag<T>];
/** The same as KindOf, over memory of its own. */
export type OwnArrayOf<T extends TypedArray> = Owns[Tag<T>];
/** The same as KindOf, over the pages of a pool. */
export type SharedArrayOf<T extends TypedArray> = Shareds[Tag<T>];

/** Any array over memory of its own. */
export type OwnTypedArray = Owns[Tag<TypedArray>] | ReturnType<Uint8ClampedArrayConstructor['of']>;
/** Any array over the pages of a pool. */
export type SharedTypedArray = Shareds[Tag<TypedArray>];
/** The bytes of a record, copied. */
export type OwnBytes = Owns['Uint8Array'];

/** For each dtype the array in which it is handed out. */
interface ByDtype {
  readonly bool: Uint8Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
  readonly int16: Int16Array;
  readonly uint16: Uint16Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly int64: BigInt64Array;
  readonly uint64: BigUint64Array;
  // Which of the two, the engine decides; where TypeScript knows no Float16Array, the engine may have one all the same.
  readonly float16: [Float16] extends [never] ? TypedArray : Float16 | Uint16Array;
  readonly bfloat16: Uint16Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;
}

/** The array in which a dtype is handed out. */
export type ArrayOfDtype<D extends keyof ByDtype> = ByDtype[D];

/** The dtypes that come in an array. */
interface Dtypes {
  readonly Int8Array: 'int8';
  readonly Uint8Array: 'uint8' | 'bool';
  readonly Uint8ClampedArray: 'uint8';
  readonly Int16Array: 'int16';
  readonly Uint16Array: 'uint16' | 'float16' | 'bfloat16';
  readonly Int32Array: 'int32';
  readonly Uint32Array: 'uint32';
  readonly BigInt64Array: 'int64';
  readonly BigUint64Array: 'uint64';
  readonly Float16Array: 'float16';
  readonly Float32Array: 'float32';
  readonly Float64Array: 'float64';
}

/** The dtypes that may be handed out in an array. */
export type DtypeOfArray<T extends TypedArray> = Dtypes[Tag<T>];
