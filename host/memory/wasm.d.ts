declare module '*.wasm' {
  /** The bytes, embedded by esbuild's binary loader. */
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

// The part of the WebAssembly API that is used; @types/node leaves it to the DOM library.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true });
    readonly buffer: SharedArrayBuffer;
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: Readonly<Record<string, (...args: never[]) => number>>;
  }
}
