// Installs what tests meet beyond the library's own development dependencies: other runtimes, other libraries. Each group is a small
// npm project under test/, so that "npm ci" at the root stays light.  npm run peers [group…]
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { unpackDebian } from './debian.mjs';

/** The group, and what npm must be told for it. */
const GROUPS = {
  runtimes: [],
  interop: [],
  window: [],
  'package-tools': [],
  'jest-vitest': [],
  process: [],
  dds: [],
  wire: [],
  // Programs for another architecture, which emulation runs here.
  arm64: ['--cpu=arm64', '--os=linux'],
};

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (name in GROUPS) continue;
  console.error(`no such group: ${name} (there are ${Object.keys(GROUPS).join(', ')})`);
  process.exit(2);
}
for (const [name, flags] of Object.entries(GROUPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const folder = join('test', name);
  if (!existsSync(join(folder, 'package-lock.json'))) continue;
  const started = Date.now();
  process.stdout.write(`test/${name} … `);
  execFileSync('npm', ['ci', '--ignore-scripts', '--silent', ...flags], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    // Where a package's own scripts would download: these come with what is needed.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  console.log(`installed (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (name === 'arm64') installCyclone();
}

/** Cyclone DDS for arm64. What is left out comes with the packages that docs/arm64.md lists. */
function installCyclone() {
  const started = Date.now();
  process.stdout.write('test/arm64/debian: Cyclone DDS for arm64, by apt-get … ');
  const { names, missing } = unpackDebian(
    'test/arm64/debian',
    'arm64',
    'libddsc0debian',
    /^(libc6|libgcc-s1|libstdc\+\+6|gcc-.*)$/,
  );
  if (missing !== undefined) {
    console.log(`\nskip: DDS on arm64: ${missing}; it takes a Debian whose sources have arm64`);
    return;
  }
  console.log(`${names.join(', ')} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}
