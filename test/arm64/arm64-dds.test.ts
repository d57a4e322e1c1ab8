// Suites of DDS and of the Python wire on arm64, under qemu-user.

import { suite } from 'uvu';
import { whyNoArm64, whyNoDds } from './emulator.mjs';
import { assertPasses } from './suites';

const why = whyNoArm64() ?? whyNoDds();
if (why !== null) console.log(`skip: arm64: ${why}`);
const test = suite('arm64-dds');
const check = why === null ? test : test.skip;

// Cyclone DDS for arm64, and the Python package's wire: with peers in Python and C, and ours in other runtimes, that are not emulated.
for (const args of [
  ['dds-api', 'dds-wire', 'bytes', 'directions', 'kills', 'exits', 'wire-pages'],
  ['--pages', '65536', 'dds-api', 'wire-pages'],
  ['--pages', '16384', '--cpu', 'cortex-a72', 'dds-api', 'wire-pages'],
]) {
  check(`DDS and the Python wire on arm64: ${args.join(' ')}`, async () => {
    await assertPasses(args, { WIRE_WAYS: 'return,exit-callback,throw,SIGTERM,worker-end', WIRE_CASES: '3' });
  });
}

test.run();
