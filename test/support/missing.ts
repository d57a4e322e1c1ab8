// What the whole run of tests will skip on this machine, asked of the same helpers that the suites ask. scripts/test.mjs prints it once, before
// the first suite, and then leaves out the lines in which suites say the same.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { whyNoArm64 } from '../arm64/emulator.mjs';
import { noBrowser } from '../window/browser';
import { noFootage } from '../window/footage';
import { hasFfmpeg, noTerminal } from './walkthrough';

export interface Missing {
  /** The tests that are skipped. */
  readonly tests: string;
  /** What is missing, and what to do about it. */
  readonly why: string;
  /** What a suite's own line about the same holds. */
  readonly said: RegExp;
}

const runs = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const isRoot = process.getuid?.() === 0;

/** A program that tests start: its Debian package, and what they do with it. */
const PROGRAMS: readonly [program: string, argument: string, debian: string, tests: string][] = [
  ['gcc', '--version', 'gcc libc6-dev', 'the C header and readers in C'],
  ['g++', '--version', 'g++', 'the header in C++'],
  ['xxhsum', '--version', 'xxhash', 'an independent XXH64'],
  ['zsh', '--version', 'zsh', 'completion for zsh'],
  ['fish', '--version', 'fish', 'completion for fish'],
  ['python3', '--version', 'python3', 'names as Python decodes them, peers in Python'],
  ['unshare', '--version', 'util-linux', 'a /dev/shm of their own'],
  ['gst-inspect-1.0', '--version', 'gstreamer1.0-tools', "GStreamer's names of encodings"],
  ['tmux', '-V', 'tmux', 'the screens of the command line'],
  ['systemd-analyze', '--version', 'systemd', 'the systemd units of the cookbook'],
];

/** Projects under test/ that "npm run peers" installs. */
const PEERS: readonly [group: string, tests: string][] = [
  ['runtimes', 'other versions of Node, Deno and Bun'],
  ['interop', 'sharp, ndarray, onnxruntime and other libraries'],
  ['window', 'the types of the Electron application'],
  ['package-tools', 'publint and attw on the package'],
  ['jest-vitest', 'pools in Jest and vitest'],
  ['process', 'signals beside signal-exit, execa and proper-lockfile'],
  ['dds', 'CDR as @foxglove/cdr reads it'],
  ['wire', 'the Python package'],
];

export function missing(): Missing[] {
  const found: Missing[] = [];
  const add = (tests: string, why: string | null, said: RegExp) => {
    if (why !== null) found.push({ tests, why, said });
  };
  add('pictures and films', hasFfmpeg ? null : 'ffmpeg is not installed (apt install ffmpeg)', /ffmpeg is not installed/);
  add('the window in a browser', noBrowser, /Chromium|puppeteer/);
  add('real footage', hasFfmpeg ? noFootage : null, /vtest\.avi/);
  add('programs on a terminal', noTerminal, /script\(1\)|bsdutils|script is not installed/);
  add('everything on arm64', whyNoArm64(), /skip: arm64/);
  for (const [program, argument, debian, tests] of PROGRAMS) {
    if (!runs(program, argument))
      add(tests, `${program} is not installed (apt install ${debian})`, new RegExp(`\\b${program.replaceAll('+', '\\+')}`));
  }
  for (const [group, tests] of PEERS) {
    if (!existsSync(`test/${group}/node_modules`))
      add(tests, `run "npm run peers ${group}"`, new RegExp(`npm run peers( ${group}|"|$)`));
  }
  const hasDds = runs('sh', '-c', 'ldconfig -p | grep -q libddsc.so') || process.env['TENSOR_IPC_DDSC'] !== undefined;
  if (!hasDds)
    add('DDS', 'Cyclone DDS is not installed (apt install libddsc0debian cyclonedds-dev cyclonedds-tools)', /Cyclone|libddsc/);
  if (!isRoot) add('second users, small /dev/shm, containers', 'they need root, as CI has it', /needs? root/);
  if (process.env['LITMUS_RUNS'] === undefined)
    add('the litmus fault "plain store"', 'it needs a million rounds: LITMUS_RUNS=1000000 npm test -- litmus', /LITMUS_RUNS/);
  if (process.env['LONG_WINDOWS'] === undefined)
    add('windows above 4 GiB', 'they take 8 GB of /dev/shm: LONG_WINDOWS=1 npm test -- windows-bounded', /LONG_WINDOWS/);
  return found;
}
