// The rules of the house, as a test: who may import whom, how long a file may be, and what must not be written.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const MAX_LINES = 450;
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'build', '.git']);

function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (!statSync(path).isDirectory()) return [path];
    return SKIPPED_FOLDERS.has(name) ? [] : walk(path);
  });
}

/** What belongs to the project: what git tracks or would track; in an unpacked archive everything. */
function projectFiles(): string[] {
  if (!existsSync('.git')) return walk('.');
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  return list.split('\0').filter((path) => path !== '' && existsSync(path));
}

const FILES = projectFiles().map((path) => normalize(path));
const isBinary = (path: string) => /\.(png|jpg|gif|ico|avi|mp4|wasm)$/.test(path);
const text = new Map(FILES.filter((path) => !isBinary(path)).map((path) => [path, readFileSync(path, 'utf8')]));
const SOURCES = [...text.keys()].filter((path) => /\.(ts|mts|cts|js|mjs|cjs)$/.test(path));
const under = (path: string, ...folders: string[]) => folders.some((folder) => path.startsWith(`${folder}/`));

/** Without comments: what is said in prose is not what is done. Strings stay. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(,])\/\/.*$/gm, '$1');
}

/** What a file imports: bare names as they are, relative ones as paths from the root. */
function importsOf(path: string): string[] {
  const source = withoutComments(text.get(path) as string);
  const pattern =
    /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]/g;
  return [...source.matchAll(pattern)].map((match) => {
    const name = (match[1] ?? match[2]) as string;
    return name.startsWith('.') ? normalize(join(dirname(path), name)) : name;
  });
}

/** Fails with every offence, not with the first. */
function none(offences: readonly string[]): void {
  assert.is(offences.length, 0, offences.join('\n'));
}

/** Every import that `allowed` does not allow, for the files under a folder. */
function forbidImports(paths: readonly string[], allowed: (name: string, path: string) => boolean): string[] {
  return paths.flatMap((path) =>
    importsOf(path)
      .filter((name) => !allowed(name, path))
      .map((name) => `${path} imports ${name}`),
  );
}

const folder = (...names: string[]) => SOURCES.filter((path) => under(path, ...names));
const isBare = (name: string) => !/^(assembly|host|native-shim|test|bench|examples|scripts|dist)\//.test(name);

test('the rules see the files', () => {
  assert.ok(SOURCES.length > 40);
  assert.ok(importsOf('host/native/pool.ts').includes('assembly/layout'), 'static imports');
  assert.ok(importsOf('host/memory/core.ts').includes('dist/core.wasm'), 'default imports');
  assert.ok(importsOf('host/entry/api.ts').includes('host/client/consumer'), 'export from');
  assert.ok(importsOf('host/entry/main.ts').includes('host/adapter/node'));
});

test('assembly/layout.ts and status.ts import nothing, assembly/ only itself', () => {
  none(forbidImports(['assembly/layout.ts', 'assembly/status.ts'], () => false));
  none(forbidImports(folder('assembly'), (name) => name.startsWith('assembly/')));
});

