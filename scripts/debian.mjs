// A package of Debian for another architecture, with what it depends on, unpacked into a folder. Lists and archives are kept apart: the
// system's own packages stay as they are, and nobody has to be root.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const configuration = (work, architecture) => `
APT::Architecture "${architecture}";
#clear APT::Architectures;
APT::Architectures { "${architecture}"; };
APT::Sandbox::User "root";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "${work}";
Dir::State::Lists "${work}/lists";
Dir::State::Status "${work}/status";
Dir::Cache "${work}";
`;

/**
 * Puts them into `folder`, without those whose names match `without`. Returns the names; or, in words, why there is nothing to be had.
 *
 * @param {string} folder Whatever it held before is gone.
 * @param {string} architecture As Debian calls it.
 * @param {string} name
 * @param {RegExp} without
 */
export function unpackDebian(folder, architecture, name, without) {
  if (spawnSync('apt-get', ['--version']).status !== 0) return { missing: 'there is no apt-get here' };
  const work = mkdtempSync(join(tmpdir(), 'tensor-ipc-debian-'));
  try {
    for (const part of ['lists/partial', 'archives/partial', 'packages']) mkdirSync(join(work, part), { recursive: true });
    writeFileSync(join(work, 'status'), '');
    writeFileSync(join(work, 'apt.conf'), configuration(work, architecture));
    const packages = join(work, 'packages');
    const options = { cwd: packages, encoding: 'utf8' };
    // Not every source has every architecture, which may be an error here: what counts is whether the package is found.
    const update = spawnSync('apt-get', ['-qq', '-c', join(work, 'apt.conf'), 'update'], options);
    const relations = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
    const depends = spawnSync('apt-cache', ['-c', join(work, 'apt.conf'), 'depends', '--recurse', ...relations, name], options);
    // Names at the left edge are packages; what they depend on is indented, and what is only provided stands in angle brackets.
    const names = (depends.stdout ?? '').split('\n').filter((line) => /^[a-z0-9]/.test(line) && !without.test(line));
    if (!names.includes(name)) {
      const said = `${update.stderr ?? ''}${depends.stderr ?? ''}`.trim().split('\n').at(-1);
      return { missing: `apt-get finds no ${name} for ${architecture} (${said || 'and says nothing'})` };
    }
    execFileSync('apt-get', ['-qq', '-c', join(work, 'apt.conf'), 'download', ...names], {
      cwd: packages,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(packages)) execFileSync('dpkg-deb', ['-x', join(packages, file), resolve(folder)]);
    return { names };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
