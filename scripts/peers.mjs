// Installs what tests meet beyond the library's own development dependencies: other runtimes, other libraries. Each group is a small
// npm project under test/, so that "npm ci" at the root stays light.  npm run peers [group…]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
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
  types: [],
  dds: [],
  wire: [],
  // What the benchmark peers stands beside: not a test's.
  bench: [],
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
  if (wanted.length > 0 ? !wanted.includes(name) : name === 'bench') continue;
  const folder = name === 'bench' ? 'bench/peers' : join('test', name);
  if (!existsSync(join(folder, 'package-lock.json'))) continue;
  const started = Date.now();
  process.stdout.write(`${folder} … `);
  execFileSync('npm', ['ci', '--ignore-scripts', '--silent', ...flags], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    // Where a package's own scripts would download: these come with what is needed.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  console.log(`installed (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (name === 'arm64') installCyclone();
  if (name === 'wire') installPackage();
  if (name === 'bench') installBenchPeers(folder);
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

/**
 * The Python package itself. Without its dependencies: it asks for a cyclonedds that has no wheel for newer Pythons, and does not name sympy,
 * which it imports.
 */
function installPackage() {
  const started = Date.now();
  const venv = 'test/wire/venv';
  const packages = ['tensor-ipc==0.1.0', 'cyclonedds==11.0.1', 'numpy', 'posix_ipc==1.3.2', 'sympy==1.14.0', 'mpmath==1.4.1'];
  // What cyclonedds imports.
  packages.push('rich-click==1.9.9', 'rich', 'click', 'pygments', 'markdown-it-py', 'mdurl', 'typing_extensions');
  process.stdout.write(`${venv}: the Python package, by pip … `);
  rmSync(venv, { recursive: true, force: true });
  for (const [command, ...args] of [
    ['python3', '-m', 'venv', venv],
    [`${venv}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', '--no-deps', ...packages],
  ]) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
    if (status === 0) continue;
    // Half of it would look like all of it.
    rmSync(venv, { recursive: true, force: true });
    const why = (error?.message ?? stderr).trim().split('\n').at(-1);
    console.log(`\nskip: the Python package: ${why}; it takes Python 3.9 or newer with venv (apt install python3-venv) and PyPI`);
    return;
  }
  console.log(`installed (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

/** What is built for this machine, and what comes from PyPI. Each is left out where it cannot be had. */
function installBenchPeers(folder) {
  const include = join(process.execPath, '..', '..', 'include', 'node');
  const env = { ...process.env, ...(existsSync(include) ? { npm_config_nodedir: join(include, '..', '..') } : {}) };
  const run = (command, args) => {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env });
    if (status === 0) return true;
    const lines = (error?.message ?? `${stdout}\n${stderr}`).trim().split('\n');
    console.log(
      `skip: ${args.at(-1)}: ${lines.find((line) => /ERR!.*(stack Error|not ok|not found)|ERROR:/.test(line)) ?? lines.at(-1)}`,
    );
    return false;
  };
  run('npm', ['rebuild', '--foreground-scripts', 'zeromq']);
  run('npm', ['rebuild', '--foreground-scripts', 'shm-typed-array']);
  rmSync(join(folder, 'venv'), { recursive: true, force: true });
  const made = run('python3', ['-m', 'venv', 'venv']);
  // Half of it would look like all of it.
  if (!made || !run('venv/bin/pip', ['install', '--quiet', '--disable-pip-version-check', 'iceoryx2==0.10.0']))
    rmSync(join(folder, 'venv'), { recursive: true, force: true });
}
