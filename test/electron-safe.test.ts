// Electron forbids ArrayBuffers over memory that is not V8's own (its memory cage): an addon that makes one gets an error, or the
// process ends. So our code never makes one: pools are mapped over a WebAssembly.Memory instead. This test keeps it so.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** What would make an external buffer, or foreign memory look like one. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\bkoffi\s*(?:\)|\?)?\s*(?:\.|\?\.)\s*view\b/, 'koffi.view makes an ArrayBuffer over foreign memory'],
  [/#?koffi\s*\[\s*['"`]view['"`]\s*\]/, 'koffi.view makes an ArrayBuffer over foreign memory'],
  [/\{[^{}]*\bview\b[^{}]*\}\s*=\s*(?:require\(\s*['"]koffi['"]\s*\)|(?:\w+\.)*#?koffi\b)/, 'koffi.view by another name'],
  [/import\s*\{[^}]*\bview\b[^}]*\}\s*from\s*['"]koffi['"]/, 'koffi.view by another name'],
  [
    /koffi\s*\.\s*decode\s*\([^;]*(?:ArrayBuffer|\bbuffer\b|koffi\s*\.\s*array)/i,
    'koffi.decode to memory that is not copied piece by piece',
  ],
  [/napi_create_external_(?:arraybuffer|buffer)|\bnode_api_create_external\b/, 'an external buffer of Node-API'],
  [/Napi::(?:Array)?Buffer(?:<[^>]*>)?::New\s*\(/, 'an external buffer of node-addon-api'],
  [/process\s*\.\s*dlopen\b|\bprocess\.binding\s*\(/, 'native code past koffi'],
  [/require\(\s*['"][^'"]+\.node['"]\s*\)|from\s*['"][^'"]+\.node['"]/, 'native code past koffi'],
  [
    /require\(\s*['"](?:mmap-io|shm-typed-array|ref-napi|ffi-napi|node-ffi)[^'"]*['"]\s*\)|from\s*['"](?:mmap-io|shm-typed-array|ref-napi|ffi-napi)/,
    'a library that makes external buffers',
  ],
];

const isCode = (path: string) => /\.(?:ts|mts|cts|js|mjs|cjs|c|cc|cpp|h|hpp)$/.test(path);

/** Code without its comments, which may talk of what must not be done. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(,])\/\/.*$/gm, '$1');
}

function offencesIn(source: string): string[] {
  const code = withoutComments(source);
  return FORBIDDEN.flatMap(([pattern, what]) => (pattern.test(code) ? [`${what}: ${pattern.exec(code)?.[0]}`] : []));
}

function codeUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => isCode(path) && !path.includes('node_modules'));
}

/** Not written out where an import names it: another test forbids that outside native-shim/. */
const KOFFI = 'koffi';

const PLANTED: readonly string[] = [
  'const memory = koffi.view(pointer, 4096);',
  'return this.#koffi.view(address, length)',
  'native?.koffi?.view(p, n)',
  "koffi['view'](pointer, 1)",
  `import { load, view } from '${KOFFI}';`,
  `const { view } = require('${KOFFI}');`,
  'const { view: look } = this.#koffi;',
  "const bytes = koffi.decode(pointer, koffi.array('uint8_t', 4096, 'Typed'));",
  'const all = koffi.decode(pointer, 0, ArrayBuffer)',
  'napi_create_external_arraybuffer(env, data, size, nullptr, nullptr, &result);',
  'napi_create_external_buffer(env, size, data, nullptr, nullptr, &result);',
  'return Napi::Buffer<uint8_t>::New(env, data, length);',
  "process.dlopen(module, './addon.node');",
  "const addon = require('./build/addon.node');",
  "import mmap from 'mmap-io';",
];

for (const offence of PLANTED) {
  test(`the rule sees: ${offence}`, () => {
    assert.ok(offencesIn(`const before = 1;\n${offence}\nconst after = 2;`).length > 0);
  });
}

test('the rule lets pass what is allowed, and what is only talked about', () => {
  const fine = [
    'const base = koffi.address(view);',
    'const frame = consumer.borrow(); frame.view;',
    '// never koffi.view(pointer): Electron forbids it',
    '/* napi_create_external_arraybuffer is what we avoid */',
    "const mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)');",
    "const name = koffi.decode(pointer, 'char', 32);",
  ];
  for (const line of fine) assert.equal(offencesIn(line), [], line);
});

for (const folder of ['host', 'native-shim', 'assembly', 'examples/electron']) {
  test(`${folder}/ makes no external buffer`, () => {
    const paths = codeUnder(folder);
    assert.ok(paths.length > 0, `${folder} has code`);
    assert.equal(
      paths.flatMap((path) => offencesIn(readFileSync(path, 'utf8')).map((offence) => `${path}: ${offence}`)),
      [],
    );
  });
}

test('nor do the bundles that are shipped', () => {
  const bundles = ['esm', 'cjs', 'cli'].flatMap((name) => codeUnder(`dist/${name}`)).filter((path) => /\.[mc]js$/.test(path));
  for (const name of ['dist/esm/index.mjs', 'dist/cjs/index.cjs', 'dist/cli/cli.mjs'])
    assert.ok(existsSync(name), `${name}: run "npm run build"`);
  assert.ok(bundles.length >= 3);
  assert.equal(
    bundles.flatMap((path) => offencesIn(readFileSync(path, 'utf8')).map((offence) => `${path}: ${offence}`)),
    [],
  );
});

test.run();
