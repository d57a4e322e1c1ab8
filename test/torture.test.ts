// The short form of `npm run torture`: two processes at full speed, every word of every frame checked.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const SECONDS = process.env['TORTURE_SECONDS'] ?? '9';

/** Cores and copies: docs/design/0013-fences.md. */
const VARIANTS: readonly (readonly [string, number, NodeJS.ProcessEnv])[] = [
  ['', Number(SECONDS), {}],
  ['on the core with fences', Number(SECONDS) / 3, { TENSOR_IPC_FENCES: '1' }],
  // glibc's memcpy stores past the caches from here on: such stores keep no order among themselves.
  ['copies past the caches', Number(SECONDS) / 3, { GLIBC_TUNABLES: 'glibc.cpu.x86_non_temporal_threshold=0x4040' }],
];

for (const [variant, seconds, env] of VARIANTS) {
  if (variant !== '' && process.arch !== 'x64') {
    console.log(`skip: torture, ${variant}: on ${process.arch} there is one core, and memcpy has no such setting`);
    continue;
  }
  test(`${seconds} s at full speed${variant === '' ? '' : `, ${variant}`}: not one torn, stale or out-of-order frame`, () => {
    const program = fileURLToPath(new URL('./torture.mjs', import.meta.url));
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, '--seconds', String(seconds), '--json'], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    assert.is(status, 0, `${stdout}${stderr}`);
    const reports = JSON.parse(stdout) as {
      size: string;
      published: number;
      checked: Record<string, number>;
      faults: string[];
    }[];
    assert.is(reports.length, 4);
    for (const { size, published, checked, faults } of reports) {
      assert.equal(faults, [], size);
      assert.ok(published > 0);
      for (const [reader, count] of Object.entries(checked)) assert.ok(count > 0, `${size}: ${reader} checked nothing`);
      console.log(`${size}: ${published} published, ${Object.values(checked).reduce((a, b) => a + b)} checked`);
    }
  });
}

test.run();
