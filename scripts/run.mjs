// Bundles one TypeScript program and runs it with the arguments that follow: node scripts/run.mjs bench/main.ts --quick
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
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
await bundle({ [name]: file }, `build/${name}`);
const child = spawn(process.execPath, ['--expose-gc', `build/${name}/${name}.mjs`, ...args], { stdio: 'inherit' });
// A terminal sends Ctrl-C to both; the child decides how to end.
process.on('SIGINT', () => {});
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
