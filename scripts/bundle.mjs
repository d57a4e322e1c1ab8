// Bundles TypeScript entry points (tests, benchmarks, examples) to build/, where Node can run them. The library they import is the
// one in host/, so that what is tested is what is written.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

/** Bundles `entryPoints` ({ name: file }) into `outdir` as ESM. Prints nothing when all is well. */
export async function bundle(entryPoints, outdir, { external = [] } = {}) {
  rmSync(outdir, { recursive: true, force: true });
  await build({
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    external,
    // As in the package: the library is the one in host/, with what is bundled into it. (A path is bundled, a package is not.)
    alias: {
      'tensor-ipc': './host/entry/main.ts',
      'tensor-ipc/dds': './host/entry/dds.ts',
      '@foxglove/cdr': './node_modules/@foxglove/cdr/dist/index.js',
    },
    loader: { '.wasm': 'binary' },
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
}
