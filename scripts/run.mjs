// Bundles one TypeScript program and runs it with the arguments that follow: node scripts/run.mjs bench/main.ts --quick
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { bundle } from './bundle.mjs';

const [file, ...args] = process.argv.slice(2);
if (file === undefined || !existsSync('dist/core.wasm')) {
  console.error(
    file === undefined ? 'usage: node scripts/run.mjs FILE.ts [ARGUMENTS]' : 'dist/core.wasm is missing: run "npm run build"',
  );
  process.exit(2);
}
const name = basename(file, '.ts');
// A folder of this run's own, so that two runs do not disturb each other.
const out = `build/${name}-${process.pid}`;
await bundle({ [name]: file }, out);
process.on('exit', () => rmSync(out, { recursive: true, force: true }));
const child = spawn(process.execPath, ['--expose-gc', `${out}/${name}.mjs`, ...args], { stdio: 'inherit' });
// A terminal sends Ctrl-C to both; the child decides how to end.
process.on('SIGINT', () => {});
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
