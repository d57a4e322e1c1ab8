// Runs test/**/*.test.ts through uvu, each file in a process of its own, and ends with one line: N passed, N failed, N skipped.
// Arguments select files by part of their path: npm test -- layout wake
//   --quick   the core, two suites at a time: npm run test:quick
//   --record  writes the seconds of each suite to test/durations.json
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './bundle.mjs';
import { estimate, longestFirst, record, spoken } from './durations.mjs';
import { isolation } from './isolation.mjs';
import { runSuite } from './suite.mjs';

/** The core and what users meet first. Torture, of nine seconds else, takes one. */
const QUICK = [
  'test/conformance/',
  'test/cli-smoke.test',
  'test/core-module.test',
  'test/history.test',
  'test/layout.test',
  'test/model.test',
  'test/smoke.test',
  'test/torture.test',
  'test/xxh64.test',
];
const QUICK_ENVIRONMENT = { TORTURE_SECONDS: '1' };

function list(folder) {
  if (['node_modules', 'venv'].includes(basename(folder))) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? list(path) : [path];
  });
}

/** Suites at a time, where they do not see each other. */
function lanes() {
  const said = process.env.TEST_LANES;
  if (said === undefined) return Math.min(2, availableParallelism());
  if (/^[1-9]\d?$/.test(said)) return Number(said);
  console.error(`TEST_LANES is a number of suites, found ${said}`);
  process.exit(2);
}

if (!existsSync('dist/core.wasm')) {
  console.error('dist/core.wasm is missing: run "npm run build"');
  process.exit(2);
}
const [quick, recording] = ['--quick', '--record'].map((option) => process.argv.includes(option));
const wanted = quick ? QUICK : process.argv.slice(2).filter((word) => !word.startsWith('--'));
const all = list('test').filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));
const files = all
  .filter((path) => path.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((part) => path.includes(part))))
  .sort();
// Programs that tests start as other processes are bundled beside them: test/programs/<name>.ts becomes <name>.mjs in the same folder.
const programs = all.filter((path) => path.includes('/programs/'));
// All bundles lie in one folder: two of a name would be one.
const names = [...all.filter((path) => path.endsWith('.test.ts')), ...programs].map((path) => basename(path, '.ts'));
const twice = names.filter((name, index) => names.indexOf(name) !== index);
if (twice.length > 0) {
  console.error(`two files are called ${twice.join(', ')}`);
  process.exit(2);
}
/**
 * Quick suites share the machine with one another. Others run two at a time where each can have a /dev/shm and a network of its own; how
 * long something takes is a watchdog's matter in them, and measured in bench/. TEST_LANES=1 runs one at a time.
 */
const front = quick ? [] : lanes() > 1 ? isolation() : null;
const width = quick ? Math.max(2, lanes()) : front === null ? 1 : lanes();
if (files.length > 1) {
  const others = wanted.length === 0 ? '; the core alone, "npm run test:quick", takes a minute or two' : '';
  const together = width > 1 && !quick ? `, ${width} at a time, each with a /dev/shm and a network of its own` : '';
  console.log(`${files.length} suites${together}: about ${spoken(estimate(files, width))} by test/durations.json${others}`);
}
// A folder of this run's own, so that two runs do not disturb each other.
const out = `build/test-${process.pid}`;
const entries = [...all.filter((path) => path.endsWith('.test.ts')), ...programs, 'test/support/missing.ts'];
await bundle(Object.fromEntries(entries.map((path) => [basename(path, '.ts'), path])), out);

/** Said once, before the first suite of a whole run; a part of it says what it skips suite by suite. */
const missing = wanted.length === 0 ? (await import(pathToFileURL(join(out, 'missing.mjs')).href)).missing() : [];
if (missing.length > 0) console.log('skipped here:');
for (const { tests, why } of missing) console.log(`  ${tests}: ${why}`);

const environment = quick ? { ...process.env, ...QUICK_ENVIRONMENT } : process.env;
const run = (file) => runSuite(process.execPath, `${out}/${basename(file, '.ts')}.mjs`, environment, front ?? []);
// One at a time, but emulated suites: they take minutes of one core each, and have pools and peers of other names.
const begun = new Map(width > 1 ? [] : files.filter((file) => file.startsWith('test/arm64/')).map((file) => [file, run(file)]));
await Promise.all(begun.values());

const sums = { passed: 0, failed: 0, skipped: 0 };
const seconds = {};
const waiting = width > 1 ? longestFirst(files) : [...files];
async function runNext() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const suite = await (begun.get(file) ?? run(file));
    for (const key of Object.keys(sums)) sums[key] += suite[key];
    seconds[file] = Number(suite.seconds);
    console.log(`${suite.failed === 0 ? 'ok  ' : 'FAIL'} ${file} (${suite.passed}/${suite.total}, ${suite.seconds} s)`);
    for (const line of suite.output.split('\n')) {
      const isKnown = line.startsWith('skip: ') && missing.some(({ said }) => said.test(line));
      if (/^(skip|note): /.test(line) && !isKnown) console.log(`     ${line}`);
    }
    if (suite.failed > 0) console.log(suite.output);
  }
}
await Promise.all(Array.from({ length: width }, runNext));
rmSync(out, { recursive: true, force: true });
if (recording) record(seconds);
console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
process.exit(sums.failed === 0 && files.length > 0 ? 0 : 1);
