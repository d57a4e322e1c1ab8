// Runs every example and prints one line for each: npm run examples [part of a name …]
// An example checks its own result and ends by itself; one that does neither is killed and counts as failed.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { bundle } from './bundle.mjs';

/** Examples take seconds. A watchdog, not a limit on how fast they must be. */
const WATCHDOG_MS = Number(process.env.EXAMPLE_WATCHDOG_MS ?? 120_000);

if (!existsSync('dist/core.wasm')) {
  // On a fresh clone: the core is all that an example needs built.
  execFileSync(process.execPath, ['scripts/build.mjs', 'core'], { stdio: 'inherit' });
}
const wanted = process.argv.slice(2);
const names = readdirSync('examples')
  .filter((file) => /^\d\d-.*\.ts$/.test(file) && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .map((file) => basename(file, '.ts'))
  .sort();
// A folder of this run's own, so that two runs do not disturb each other.
const out = `build/examples-${process.pid}`;
await bundle(Object.fromEntries(names.map((name) => [name, `examples/${name}.ts`])), out);

let failed = 0;
for (const name of names) {
  const started = Date.now();
  const { output, ended } = await run(`${out}/${name}.mjs`);
  if (ended !== 0) failed += 1;
  console.log(`${ended === 0 ? 'ok  ' : 'FAIL'} examples/${name}.ts (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (ended !== 0) console.log(`${output}ended with ${ended}\n`);
}
rmSync(out, { recursive: true, force: true });
console.log(`${names.length - failed} of ${names.length} examples ok`);
process.exit(failed === 0 && names.length > 0 ? 0 : 1);

function run(program) {
  return new Promise((resolve) => {
    // A process group of its own: an example that hangs is killed with the processes it has started.
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const killGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        // ESRCH: the group has ended already, which is what is wanted.
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const watchdog = setTimeout(() => {
      output += `watchdog: still running after ${WATCHDOG_MS} ms, killed\n`;
      killGroup();
    }, WATCHDOG_MS);
    // One that failed may have left its other half running, which holds the pipes open.
    child.on('exit', (code) => {
      if (code !== 0) killGroup();
    });
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      resolve({ output, ended: code ?? signal });
    });
  });
}