test('only native-shim/ knows koffi', () => {
  none(
    forbidImports(
      SOURCES,
      (name, path) =>
        !(name === 'koffi' || name.startsWith('koffi/') || name.startsWith('@koromix/')) || under(path, 'native-shim'),
    ),
  );
  const named = SOURCES.filter((path) => under(path, 'host') && /['"]koffi['"]/.test(withoutComments(text.get(path) as string)));
  none(named.map((path) => `${path} names koffi`));
});

test('native-shim/ knows koffi, node: and what host/ asks of it', () => {
  const contracts = ['host/runtime/system', 'host/runtime/errors', 'host/runtime/realm', 'host/dds/library'];
  none(
    forbidImports(
      folder('native-shim'),
      (name) => name.startsWith('native-shim/') || name.startsWith('node:') || name === 'koffi' || contracts.includes(name),
    ),
  );
});

test('host/ meets shim and runtime in host/adapter only', () => {
  const host = folder('host');
  const edge = (path: string) => under(path, 'host/adapter', 'host/entry', 'host/cli');
  none(forbidImports(host, (name, path) => !name.startsWith('node:') || edge(path)));
  none(forbidImports(host, (name, path) => !name.startsWith('native-shim/') || under(path, 'host/adapter')));
  none(forbidImports(host, (name, path) => !name.startsWith('host/adapter/') || under(path, 'host/entry', 'host/adapter')));
  none(forbidImports(host, (name) => !/^(test|bench|examples|scripts)\//.test(name)));
  // Of packages, the library itself: the command line uses it as its users do, and reads its own version. It may bring packages
  // that are bundled into it.
  const forEdges = (name: string) => name.startsWith('node:') || name === 'tensor-ipc' || name === 'package.json';
  const bundled = (name: string, path: string) =>
    (under(path, 'host/cli') && name === 'fast-png') ||
    ((under(path, 'host/wire') || path === 'host/dds/announcement.ts') && name === '@foxglove/cdr');
  none(forbidImports(host, (name, path) => !isBare(name) || (edge(path) && forEdges(name)) || bundled(name, path)));
});

test('the library asks no global for the time, and no built-in class for its instances', () => {
  const patterns: [RegExp, string][] = [
    // Test runners fake these: host/runtime/clock.ts and the platform have the real ones.
    [/\bperformance\.now\(|\bDate\.now\(|\bnew Date\(\)/, 'reads a clock that may be faked'],
    [/(?<![.\w#])(set|clear)(Timeout|Interval|Immediate)\(/, 'uses a timer that may be faked'],
    [/\bqueueMicrotask\(/, 'uses a queue that may be faked'],
    // Of another realm they are other classes: host/runtime/realm.ts.
    [
      /\binstanceof (Error|Object|Array|Map|Set|Promise|DataView|(Shared)?ArrayBuffer|\w+\d+(Clamped)?Array)\b/,
      'asks for a class of its realm',
    ],
  ];
  const free = (path: string) => under(path, 'host/adapter', 'host/cli') || path === 'host/runtime/realm.ts';
  const offences: string[] = [];
  for (const path of folder('host', 'native-shim').filter((path) => !free(path))) {
    const source = withoutComments(text.get(path) as string);
    for (const [pattern, what] of patterns) if (pattern.test(source)) offences.push(`${path} ${what}`);
  }
  none(offences);
});

test('suites whose pools a hook removes are those whose hooks run', () => {
  const users = folder('test').filter((path) => importsOf(path).includes('test/wire-interop/support/pools'));
  assert.ok(users.length >= 10, `${users.length} found`);
  none(users.filter((path) => /\bsuite\(/.test(withoutComments(text.get(path) as string))));
});

/** The rooms of host/, each importing only those before it. README of the rooms: docs/architecture.md. */
const ROOMS = ['runtime', 'tensor', 'memory', 'endpoint', 'native', 'dds', 'wire', 'client', 'adapter', 'entry', 'cli'];

/** What is wrong with one import inside host/: null when it leads to the same room or one before it. */
function roomOffence(path: string, name: string): string | null {
  const [room, target] = [path, name].map((each) => each.split('/')[1] as string) as [string, string];
  const [from, to] = [ROOMS.indexOf(room), ROOMS.indexOf(target)];
  if (from < 0) return `${path} lies in no room`;
  if (to < 0) return `${path} imports ${name}, which lies in no room`;
  if (to > from) return `${path} imports ${name}: ${room}/ comes before ${target}/`;
  // The command line uses what the package exports, as its users do.
  if (room === 'cli' && target !== 'cli' && target !== 'entry') return `${path} imports ${name}, not one of host/entry/`;
  return null;
}

test('the rooms of host/ import only rooms before them', () => {
  const offences = folder('host').flatMap((path) => {
    const lost = ROOMS.includes(path.split('/')[1] as string) ? [] : [`${path} lies in no room`];
    const inside = importsOf(path).filter((name) => name.startsWith('host/'));
    return [...lost, ...inside.map((name) => roomOffence(path, name)).filter((offence) => offence !== null)];
  });
  none(offences);
});

const PLANTED: readonly (readonly [string, string, string])[] = [
  ['host/runtime/system.ts', 'host/dds/library', 'runtime/ comes before dds/'],
  ['host/endpoint/options.ts', 'host/native/trust', 'endpoint/ comes before native/'],
  ['host/native/pool.ts', 'host/wire/form', 'native/ comes before wire/'],
  ['host/memory/arena.ts', 'host/client/producer', 'memory/ comes before client/'],
  ['host/pool.ts', 'host/native/pool', 'lies in no room'],
  ['host/native/pool.ts', 'host/pool', 'lies in no room'],
  ['host/cli/look/ls.ts', 'host/wire/inspect', 'not one of host/entry/'],
];

for (const [path, name, what] of PLANTED) {
  test(`the rule sees that ${path} may not import ${name}`, () => assert.match(roomOffence(path, name) ?? 'nothing', what));
}

test('the rule lets pass what leads to the same room or one before it', () => {
  assert.is(roomOffence('host/native/pool.ts', 'host/native/trust'), null);
  assert.is(roomOffence('host/wire/pool.ts', 'host/native/trust'), null);
  assert.is(roomOffence('host/cli/look/ls.ts', 'host/entry/main'), null);
});

test('docs/architecture.md and its picture show the rooms in their order', () => {
  const page = text.get('docs/architecture.md') as string;
  const rows = [...page.matchAll(/^\| `([a-z]+)\/` \| /gm)].map((match) => match[1] as string);
  assert.equal(
    rows.filter((name) => ROOMS.includes(name)),
    ROOMS,
  );
  const picture = text.get('docs/images/architecture.svg') as string;
  const drawn = [...picture.matchAll(/>([a-z]+)\/<\/text>/g)].map((match) => match[1] as string);
  assert.equal(drawn.filter((name) => ROOMS.includes(name)).reverse(), ROOMS);
});

test('the kinds of pool mirror each other', () => {
  for (const kind of ['native', 'wire']) {
    for (const part of ['sink', 'source', 'pool', 'inspect', 'inspect-remove'])
      assert.ok(text.has(`host/${kind}/${part}.ts`), `host/${kind}/${part}.ts`);
  }
});

test('bench/ and examples/ use what everybody can use', () => {
  // The peers that one benchmark measures beside are the tests'.
  const peers = (name: string, path: string) => path.startsWith('bench/benchmarks/wire') && name.startsWith('test/wire/support/');
  const own = (name: string, path: string) => name.startsWith(`${path.split('/')[0]}/`);
  none(forbidImports(folder('bench', 'examples'), (name, path) => isBare(name) || own(name, path) || peers(name, path)));
});

test('files are short enough to have one idea', () => {
  const handWritten = [...text].filter(([path]) => /\.(ts|mjs|js|cjs|c|cc|py)$/.test(path) && !path.endsWith('.d.ts'));
  const long = handWritten
    .map(([path, source]) => ({ path, lines: source.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES);
  none(long.map(({ path, lines }) => `${path} has ${lines} lines, at most ${MAX_LINES}`));
});

// In two pieces, so that this file does not offend itself.
const offence = (...pieces: string[]) => new RegExp(pieces.join(''));

test('types are not talked away, errors not swallowed', () => {
  const patterns: [RegExp, string][] = [
    [offence('\\bas unknown', ' as\\b'), 'casts through unknown'],
    [offence('(:|<|\\bas)\\s*an', 'y\\b(?=\\s*[;,)=>\\[\\]{}|&]|$)'), 'has a value of type any'],
    [offence('catch\\s*(\\([^)]*\\))?\\s*\\{\\s*', '\\}'), 'has an empty catch'],
    [offence('\\.catch\\(\\s*\\(\\s*\\w*\\s*\\)\\s*=>\\s*\\{\\s*', '\\}\\s*\\)'), 'swallows a rejection'],
  ];
  const offences: string[] = [];
  for (const path of SOURCES) {
    if (under(path, 'assembly')) continue;
    const source = withoutComments(text.get(path) as string);
    for (const [pattern, what] of patterns) if (pattern.test(source)) offences.push(`${path} ${what}`);
    if (offence('@ts-', '(ignore|nocheck|expect-error)').test(text.get(path) as string))
      offences.push(`${path} silences the compiler`);
  }
  none(offences);
});

test('nothing tells of the machine it was written on', () => {
  const patterns: [RegExp, string][] = [
    [offence('(^|[^\\w.])/wor', 'k/'), 'a path of one machine'],
    [offence('/home/', '\\w+/'), 'a path of one machine'],
    [offence('/root', '/'), 'a path of one machine'],
    [offence('registry\\.', '(npmjs|yarnpkg|npmmirror)'), 'a package registry'],
    [offence('"resolved": "', 'http'), 'a package registry'],
  ];
  const offences: string[] = [];
  for (const [path, source] of text) {
    for (const [pattern, what] of patterns) {
      const line = source.split('\n').findIndex((candidate) => pattern.test(candidate));
      if (line >= 0) offences.push(`${path}:${line + 1} names ${what}`);
    }
  }
  none(offences);
});

/** Where the names that a file re-exports are declared: name to file. */
function publicNames(entry: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const match of (text.get(entry) as string).matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)) {
    const file = `${normalize(join(dirname(entry), match[2] as string))}.ts`;
    for (const name of (match[1] as string).split(',')) {
      const plain = name.trim().replace(/^type /, '');
      if (plain !== '') names.set(plain, file);
    }
  }
  return names;
}

test('every public export is documented', () => {
  const names = publicNames('host/entry/api.ts');
  assert.ok(names.size > 20);
  const offences: string[] = [];
  for (const [name, file] of names) {
    const lines = (text.get(file) as string).split('\n');
    const declaration = new RegExp(`^export (?:abstract )?(?:class|interface|type|const|function) ${name}\\b`);
    const at = lines.findIndex((line) => declaration.test(line));
    if (at < 0) offences.push(`${file} does not declare ${name}`);
    else if (!lines[at - 1]?.trim().endsWith('*/')) offences.push(`${file}:${at + 1} ${name} has no docstring`);
  }
  none(offences);
});

test.run();
