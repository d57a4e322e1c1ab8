// The package as users get it: packed, installed into an empty project, imported both ways, type-checked under Node's own rules.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { pretend, pretendCjs, refusals, refused, refusedCjs } from './support/package-programs';
import { type Packed, pack } from './support/registry';

const test = suite('the package');
const root = process.cwd();
const project = mkdtempSync(join(tmpdir(), 'tensor-ipc-package-'));
const installed = join(project, 'node_modules', 'tensor-ipc');
let packed: Packed;
let tarball: string;

/** Runs a program in the project. */
function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8' });
  assert.is(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

function write(name: string, text: string): string {
  writeFileSync(join(project, name), text);
  return name;
}

test.before(() => {
  assert.ok(existsSync('dist/esm/index.mjs'), 'run "npm run build" first');
  // Built already: packing must not build again underneath tests that run beside this one.
  packed = pack(project).find(({ name }) => name === 'tensor-ipc') as Packed;
  tarball = join(project, packed.filename);
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', installed]);
  // The one dependency, as npm would have placed it, and the types that every Node project has.
  for (const name of ['koffi', '@koromix', '@types', 'undici-types']) {
    symlinkSync(resolve(root, 'node_modules', name), join(project, 'node_modules', name));
  }
  write('package.json', '{ "private": true, "type": "module" }');
});

test.after(() => rmSync(project, { recursive: true, force: true }));

test('no tests, no sources, nothing that weighs', () => {
  console.log(
    `note: the package weighs ${packed.size} bytes packed, ${packed.unpackedSize} unpacked, ${packed.files.length} files`,
  );
  // Two bundles of 350 kB, a command of 170, types of 90. What came by mistake would be more: the types twice, for one.
  assert.ok(packed.unpackedSize < 1_100_000, `${packed.unpackedSize} bytes unpacked`);
  const allowed = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/pool-format\.md)$/,
    /^dist\/(esm\/(index|dds|shared-\w+)\.mjs|cjs\/(index|dds|shared)\.cjs|cjs\/package\.json|cli\/cli\.mjs)$/,
    /^dist\/(esm|cjs)\/types\/(host|native-shim|assembly)\/[\w/.-]+\.d\.ts$/,
    /^native-shim\/include\/[\w/.-]+\.(h|hpp)$/,
    /^dist\/esm\/THIRD-PARTY-LICENSES\.txt$/,
  ];
  assert.equal(
    packed.files.map(({ path }) => path).filter((path) => !allowed.some((pattern) => pattern.test(path))),
    [],
  );
});

