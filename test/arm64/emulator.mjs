// What it takes to run Node for arm64 on another machine, and whether it is there. Paths are relative to the repository's root.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const FOLDER = 'test/arm64';
const PACKAGES = join(FOLDER, 'node_modules');
const APT = 'qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross libatomic1-arm64-cross';

/** Stands for a node binary: what it starts, and what that starts through process.execPath, is emulated. */
export const ARM64_NODE = resolve(FOLDER, 'node.sh');

/** Cyclone DDS, which node.sh leads the emulated program to. */
const CYCLONE = join(FOLDER, 'debian/usr/lib/aarch64-linux-gnu/libddsc.so.0debian');

/** The page sizes of arm64 kernels: most, Raspberry Pi 5, some distributions for servers. */
export const PAGE_SIZES = [4096, 16384, 65536];

/** Why nothing can be emulated here, with what to do about it; null when all is there. */
export function whyNoArm64() {
  if (process.arch === 'arm64') return 'this is an arm64 machine: the other suites run on it without emulation';
  const prefix = process.env['QEMU_LD_PREFIX'] ?? '/usr/aarch64-linux-gnu';
  const libraries = ['ld-linux-aarch64.so.1', 'libc.so.6', 'libstdc++.so.6', 'libgcc_s.so.1', 'libatomic.so.1'];
  const absent = libraries.map((name) => join(prefix, 'lib', name)).filter((path) => !existsSync(path));
  const qemu = spawnSync('qemu-aarch64', ['--version']).error === undefined;
  if (!qemu || absent.length > 0) {
    return `no ${qemu ? absent.join(', ') : 'qemu-aarch64'}: run "apt-get install --no-install-recommends ${APT}"`;
  }
  const version = (path) =>
    existsSync(join(path, 'package.json')) ? JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')).version : null;
  const ours = version('node_modules/koffi');
  const theirs = version(join(PACKAGES, '@koromix/koffi-linux-arm64'));
  if (theirs === null || version(join(PACKAGES, 'node-arm64')) === null) {
    return 'Node and koffi for arm64 are not installed: run "npm run peers arm64"';
  }
  // koffi refuses a binary of another version.
  if (theirs !== ours)
    return `koffi is ${ours}, but ${FOLDER} has ${theirs}: set the same version there, then run "npm run peers arm64"`;
  return null;
}

/** Why there is no DDS on the emulated Node, likewise. */
export function whyNoDds() {
  const why = whyNoArm64();
  if (why !== null || existsSync(CYCLONE)) return why;
  return `no ${CYCLONE}: run "npm run peers arm64", where apt-get has Debian's packages for arm64`;
}

/** The environment of an emulated process. `cpu` is one of "qemu-aarch64 -cpu help"; without it, all features qemu has. */
export function arm64Environment({ pageBytes, cpu } = {}) {
  const environment = { ...process.env };
  if (pageBytes !== undefined) environment['ARM64_PAGE_BYTES'] = String(pageBytes);
  if (cpu !== undefined) environment['ARM64_CPU'] = cpu;
  // qemu-user 7 does not let a socket choose its interface for multicast (IP_MULTICAST_IF), which Cyclone insists on.
  environment['DDS_MULTICAST'] = 'no';
  // A tool, not a part of what is tested: tests that bundle or compile TypeScript do so with this machine's binary.
  const esbuild = `node_modules/@esbuild/linux-${process.arch}/bin/esbuild`;
  if (existsSync(esbuild)) environment['ESBUILD_BINARY_PATH'] = resolve(esbuild);
  return environment;
}
