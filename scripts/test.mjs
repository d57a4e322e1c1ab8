// Runs test/**/*.test.ts through uvu, each file in a process of its own, and ends with one line: N passed, N failed, N skipped.
// Arguments select files by part of their path: npm test -- layout wake
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundle } from './bundle.mjs';

/** A test file that hangs is killed and counts as failed. A watchdog, not a limit on how fast tests must be. */
const WATCHDOG_MS = Number(process.env.TEST_WATCHDOG_MS ?? 600_000);

function list(folder) {
  if (basename(folder) === 'node_modules') return [];
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

let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of files) {
  const started = Date.now();
  const { output, ended } = await runFile(`${out}/${basename(file, '.ts')}.mjs`);
  const count = (label) => Number(output.match(new RegExp(`^\\s+${label}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);
  const total = count('Total');
  const good = count('Passed');
  passed += good;
  // A file that died, or ran nothing, is a failure however its summary looks.
  const bad =
    total - good + (ended === 0 || total > good ? 0 : 1) + (total === 0 && count('Skipped') === 0 && ended === 0 ? 1 : 0);
  failed += bad;
  skipped += count('Skipped');
  console.log(`${bad === 0 ? 'ok  ' : 'FAIL'} ${file} (${good}/${total}, ${((Date.now() - started) / 1000).toFixed(1)} s)`);
  for (const line of output.split('\n')) if (/^(skip|note): /.test(line)) console.log(`     ${line}`);
  if (bad > 0) console.log(output);
}
rmSync(out, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && files.length > 0 ? 0 : 1);

function runFile(program) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--expose-gc', '--no-warnings', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    let output = '';
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const watchdog = setTimeout(() => {
      output += `\nwatchdog: still running after ${WATCHDOG_MS} ms, killed\n`;
      child.kill('SIGKILL');
    }, WATCHDOG_MS);
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      resolve({ output, ended: code ?? signal });
    });
  });
}
