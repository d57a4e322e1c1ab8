// What the example uses of ndarray, which brings no types of its own (programs would install @types/ndarray).
declare module 'ndarray' {
  interface NdArray<T> {
    readonly data: T;
    readonly shape: number[];
    readonly stride: number[];
    readonly offset: number;
    readonly dtype: string;
    get(...index: number[]): number;
    set(...indexAndValue: number[]): number;
    lo(...start: number[]): NdArray<T>;
    hi(...extent: number[]): NdArray<T>;
    transpose(...axes: number[]): NdArray<T>;
  }
  export default function ndarray<T>(data: T, shape: readonly number[], stride?: readonly number[], offset?: number): NdArray<T>;
}
