// What the tests use of ndarray beyond examples/ndarray.d.ts.
declare module 'ndarray' {
  interface NdArray<T> {
    pick(...index: (number | null)[]): NdArray<T>;
    step(...step: number[]): NdArray<T>;
  }
}
