// Suites of native pools on arm64, under qemu-user.

import { suite } from 'uvu';
import { whyNoArm64 } from './emulator.mjs';
import { assertPasses } from './suites';

const why = whyNoArm64();
if (why !== null) console.log(`skip: arm64: ${why}`);
const test = suite('arm64-suites');
const check = why === null ? test : test.skip;

// What touches architecture or page size: memory, atomics, system calls and their structs. As on a Jetson Orin with 4 KiB pages, and a
// server with 64 KiB; and with 16 KiB on a processor like that of a Raspberry Pi 4 and older Jetsons, whose atomics are loops.
for (const args of [
  ['put-get', 'borrow', 'history', 'lossless', 'waiting', 'control', 'xxh64'],
  ['--pages', '65536', 'put-get', 'lossless', 'control'],
  ['--pages', '16384', '--cpu', 'cortex-a72', 'put-get', 'history', 'waiting'],
]) {
  check(`suites on arm64: ${args.join(' ')}`, async () => {
    await assertPasses(args);
  });
}

test.run();
