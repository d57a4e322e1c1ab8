// Builds dist/: the core in its three targets, the library as ESM and CJS with the core embedded, the CLI, and the types.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
  // Names stay as they are, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
};

if (only === undefined || only === 'js') {
  for (const folder of ['esm', 'cjs', 'cli']) rmSync(`dist/${folder}`, { recursive: true, force: true });
  // The library, tensor-ipc/dds and the command share one copy of what they have in common, and of its state.
  const { metafile } = await build({
    ...common,
    metafile: true,
    entryPoints: { 'esm/index': 'host/entry/main.ts', 'esm/dds': 'host/entry/dds.ts', 'cli/cli': 'host/cli/main.ts' },
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    chunkNames: 'esm/shared-[hash]',
    outExtension: { '.js': '.mjs' },
  });
  writeFileSync('dist/esm/THIRD-PARTY-LICENSES.txt', licensesOf(Object.keys(metafile.inputs)));
  // CommonJS cannot be split: one file has both, and each entry gives its half.
  await build({
    ...common,
    stdin: {
      contents: "export * as index from './host/entry/main'; export * as dds from './host/entry/dds';",
      resolveDir: '.',
      loader: 'ts',
    },
    outfile: 'dist/cjs/shared.cjs',
    format: 'cjs',
    // CommonJS has no import.meta: createRequire takes the file name instead.
    define: { 'import.meta.url': '__filename' },
  });
  for (const entry of ['index', 'dds'])
    writeFileSync(`dist/cjs/${entry}.cjs`, `module.exports = require('./shared.cjs').${entry};\n`);
  writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json');
  const entries = ['host/entry/main.d.ts', 'host/entry/dds.d.ts'];
  finishTypes('dist/cjs/types', entries);
  // TypeScript tells the two kinds of module apart by folder. One set of types for both: so the classes of both are of one type, too.
  for (const entry of entries) {
    mkdirSync(dirname(`dist/esm/types/${entry}`), { recursive: true });
    writeFileSync(`dist/esm/types/${entry}`, `export * from '../../../../cjs/types/${entry.replace(/\.d\.ts$/, '.js')}';\n`);
  }
}

/** The terms of the packages that are bundled, whose copies must bear them. A package without a license file ends the build. */
function licensesOf(inputs) {
  const folders = new Set(inputs.map((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return `Bundled with tensor-ipc: ${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8')}`;
  });
  return texts.join('\n');
}

/**
 * Node's resolution wants full file names in relative imports; the sources, which are bundled, have none. What no entry leads to goes, and
 * so do comments on what no entry exports.
 */
function finishTypes(folder, entries) {
  const shown = new Set(['host/entry/api', 'host/dds/index']);
  for (const path of [...shown]) {
    const text = readFileSync(join(folder, `${path}.d.ts`), 'utf8');
    for (const [, name] of text.matchAll(/from '(\.{1,2}\/[^']+)'/g)) shown.add(join(dirname(path), name));
  }
  const relative = /(from\s+|import\(\s*|import\s+)(['"])(\.{1,2}\/[^'"]+)\2/g;
  const kept = new Set(entries);
  for (const path of kept) {
    const text = readFileSync(join(folder, path), 'utf8');
    for (const match of text.matchAll(relative)) kept.add(`${join(dirname(path), match[3])}.d.ts`);
    const told = shown.has(path.replace(/\.d\.ts$/, '')) ? text : text.replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, '');
    writeFileSync(join(folder, path), told.replace(relative, '$1$2$3.js$2'));
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!kept.has(path.slice(folder.length + 1))) rmSync(path);
  }
}
