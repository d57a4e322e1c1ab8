// The package's types under the TypeScript versions that its users have: what compiles, what does not, and what the errors say. A case marks
// the line below as one that must not compile:  // wrong: TS2551 part of the message

import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('types');
const cases = 'test/types/cases';
const project = mkdtempSync(join(tmpdir(), 'tensor-ipc-types-'));

/** Where each version is. The newest is the library's own. */
const VERSIONS = {
  '5.2': 'test/types/node_modules/typescript-5.2',
  '5.4': 'test/types/node_modules/typescript-5.4',
  '5.6': 'test/types/node_modules/typescript-5.6',
  '5.7': 'test/types/node_modules/typescript-5.7',
  '5.9': 'test/types/node_modules/typescript-5.9',
  '6': 'test/types/node_modules/typescript-6',
  '7': 'node_modules/typescript',
} as const;
type Version = keyof typeof VERSIONS;

/** What a program of this kind tells the compiler beside `strict`; libraries are checked, too. */
interface Setting {
  readonly what: string;
  readonly options: object;
  readonly names: readonly string[];
  /** Names of those that are compiled as CommonJS as well, where the export map leads elsewhere. */
  readonly commonJs: readonly string[];
  readonly versions: readonly Version[];
}

const COMMON = ['records', 'metadata', 'attaching'];
const NODE = { target: 'es2022', module: 'nodenext', types: ['node'] };
const BARE = { target: 'es2022', module: 'nodenext', types: [] };
const SETTINGS: readonly Setting[] = [
  {
    what: '@types/node',
    options: NODE,
    names: [...COMMON, 'plain', 'half-unknown'],
    commonJs: ['records'],
    versions: ['5.2', '5.4', '5.6'],
  },
  {
    what: '@types/node, arrays that say what they lie over',
    options: NODE,
    names: [...COMMON, 'plain', 'half-unknown', 'memory'],
    commonJs: ['records', 'memory'],
    versions: ['5.7', '5.9', '6', '7'],
  },
  {
    what: 'a bundler, exact optional properties',
    options: { ...NODE, module: 'esnext', moduleResolution: 'bundler', exactOptionalPropertyTypes: true },
    names: [...COMMON, 'memory'],
    commonJs: [],
    versions: ['6'],
  },
  {
    what: 'no @types/node but the DOM',
    options: { ...BARE, lib: ['es2022', 'dom'] },
    names: COMMON,
    commonJs: [],
    versions: ['5.2', '7'],
  },
  {
    what: 'the DOM and Float16Array',
    options: { ...BARE, lib: ['es2022', 'dom', 'esnext.float16'] },
    names: ['memory-dom', 'memory', 'half'],
    commonJs: [],
    versions: ['5.9', '7'],
  },
];

