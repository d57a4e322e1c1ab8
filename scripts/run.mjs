// Bundles one TypeScript program and runs it with the arguments that follow: node scripts/run.mjs bench/main.ts --quick
// On a fresh clone it builds the core first, which is all that a program needs built.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { basename } from 'node:path';

const [file, ...args] = process.argv.slice(2);
if (file === undefined || !existsSync(file)) {
  console.error(`${file === undefined ? '' : `there is no ${file}\n`}usage: node scripts/run.mjs FILE.ts [ARGUMENTS]`);
  process.exit(2);
}
if (!existsSync('node_modules/esbuild')) {
  console.error('the packages that this needs are not installed: run "npm ci" first');
  process.exit(2);
}
// What the program prints is its own: the build's lines go to standard error.
if (!existsSync('dist/core.wasm'))
  execFileSync(process.execPath, ['scripts/build.mjs', 'core'], { stdio: ['ignore', 2, 'inherit'] });

const { bundle } = await import('./bundle.mjs');
const name = basename(file, '.ts');
// A folder of this run's own, so that two runs do not disturb each other.
const out = `build/${name}-${process.pid}`;
await bundle({ [name]: file }, out);
process.on('exit', () => rmSync(out, { recursive: true, force: true }));
const child = spawn(process.execPath, ['--expose-gc', `${out}/${name}.mjs`, ...args], { stdio: 'inherit' });
// A terminal sends Ctrl-C to both; without one this process passes it on. The child decides how to end.
process.on('SIGINT', () => {
  if (!process.stdin.isTTY) child.kill('SIGINT');
});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
child.on('exit', (code, signal) => process.exit(code ?? CODES[signal] ?? 1));
