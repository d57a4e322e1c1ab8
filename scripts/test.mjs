// Runs test/**/*.test.ts through uvu, each file in a process of its own, and ends with one line: N passed, N failed, N skipped.
// Arguments select files by part of their path: npm test -- layout wake
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundle } from './bundle.mjs';
import { runSuite } from './suite.mjs';

function list(folder) {
  if (['node_modules', 'venv'].includes(basename(folder))) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? list(path) : [path];
  });
}

if (!existsSync('dist/core.wasm')) {
  console.error('dist/core.wasm is missing: run "npm run build"');
  process.exit(2);
}
const wanted = process.argv.slice(2);
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
// A folder of this run's own, so that two runs do not disturb each other.
const out = `build/test-${process.pid}`;
await bundle(
  Object.fromEntries(
    [...all.filter((path) => path.endsWith('.test.ts')), ...programs].map((path) => [basename(path, '.ts'), path]),
  ),
  out,
);

const run = (file) => runSuite(process.execPath, `${out}/${basename(file, '.ts')}.mjs`, process.env);
// Emulated suites take minutes of one core each, and promise no times: they run side by side.
const emulated = new Map(files.filter((file) => file.startsWith('test/arm64/')).map((file) => [file, run(file)]));
// Before the others begin, which do measure.
await Promise.all(emulated.values());

const sums = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const suite = await (emulated.get(file) ?? run(file));
  for (const key of Object.keys(sums)) sums[key] += suite[key];
  console.log(`${suite.failed === 0 ? 'ok  ' : 'FAIL'} ${file} (${suite.passed}/${suite.total}, ${suite.seconds} s)`);
  for (const line of suite.output.split('\n')) if (/^(skip|note): /.test(line)) console.log(`     ${line}`);
  if (suite.failed > 0) console.log(suite.output);
}
rmSync(out, { recursive: true, force: true });
console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
process.exit(sums.failed === 0 && files.length > 0 ? 0 : 1);
