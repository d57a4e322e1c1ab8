// The short form of `npm run torture`: two processes at full speed, every word of every frame checked.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const SECONDS = process.env['TORTURE_SECONDS'] ?? '9';

test(`${SECONDS} s at full speed: not one torn, stale or out-of-order frame`, () => {
  const program = fileURLToPath(new URL('./torture.mjs', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, '--seconds', SECONDS, '--json'], { encoding: 'utf8' });
  assert.is(status, 0, `${stdout}${stderr}`);
  const reports = JSON.parse(stdout) as { size: string; published: number; checked: Record<string, number>; faults: string[] }[];
  assert.is(reports.length, 3);
  for (const { size, published, checked, faults } of reports) {
    assert.equal(faults, [], size);
    assert.ok(published > 0);
    for (const [reader, count] of Object.entries(checked)) assert.ok(count > 0, `${size}: ${reader} checked nothing`);
    console.log(`${size}: ${published} published, ${Object.values(checked).reduce((a, b) => a + b)} checked`);
  }
});

test.run();
