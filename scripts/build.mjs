// Builds dist/: the core in its three targets, the library as ESM and CJS with the core embedded, the CLI, and the types.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const run = (command, ...args) => execFileSync(process.execPath, [command, ...args], { stdio: 'inherit' });
const asc = 'node_modules/assemblyscript/bin/asc.js';
const only = process.argv[2];

mkdirSync('dist', { recursive: true });
if (only === undefined || only === 'core') {
  run(asc, 'assembly/index.ts', '--target', 'release');
  run(asc, 'assembly/index.ts', '--target', 'debug');
  run(asc, 'assembly/wasi.ts', '--target', 'wasi');
}

/** What every bundle of ours shares; tests and benchmarks use it too (scripts/bundle.mjs). */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['koffi'],
  loader: { '.wasm': 'binary' },
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
};

if (only === undefined || only === 'js') {
  for (const folder of ['esm', 'cjs', 'cli']) rmSync(`dist/${folder}`, { recursive: true, force: true });
  const entryPoints = { index: 'host/entry/main.ts' };
  await build({ ...common, entryPoints, outdir: 'dist/esm', format: 'esm', outExtension: { '.js': '.mjs' } });
  await build({
    ...common,
    entryPoints,
    outdir: 'dist/cjs',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    // CommonJS has no import.meta: createRequire takes the file name instead.
    define: { 'import.meta.url': '__filename' },
  });
  await build({
    ...common,
    entryPoints: { cli: 'host/cli/main.ts' },
    outdir: 'dist/cli',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
  });
  writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json');
  finishTypes('dist/esm/types');
  // The same once more where a package.json says CommonJS: TypeScript tells the two kinds of module apart by folder.
  cpSync('dist/esm/types', 'dist/cjs/types', { recursive: true });
}

/** Node's resolution wants full file names in relative imports; the sources, which are bundled, have none. */
function finishTypes(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/(from\s+|import\(\s*)(['"])(\.{1,2}\/[^'"]+)\2/g, '$1$2$3.js$2'));
  }
}
