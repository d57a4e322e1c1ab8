// Pools in the test runners that users have: Jest, and vitest in each of its pools. Both run tests in realms of their own and can fake
// every clock and timer; the package is installed into the project as a user's would be.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const test = suite('test runners');
const home = resolve('test/jest-vitest');
const modules = join(home, 'node_modules');
const installed = existsSync(join(modules, 'vitest'));
if (!installed) console.log('skip: pools in Jest and vitest: run "npm run peers jest-vitest"');
const run = installed ? test : test.skip;
/** A runner that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 180_000;
/** Tests of cases.cjs. */
const COUNT = 10;

const project = mkdtempSync(join(tmpdir(), 'tensor-ipc-runners-'));

test('they are there where nothing may be missing', () => {
  if (process.env['CI'] !== undefined) assert.ok(installed, 'run "npm run peers"');
});

test.before(() => {
  assert.ok(existsSync('dist/esm/index.mjs'), 'run "npm run build" first');
  if (!installed) return;
  cpSync(join(home, 'project'), project, { recursive: true });
  const target = join(project, 'node_modules');
  mkdirSync(join(target, 'tensor-ipc'), { recursive: true });
  for (const name of readdirSync(modules)) if (!name.startsWith('.')) symlinkSync(join(modules, name), join(target, name));
  for (const name of ['koffi', '@koromix']) symlinkSync(resolve('node_modules', name), join(target, name));
  cpSync('package.json', join(target, 'tensor-ipc/package.json'));
  for (const name of ['esm', 'cjs']) cpSync(`dist/${name}`, join(target, 'tensor-ipc/dist', name), { recursive: true });
});

test.after(() => rmSync(project, { recursive: true, force: true }));

interface Report {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
}

/** Runs a runner's program in the project; all its tests must pass, and no pool may be left. */
function passes(label: string, count: number, args: readonly string[], report: string, env: NodeJS.ProcessEnv = {}): void {
  const prefix = poolName(label);
  const { stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    timeout: WATCHDOG_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, CI: 'true', NO_COLOR: '1', FORCE_COLOR: '0', POOL_PREFIX: prefix, ...env },
  });
  const said = `${error?.message ?? ''}\n${stdout.slice(-8000)}\n${stderr.slice(-8000)}`;
  assert.ok(existsSync(join(project, report)), said);
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(join(project, report), 'utf8')) as Report;
  rmSync(join(project, report));
  assert.is(numTotalTests, count, said);
  assert.is(numPassedTests, count, said);
  assert.equal(
    readdirSync('/dev/shm').filter((name) => name.includes(prefix)),
    [],
    said,
  );
}

function jest(
  label: string,
  match: string,
  count: number,
  config: object = {},
  flags: string[] = [],
  env?: NodeJS.ProcessEnv,
): void {
  const settings = {
    rootDir: project,
    testMatch: [`**/${match}`],
    moduleFileExtensions: ['js', 'mjs', 'cjs', 'json', 'node'],
    transform: {},
    ...config,
  };
  const report = `${label}.json`;
  const args = [
    join(modules, 'jest/bin/jest.js'),
    '--config',
    JSON.stringify(settings),
    '--json',
    `--outputFile=${report}`,
    ...flags,
  ];
  passes(label, count, args, report, env);
}

run('Jest, CommonJS', () => jest('jest', 'pools.jest.cjs', COUNT));

run('Jest, CommonJS, timers faked before the library is loaded', () =>
  jest('jest-faked', 'pools.jest.cjs', COUNT, { fakeTimers: { enableGlobally: true } }),
);

run('Jest, ESM', () =>
  jest('jest-esm', 'pools.jest.mjs', COUNT, {}, [], { NODE_OPTIONS: '--experimental-vm-modules --no-warnings' }),
);

run('Jest: what a test forgets to close is closed when the process ends', () => {
  jest('jest-left', 'left.jest.cjs', 1, {}, ['--runInBand']);
  jest('jest-left-worker', '{left,pools}.jest.cjs', COUNT + 1, {}, ['--maxWorkers=2']);
});

for (const pool of ['threads', 'forks', 'vmThreads', 'vmForks']) {
  run(`vitest, ${pool}: ESM and CommonJS`, () => {
    const args = [join(modules, 'vitest/vitest.mjs'), 'run', '--pool', pool, '--config', 'vitest.config.mjs'];
    passes(`vitest-${pool}`, 2 * COUNT, [...args, '--reporter=json', `--outputFile=${pool}.json`], `${pool}.json`);
  });
}

test.run();
