// Runs suites of test/ with Node for arm64 under qemu-user, and ends with one line like scripts/test.mjs: N passed, N failed, N skipped.
//
//   npm run arm64                                all that say something about arm64 (SUITES; some ten minutes)
//   npm run arm64 -- --pages 65536 put-get       those whose name contains "put-get", with pages of 64 KiB
//   npm run arm64 -- --cpu cortex-a72 litmus     as a Raspberry Pi 4: no LSE atomics
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ARM64_NODE, arm64Environment, whyNoArm64, whyNoDds } from '../test/arm64/emulator.mjs';
import { bundle } from './bundle.mjs';
import { runSuite } from './suite.mjs';

/** Emulation takes five to twenty times as long, so what is repeated is repeated less. The environment goes first. */
const LESS = {
  ...{ HOSTILE_RUNS: '1200', LITMUS_RUNS: '300', CROWD_SECONDS: '3', TORTURE_SECONDS: '3' },
  ...{ WIRE_ROUNDS: '1', WIRE_EXITS: '1' },
};

/** What touches architecture or page size. Left out are suites of tools, which start hundreds of processes and share what these test. */
const SUITES = [
  ...['put-get', 'borrow', 'history', 'lossless', 'waiting', 'lifecycle', 'errors', 'inspect', 'hostile', 'crowd', 'torture'],
  ...['control', 'protocol', 'litmus', 'core-module', 'xxh64', 'copy', 'clock', 'layout', 'c-header', 'wasi', 'smoke', 'cli'],
  ...['dds-api', 'dds-wire', 'dds-leave', 'bytes', 'directions', 'comings', 'kills', 'exits', 'wire-hostile', 'wire-pages'],
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pages: { type: 'string' }, cpu: { type: 'string' } },
});

const why = whyNoArm64();
if (why !== null) {
  console.error(why);
  process.exit(2);
}
if (!existsSync('dist/core.wasm')) {
  console.error('dist/core.wasm is missing: run "npm run build"');
  process.exit(2);
}
// This script is started by test/arm64.test.ts.
const wanted = (name) =>
  positionals.length === 0 ? SUITES.includes(name) : name !== 'arm64' && positionals.some((part) => name.includes(part));
const FOLDERS = ['test', 'test/conformance', 'test/arm64', 'test/dds', 'test/wire-interop'];
const listed = (folder, ending) =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.endsWith(ending))
    .map((file) => [basename(file, ending), join(folder, file)]);
const found = new Map(FOLDERS.flatMap((folder) => listed(folder, '.test.ts')));
const suites = [...found.keys()].filter(wanted).sort();
// A suite that was renamed must not be left out unnoticed.
const nowhere = positionals.filter((part) => !suites.some((name) => name.includes(part)));
if (nowhere.length > 0) {
  console.error(`no suite is called ${nowhere.join(', ')}`);
  process.exit(2);
}

/** Why a suite cannot run here although others can; null when it can. */
function whyNot(name) {
  const folder = dirname(found.get(name));
  if (values.pages !== undefined && Number(values.pages) > 4096 && folder === 'test/wire-interop')
    return `qemu-user does not share the last page of a file that fills it in part, as the wire's objects do pages of ${values.pages}`;
  return folder === 'test/dds' || folder === 'test/wire-interop' || name === 'wire-pages' ? whyNoDds() : null;
}

const programs = FOLDERS.flatMap((folder) => listed(join(folder, 'programs'), '.ts'));
// A folder of this run's own, so that two runs do not disturb each other.
const out = `build/arm64-${process.pid}`;
await bundle(Object.fromEntries([...suites.map((name) => [`${name}.test`, found.get(name)]), ...programs]), out);
process.on('exit', () => rmSync(out, { recursive: true, force: true }));

const environment = { ...LESS, ...arm64Environment({ pageBytes: values.pages, cpu: values.cpu }) };
const sums = { passed: 0, failed: 0, skipped: 0 };
for (const name of suites) {
  const reason = whyNot(name);
  if (reason !== null) {
    console.log(`skip: ${name} on arm64: ${reason}`);
    sums.skipped += 1;
    continue;
  }
  const suite = await runSuite(ARM64_NODE, `${out}/${name}.test.mjs`, environment);
  for (const key of Object.keys(sums)) sums[key] += suite[key];
  console.log(`${suite.failed === 0 ? 'ok  ' : 'FAIL'} ${name} on arm64 (${suite.passed}/${suite.total}, ${suite.seconds} s)`);
  for (const line of suite.output.split('\n')) if (line.startsWith('skip: ')) console.log(`     ${line}`);
  if (suite.failed > 0) console.log(suite.output);
}
console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
process.exitCode = sums.failed === 0 && suites.length > 0 ? 0 : 1;
