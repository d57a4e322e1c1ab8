// The package as its users get it, on every runtime: installed by npm, Deno and Bun from a registry (on the loopback), from nothing,
// without install scripts; then two processes exchange frames, in each module system, and the command line runs.
// The commands here are those of docs/runtimes.md, word for word.

import { cpSync, existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { list, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { processesWith } from './support/cli-process';
import {
  cjs,
  denoSpawned,
  denoSpawning,
  esm,
  pretend,
  RECEIVED,
  refusals,
  refused,
  requiring,
  SENT,
  typescript,
  WAITING,
} from './support/package-programs';
import { type Kind, type Project, runtimes, Sandbox } from './support/package-sandbox';

const test = suite('the package on every runtime');
const guide = readFileSync('docs/runtimes.md', 'utf8');

/** A command that the guide gives to its readers. */
function documented(command: string): string {
  assert.ok(guide.includes(command), `docs/runtimes.md does not have "${command}"`);
  return command;
}

const FLAGS = '--allow-ffi --allow-read';
const COMMANDS = {
  node: { install: 'npm install tensor-ipc --ignore-scripts', run: 'node', cli: 'npx tensor-ipc' },
  deno: { install: 'deno add npm:tensor-ipc', run: `deno run ${FLAGS}`, cli: 'deno run -A npm:tensor-ipc' },
  bun: { install: 'bun add tensor-ipc --ignore-scripts', run: 'bun run', cli: 'bunx --bun tensor-ipc' },
} as const;
const EMPTY = '{ "private": true, "type": "module" }\n';

const sandbox = await Sandbox.open();
const all = runtimes();
const nodes = all.filter(({ kind }) => kind === 'node');
const [deno, bun] = (['deno', 'bun'] as const).map((kind) => all.find((runtime) => runtime.kind === kind));
/** A project with the library in it, one for each runtime. */
const projects = new Map<Kind, Project>();
test.after(() => sandbox[Symbol.asyncDispose]());

function installedProject(runtime: Kind): Project {
  const project = projects.get(runtime);
  if (project === undefined) throw new Error(`${runtime.label}: the installation failed`);
  return project;
}

/** Runs the consumer, then the producer, and expects both to have seen all. */
async function exchange(project: Project, run: string, file: string, consumerFile = file): Promise<void> {
  const pool = poolName('exchange');
  const consumer = project.start(`${run} ${consumerFile} consume ${pool}`);
  await consumer.printed(WAITING);
  const producer = await project.run(`${run} ${file} produce ${pool}`);
  if (producer.code !== 0) consumer.signalGroup('SIGTERM');
  const { code, stdout, stderr } = await consumer.ended;
  const said = `${run} ${file}\n${producer.stdout}${producer.stderr}${stdout}${stderr}`;
  assert.is(producer.code, 0, said);
  assert.is(code, 0, said);
  assert.is(producer.stdout.trim(), SENT, said);
  assert.is(stdout.trim(), `${WAITING}\n${RECEIVED}`, said);
  assert.equal([...leftovers(pool), ...leftovers(`${pool}-back`)], []);
}

for (const runtime of all) {
  test(`${runtime.label}: "${COMMANDS[runtime.kind].install}" into an empty folder`, async () => {
    const project = sandbox.project(runtime.programs);
    project.write(runtime.kind === 'deno' ? 'deno.json' : 'package.json', runtime.kind === 'deno' ? '{}\n' : EMPTY);
    const before = sandbox.registry.requests.length;
    await project.done(documented(COMMANDS[runtime.kind].install));
    const asked = sandbox.registry.requests.slice(before);
    // The cache was empty, so all came from here, and only what this machine needs.
    assert.equal(
      asked.filter((path) => path.endsWith('.tgz')).sort(),
      sandbox.packages.map(({ filename }) => `/-/${filename}`).sort(),
    );
    projects.set(runtime, project);
  });
}

for (const runtime of all) {
  const { run } = COMMANDS[runtime.kind];
  test(`${runtime.label}: ESM`, async () => {
    const project = installedProject(runtime);
    project.write('exchange.mjs', esm());
    await exchange(project, documented(run), 'exchange.mjs');
  });
  // Deno alone makes no node_modules, in which require would look: that is tested in a project of npm's.
  if (runtime.kind === 'deno') continue;
  test(`${runtime.label}: CommonJS, and require from a module`, async () => {
    const project = installedProject(runtime);
    project.write('exchange.cjs', cjs);
    project.write('requiring.mjs', requiring);
    await exchange(project, run, 'exchange.cjs', 'requiring.mjs');
  });
}

if (deno !== undefined) {
  const { run } = COMMANDS.deno;
  test('Deno: npm:tensor-ipc, in TypeScript, type-checked, nothing installed before', async () => {
    const project = sandbox.project(deno.programs);
    project.write('exchange.ts', typescript('npm:tensor-ipc'));
    await project.done(documented('deno check exchange.ts'));
    await exchange(project, run, 'exchange.ts');
    // Installed like this, koffi lies in Deno's own cache, which a program may read.
    await exchange(project, documented('deno run --allow-ffi'), 'exchange.ts');
  });

  test('Deno: CommonJS and require, in a project of npm', async () => {
    const project = sandbox.project({ ...(nodes[0] as Kind).programs, ...deno.programs });
    project.write('package.json', EMPTY);
    await project.done(COMMANDS.node.install);
    project.write('exchange.cjs', cjs);
    project.write('requiring.mjs', requiring);
    await exchange(project, run, 'exchange.cjs', 'requiring.mjs');
  });

  test('Deno: without a permission, the error names the flags', async () => {
    const project = installedProject(deno);
    for (const flags of ['', '--allow-read ', '--allow-net ']) {
      // Without --allow-all Deno reads nothing in /proc, so whether koffi was loaded is not asked.
      project.write('denied.mjs', refused().replaceAll('loaded()', 'null'));
      const stdout = await project.done(`deno run --no-prompt ${flags}denied.mjs`);
      assert.match(stdout, /^(true PERMISSION_DENIED .*--allow-ffi.*--allow-read.*\n){3}/, flags);
    }
  });

  test('Deno: what a program needs that starts others', async () => {
    const project = installedProject(deno);
    project.write('parent.mjs', denoSpawning('tensor-ipc'));
    project.write('child.mjs', denoSpawned('tensor-ipc'));
    const ways = [
      ['Command', documented(`deno run ${FLAGS} --allow-run=deno`)],
      ['node', documented(`deno run ${FLAGS} --allow-run=deno --allow-env`)],
    ] as const;
    for (const [means, run] of ways) {
      const stdout = await project.done(`${run} --no-prompt parent.mjs ${means} ${poolName('spawn')}`);
      assert.is(stdout, 'the child got 0,3,6,9,12,15,18,21\nchild ended with 0\n', means);
      // Each flag is needed.
      for (const flag of run.match(/--allow-(run\S+|env)/g) ?? []) {
        const { code, stderr } = await project.run(
          `${run.replace(` ${flag}`, '')} --no-prompt parent.mjs ${means} ${poolName('spawn')}`,
        );
        assert.ok(code === 1 && stderr.includes('NotCapable'), `without ${flag}: ${stderr}`);
      }
    }
  });
}

if (bun !== undefined) {
  test('Bun: TypeScript as it is', async () => {
    const project = installedProject(bun);
    project.write('exchange.ts', typescript());
    await exchange(project, 'bun run', 'exchange.ts');
  });
}

test('TypeScript: nodenext as ESM and as CommonJS, and what tsc makes of it runs; bundler', async () => {
  const [first] = nodes as [Kind, ...Kind[]];
  const project = installedProject(first);
  // What every TypeScript project for Node has besides.
  mkdirSync(join(project.folder, 'node_modules/@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(resolve('node_modules', name), join(project.folder, 'node_modules', name));
  }
  for (const name of ['typed.mts', 'typed.cts', 'typed.ts']) project.write(name, typescript());
  const options = '--strict --exactOptionalPropertyTypes --target es2022 --types node --skipLibCheck --esModuleInterop';
  await project.done(`tsc ${options} --module nodenext --outDir out typed.mts typed.cts`);
  await project.done(`tsc ${options} --module esnext --moduleResolution bundler --noEmit typed.ts`);
  await exchange(project, 'node', 'out/typed.mjs', 'out/typed.cjs');
  // A wrong program is refused: the types are seen.
  project.write('wrong.mts', typescript().replace('shape: SHAPE }, { historyLen: 4 }', "shape: SHAPE }, { historyLen: 'four' }"));
  const { code, stdout } = await project.run(`tsc ${options} --module nodenext --noEmit wrong.mts`);
  assert.ok(code !== 0 && /wrong\.mts.*historyLen|not assignable to type 'number'/.test(stdout), stdout);
  // The newer versions of Node run TypeScript as it is.
  for (const node of nodes.filter(({ label }) => /2[46]/.test(label))) {
    const newer = installedProject(node);
    newer.write('typed.mts', typescript());
    await exchange(newer, 'node', 'typed.mts');
  }
});

test('a bundle made for Node, koffi left out of it, runs on every runtime', async () => {
  const [first] = nodes as [Kind, ...Kind[]];
  const source = installedProject(first);
  source.write('exchange.ts', typescript());
  source.write('exchange.cjs', cjs);
  const project = sandbox.project(first.programs);
  project.write('package.json', EMPTY);
  await project.done(documented('npm install koffi --ignore-scripts'));
  for (const [format, entry, name] of [
    ['esm', 'exchange.ts', 'bundle.mjs'],
    ['cjs', 'exchange.cjs', 'bundle.cjs'],
  ] as const) {
    const bundling = documented(
      `esbuild ${entry} --bundle --platform=node --format=${format} --external:koffi --outfile=${name}`,
    );
    // Prints a summary to stderr, and warnings, of which there are to be none.
    const { code, stderr } = await source.run(bundling);
    assert.ok(code === 0 && !stderr.includes('WARNING'), stderr);
    renameSync(join(source.folder, name), join(project.folder, name));
  }
  assert.not(existsSync(join(project.folder, 'node_modules/tensor-ipc')));
  for (const runtime of all) {
    const elsewhere = sandbox.project(runtime.programs);
    for (const name of ['package.json', 'node_modules', 'bundle.mjs', 'bundle.cjs'])
      cpSync(join(project.folder, name), join(elsewhere.folder, name), { recursive: true });
    await exchange(elsewhere, COMMANDS[runtime.kind].run, 'bundle.mjs', 'bundle.cjs');
  }
});

test('from a checkout, on every runtime', async () => {
  for (const runtime of all) {
    const project = sandbox.project(runtime.programs);
    project.write('exchange.mjs', esm(resolve('dist/esm/index.mjs')));
    await exchange(project, COMMANDS[runtime.kind].run, 'exchange.mjs');
    if (runtime.kind !== 'deno') continue;
    const { code, stderr } = await project.run('deno run --no-prompt --allow-ffi exchange.mjs consume x');
    assert.is(code, 1);
    assert.match(stderr, /^PERMISSION_DENIED: .*--allow-read/m, 'koffi is to be looked for');
  }
});

test('elsewhere than on Linux the import works, loads no koffi, and the first call says so', async () => {
  const preload = { node: 'node --import', deno: 'deno run -A --preload', bun: 'bun run --preload' } as const;
  for (const runtime of all) {
    const project = installedProject(runtime);
    project.write('refused.mjs', refused());
    for (const platform of ['darwin', 'win32']) {
      project.write('pretend.mjs', pretend(platform));
      const stdout = await project.done(`${preload[runtime.kind]} ./pretend.mjs refused.mjs`);
      const message = `pools need POSIX shared memory on Linux x64 or arm64; this is ${platform} ${process.arch}`;
      assert.is(stdout, refusals(`UNSUPPORTED_PLATFORM ${message}`), runtime.label);
    }
  }
});

for (const runtime of all) {
  const command = COMMANDS[runtime.kind].cli;
  test(`${runtime.label}: "${command}"`, async () => {
    const project = installedProject(runtime);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.is(await project.done(`${documented(command)} --version`), `${version}\n`);
    assert.match(await project.done(`${command} doctor`), new RegExp(`^ok +${runtime.kind} +\\d+\\.`, 'm'));
    const pool = poolName('shown');
    using producer = TensorProducer.fromSample(pool, new Float32Array(5));
    producer.put(new Float32Array(5));
    assert.match(await project.done(`${command} ls`), new RegExp(`^${pool} +native +live +float32 +\\[5\\]`, 'm'));
  });

  test(`${runtime.label}: the demo, in processes of the same runtime, to its end and to Ctrl-C`, async () => {
    const project = installedProject(runtime);
    const pool = poolName('demo');
    const finite = await project.done(`${command} demo --frames 20 --fps 50 --size 64x48 --json --name ${pool}`);
    const outcome = JSON.parse(finite) as {
      frames: number;
      consumers: { frames: number; missed: number; trouble: string | null; latencyMs: { p50: number } }[];
    };
    assert.is(outcome.frames, 20);
    assert.is(outcome.consumers.length, 3);
    for (const { frames, missed, trouble, latencyMs } of outcome.consumers) {
      assert.is(frames + missed, 20);
      assert.is(trouble, null);
      // The clocks of two processes are one clock.
      assert.ok(latencyMs.p50 > 0 && latencyMs.p50 < 60_000, `latency ${latencyMs.p50} ms`);
    }
    // Without npx, which ends in a way of its own.
    const direct = runtime.kind === 'node' ? 'node node_modules/.bin/tensor-ipc' : command;
    const endless = project.start(`${direct} demo --frames 100000 --fps 50 --size 64x48 --name ${pool}`);
    await endless.printed('missed');
    const children = processesWith(`"pool":"${pool}"`);
    const programs = children.map((pid) => readlinkSync(`/proc/${pid}/exe`));
    endless.signalGroup('SIGINT');
    const { code, stderr } = await endless.ended;
    assert.equal(programs, new Array(4).fill(runtime.binary));
    assert.is(code, 0, `${endless.output}${stderr}`);
    assert.match(endless.output, /published \d+ frames/);
    assert.equal(leftovers(pool), []);
    assert.equal(processesWith(`"pool":"${pool}"`), []);
  });
}

if (bun !== undefined) {
  test('Bun: "bunx tensor-ipc" where there is no Node, and nothing installed before', async () => {
    const project = sandbox.project(bun.programs, { path: '/bin-that-is-not-there' });
    assert.match(await project.done(`${documented('bunx tensor-ipc')} doctor`), /^ok +bun +\d/m);
  });
}

test('nothing is left behind, and no sandbox needed the network', () => {
  assert.equal(
    list().filter(({ name }) => name.startsWith(`test-exchange-${process.pid}`)),
    [],
  );
  // @foxglove/cdr is an optional peer: package managers ask for it, and do without.
  const known = /^\/(tensor-ipc|koffi|@foxglove\/cdr|@koromix\/koffi-[\w-]+|-\/[\w.-]+\.tgz)$/;
  assert.equal(
    sandbox.registry.requests.filter((path) => !known.test(path)),
    [],
  );
  assert.equal(processesWith(sandbox.folder), [], 'processes that still run');
});

test.run();