test('what is bundled is there with its licence', () => {
  const licenses = readFileSync(join(installed, 'dist/esm/THIRD-PARTY-LICENSES.txt'), 'utf8');
  // esbuild names the modules that it wraps.
  const chunks = packed.files.map(({ path }) => path).filter((path) => /\.(mjs|cjs)$/.test(path));
  const code = chunks.map((path) => readFileSync(join(installed, path), 'utf8')).join('\n');
  const bundled = new Set([...code.matchAll(/"node_modules\/((?:@[^/"]+\/)?[^/"]+)\//g)].map(([, name]) => name as string));
  assert.ok(bundled.has('@foxglove/cdr'));
  for (const name of bundled) {
    assert.match(licenses, `Bundled with tensor-ipc: ${name} `);
    assert.ok(licenses.includes(readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim()), name);
  }
});

const tools = resolve(root, 'test/package-tools/node_modules/.bin');
const hasTools = existsSync(join(tools, 'publint'));
if (!hasTools) console.log('skip: publint and attw on the package: run "npm run peers package-tools"');

(hasTools ? test : test.skip)('the export map pleases publint, and the types arethetypeswrong', () => {
  const publint = run(process.execPath, join(tools, 'publint'), 'run', tarball, '--strict');
  assert.not.match(publint, /^(Errors|Warnings):/m);
  const { analysis } = JSON.parse(
    run(process.execPath, join(tools, 'attw'), tarball, '--format', 'json', '--profile', 'node16'),
  ) as {
    analysis: {
      types: { kind: string } | false;
      problems: readonly { kind: string; resolutionKind?: string }[];
      entrypoints: Record<string, object>;
    };
  };
  assert.equal(Object.keys(analysis.entrypoints), ['.', './dds', './package.json']);
  assert.is(analysis.types === false ? 'none' : analysis.types.kind, 'included');
  // Resolution without export maps, which no Node from 12 on uses, knows no subpaths.
  assert.equal(
    analysis.problems.filter(({ resolutionKind }) => resolutionKind !== 'node10'),
    [],
  );
});

const EXCHANGE = `
const name = process.argv[2];
using_(TensorProducer.fromSample(name, new Float32Array(3), { historyLen: 2 }), (producer) => {
  using_(TensorConsumer.attach(name), (consumer) => {
    producer.put(Float32Array.of(1, 2, 3));
    console.log(JSON.stringify([...consumer.get().data]), new TensorIpcError('CLOSED', 'x') instanceof Error, typeof MetadataCreator.fromSample);
  });
});
function using_(resource, body) { try { body(resource); } finally { resource[Symbol.dispose](); } }
`;
const NAMES = '{ TensorProducer, TensorConsumer, TensorIpcError, MetadataCreator, PoolMetadata, recommendedHistoryLen }';

test('ESM', () => {
  const file = write('esm.mjs', `import ${NAMES} from 'tensor-ipc';${EXCHANGE}`);
  assert.is(run(process.execPath, file, poolName('esm')).trim(), '[1,2,3] true function');
});

test('CommonJS', () => {
  const file = write('cjs.cjs', `const ${NAMES} = require('tensor-ipc');${EXCHANGE}`);
  assert.is(run(process.execPath, file, poolName('cjs')).trim(), '[1,2,3] true function');
});

test('both at once in one process: a signal still ends it, and both clean up', () => {
  const [one, two] = [poolName('both'), poolName('both')];
  const file = write(
    'both.mjs',
    `import * as esm from 'tensor-ipc';
    import { createRequire } from 'node:module';
    const cjs = createRequire(import.meta.url)('tensor-ipc');
    esm.TensorProducer.fromSample('${one}', new Uint8Array(1));
    cjs.TensorProducer.fromSample('${two}', new Uint8Array(1));
    setInterval(() => {}, 1000);
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));`,
  );
  const { signal } = spawnSync(process.execPath, [file], { cwd: project, timeout: 60_000, killSignal: 'SIGKILL' });
  assert.is(signal, 'SIGTERM');
  assert.equal([...leftovers(one), ...leftovers(two)], []);
});

test('the two have the same names', () => {
  const esm = run(process.execPath, '-e', "import('tensor-ipc').then((m) => console.log(Object.keys(m).sort().join()))").trim();
  const cjs = run(
    process.execPath,
    '--input-type=commonjs',
    '-e',
    "console.log(Object.keys(require('tensor-ipc')).sort().join())",
  ).trim();
  assert.is(cjs, esm);
});

// In two halves, for the rule that forbids it in code of ours.
const EXPECT = `@ts-${'expect-error'}`;
const TYPED = `
const producer = TensorProducer.fromSample('typed', { data: new Uint8Array(12), shape: [2, 2, 3] }, { historyLen: 3, onPinned: 'drop' });
const sequence: number = producer.put({ data: new Uint8Array(12), shape: [2, 2, 3] }, { timestampNs: 5n });
const consumer: TensorConsumer<Uint8Array> = TensorConsumer.attach<Uint8Array>('typed', { onNewData: (frame) => frame.sequence });
const data: Uint8Array | undefined = consumer.get({ historyLen: 2, latestFirst: false })?.data;
consumer.on('lag', ({ missed }) => missed.toFixed());
// ${EXPECT} a string is no tensor
producer.put('hello');
// ${EXPECT} no such policy
new TensorProducer(MetadataCreator.fromSample('x', new Uint8Array(1)), { onPinned: 'panic' });
export { sequence, data };
`;

for (const [kind, file] of [
  ['ESM', 'typed.mts'],
  ['CommonJS', 'typed.cts'],
] as const) {
  test(`types under nodenext, ${kind}, library checked too`, () => {
    write(file, `import { MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';${TYPED}`);
    const tsc = resolve(root, 'node_modules/typescript/bin/tsc');
    const flags =
      '--noEmit --strict --exactOptionalPropertyTypes --target es2022 --lib es2023,esnext.disposable --types node'.split(' ');
    const { stdout } = spawnSync(process.execPath, [tsc, ...flags, '--module', 'nodenext', file], {
      cwd: project,
      encoding: 'utf8',
    });
    // Node's types have faults of their own, which are not ours to judge.
    assert.equal(
      stdout.split('\n').filter((line) => /^(node_modules\/tensor-ipc|typed)/.test(line)),
      [],
    );
  });
}

test('the command runs', () => {
  const cli = join(installed, 'dist/cli/cli.mjs');
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string };
  assert.match(run(process.execPath, cli, '--version'), new RegExp(version.replaceAll('.', '\\.')));
  assert.ok((statSync(cli).mode & 0o111) !== 0 || readFileSync(cli, 'utf8').startsWith('#!'), 'npm makes it executable');
});

test('no file of the package is looked up: the programs run without the rest', () => {
  const alone = mkdtempSync(join(tmpdir(), 'tensor-ipc-alone-'));
  try {
    mkdirSync(join(alone, 'node_modules'));
    for (const name of ['koffi', '@koromix']) symlinkSync(resolve(root, 'node_modules', name), join(alone, 'node_modules', name));
    // The programs and what they share: no types, no package.json, no Wasm module.
    for (const { path } of packed.files)
      if (/^dist\/\w+\/[\w-]+\.[mc]js$/.test(path)) cpSync(join(installed, path), join(alone, path));
    writeFileSync(join(alone, 'esm.mjs'), `import ${NAMES} from './dist/esm/index.mjs';${EXCHANGE}`);
    writeFileSync(join(alone, 'cjs.cjs'), `const ${NAMES} = require('./dist/cjs/index.cjs');${EXCHANGE}`);
    for (const file of ['esm.mjs', 'cjs.cjs'])
      assert.is(run(process.execPath, join(alone, file), poolName('alone')).trim(), '[1,2,3] true function');
    assert.match(run(process.execPath, join(alone, 'dist/cli/cli.mjs'), '--version'), /^\d+\.\d+\.\d+/);
    assert.match(run(process.execPath, join(alone, 'dist/cli/cli.mjs'), 'doctor'), /^ok +a pool/m);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

test('it runs from a folder that is read-only, and leaves that as it was', () => {
  const state = () => execFileSync('ls', ['-lR', '--full-time', installed], { encoding: 'utf8' });
  execFileSync('chmod', ['-R', 'a-w', installed]);
  try {
    const before = state();
    run(process.execPath, write('esm.mjs', `import ${NAMES} from 'tensor-ipc';${EXCHANGE}`), poolName('read-only'));
    run(process.execPath, join(installed, 'dist/cli/cli.mjs'), 'doctor');
    assert.is(state(), before);
  } finally {
    execFileSync('chmod', ['-R', 'u+w', installed]);
  }
});

for (const platform of ['darwin', 'win32']) {
  test(`on ${platform} the import works and loads no koffi; the first call says that pools need Linux`, () => {
    const message = `pools need POSIX shared memory on Linux x64 or arm64; this is ${platform} ${process.arch}`;
    write('pretend.mjs', pretend(platform));
    write('pretend.cjs', pretendCjs(platform));
    write('refused.mjs', refused());
    write('refused.cjs', refusedCjs);
    const expected = refusals(`UNSUPPORTED_PLATFORM ${message}`);
    assert.is(run(process.execPath, '--import', './pretend.mjs', 'refused.mjs'), expected);
    assert.is(run(process.execPath, '--require', './pretend.cjs', 'refused.cjs'), expected);
    const cli = join(installed, 'dist/cli/cli.mjs');
    assert.match(run(process.execPath, '--import', './pretend.mjs', cli, '--version'), /^\d/);
    const ls = spawnSync(process.execPath, ['--import', './pretend.mjs', cli, 'ls'], { cwd: project, encoding: 'utf8' });
    assert.is(ls.status, 1);
    assert.ok(ls.stderr.includes(`UNSUPPORTED_PLATFORM: ${message}`), ls.stderr);
  });
}

test('without koffi the import works, and the first call says what is missing', () => {
  const bare = mkdtempSync(join(tmpdir(), 'tensor-ipc-bare-'));
  try {
    mkdirSync(join(bare, 'node_modules'));
    execFileSync('cp', ['-r', installed, join(bare, 'node_modules')]);
    const program = `import('tensor-ipc').then(({ TensorConsumer }) => { try { TensorConsumer.attach('x') } catch (error) { console.log(error.code, error.message) } })`;
    const output = execFileSync(process.execPath, ['-e', program], { cwd: bare, encoding: 'utf8' });
    assert.match(output, /MISSING_DEPENDENCY .*npm install koffi/);
  } finally {
    rmSync(bare, { recursive: true, force: true });
  }
});

test.run();