test.before(() => {
  assert.ok(existsSync('dist/esm/types'), 'run "npm run build" first');
  const installed = join(project, 'node_modules', 'tensor-ipc');
  mkdirSync(installed, { recursive: true });
  for (const path of ['package.json', 'dist/esm/types', 'dist/cjs/types', 'dist/cjs/package.json'])
    cpSync(path, join(installed, path), { recursive: true });
  for (const name of ['@types', 'undici-types']) symlinkSync(resolve('node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
});

test.after(() => rmSync(project, { recursive: true, force: true }));

/** Compilers that run side by side: each takes some 300 MB. */
const MAX_COMPILERS = Math.max(1, Math.min(4, availableParallelism()));
let running = 0;
const waiting: (() => void)[] = [];

/** What the compiler says of files, with these options, when it is its turn. */
async function compile(version: Version, options: object, files: readonly string[], ...flags: string[]): Promise<string> {
  if (running === MAX_COMPILERS) await new Promise<void>((turn) => waiting.push(turn));
  else running += 1;
  try {
    return await runCompiler(version, options, files, flags);
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

let configs = 0;

function runCompiler(version: Version, options: object, files: readonly string[], flags: readonly string[]): Promise<string> {
  configs += 1;
  const config = join(project, `tsconfig.${configs}.json`);
  const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, ...options };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: files.map((file) => join(project, file)) }));
  const child = spawn(process.execPath, [resolve(VERSIONS[version], 'bin/tsc'), '-p', config, '--pretty', 'false', ...flags], {
    cwd: project,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((done, failed) => child.on('error', failed).on('close', () => done(output)));
}

interface Fault {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  text: string;
}

function faultsIn(output: string): Fault[] {
  const faults: Fault[] = [];
  for (const text of output.split('\n')) {
    // Node's types have faults of their own, which are not ours to judge.
    if (/node_modules\/(@types|undici-types)\//.test(text)) continue;
    const [, file, line, code, message] = /^(?:.*\/)?([^/(]+)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(text) ?? [];
    if (file !== undefined) faults.push({ file, line: Number(line), code: code as string, text: message as string });
    else if (/^\S.*error TS/.test(text)) faults.push({ file: '', line: 0, code: '', text });
    else if (faults.length > 0 && /^\s/.test(text)) (faults.at(-1) as Fault).text += `\n${text}`;
  }
  return faults;
}

/** The lines that must not compile: what is expected of each, by "file:line". */
function marksIn(file: string, source: string): Map<string, { codes: readonly string[]; part: string }> {
  const marks = new Map<string, { codes: readonly string[]; part: string }>();
  for (const [i, line] of source.split('\n').entries()) {
    const [, codes, part] = /^\s*\/\/ wrong: (\S+) (.+)$/.exec(line) ?? [];
    if (codes !== undefined) marks.set(`${file}:${i + 2}`, { codes: codes.split('|'), part: part as string });
  }
  return marks;
}

/** What is wrong with a version's answer to the cases of a setting. */
async function offencesOf(version: Version, { what, options, names, commonJs }: Setting): Promise<string[]> {
  const marks = new Map<string, { codes: readonly string[]; part: string }>();
  const files = [...names.map((name) => [name, 'ts']), ...commonJs.map((name) => [name, 'cts'])].map(([name, extension]) => {
    const file = `${name}.${extension}`;
    const source = readFileSync(join(cases, `${name}.ts`), 'utf8');
    writeFileSync(join(project, file), source);
    for (const [at, mark] of marksIn(file, source)) marks.set(at, mark);
    return file;
  });
  assert.ok(marks.size > 0);
  const offences: string[] = [];
  for (const { file, line, code, text } of faultsIn(await compile(version, options, files))) {
    const at = `${file}:${line}`;
    const mark = marks.get(at);
    if (mark?.codes.includes(code) && text.includes(mark.part)) marks.delete(at);
    else offences.push(`${at} ${code} ${text}`);
  }
  for (const [at, { part }] of marks) offences.push(`${at} compiles, expected an error: ${part}`);
  return offences.map((offence) => `TypeScript ${version}, ${what}: ${offence}`);
}

const there = (version: Version): boolean => existsSync(VERSIONS[version]);
for (const version of Object.keys(VERSIONS) as Version[])
  if (!there(version)) console.log(`skip: TypeScript ${version}: run "npm run peers types"`);

for (const setting of SETTINGS) {
  const versions = setting.versions.filter(there);
  const skipped = versions.length === 0;
  (skipped ? test.skip : test)(`${setting.what}: TypeScript ${setting.versions.join(', ')}`, async () => {
    const offences = await Promise.all(versions.map((version) => offencesOf(version, setting)));
    assert.is(offences.flat().join('\n'), '');
  });
}

test('every case is compiled somewhere', () => {
  const compiled = new Set(SETTINGS.flatMap(({ names }) => names));
  const there = readdirSync(cases).map((file) => file.replace(/\.ts$/, ''));
  assert.equal([...compiled].sort(), there.sort());
});

test('the declarations say any nowhere, and need no library but those that docs/api.md names', () => {
  const offences: string[] = [];
  for (const build of ['dist/esm/types', 'dist/cjs/types']) {
    for (const entry of readdirSync(build, { recursive: true, encoding: 'utf8' })) {
      if (!entry.endsWith('.d.ts')) continue;
      const text = readFileSync(join(build, entry), 'utf8');
      const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/'[^']*'|"[^"]*"/g, "''");
      for (const [i, line] of code.split('\n').entries())
        if (/\bany\b/.test(line)) offences.push(`${entry}:${i + 1} ${line.trim()}`);
      if (/from ['"](node:|@types)|reference types=/.test(text)) offences.push(`${entry} imports types of Node`);
    }
  }
  assert.equal(offences, []);
});

const measured: Version = '5.9';
(there(measured) ? test : test.skip)('inference is cheap: types are not unfolded again and again', async () => {
  for (const name of COMMON) writeFileSync(join(project, `${name}.ts`), readFileSync(join(cases, `${name}.ts`), 'utf8'));
  const files = COMMON.map((name) => `${name}.ts`);
  const output = await compile(measured, { ...NODE, skipLibCheck: true }, files, '--extendedDiagnostics');
  const instantiations = Number(/^Instantiations:\s+(\d+)/m.exec(output)?.[1]);
  console.log(`note: TypeScript ${measured} makes ${instantiations} instantiations for ${COMMON.length} cases`);
  // A type that unfolds itself makes millions.
  assert.ok(instantiations > 0 && instantiations < 300_000, `${instantiations} instantiations`);
});

test.run();
