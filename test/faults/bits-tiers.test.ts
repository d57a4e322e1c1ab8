// The same in each of the engine's tiers: what the optimising compiler keeps, the interpreter may change.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const program = fileURLToPath(new URL('./bits.test.mjs', import.meta.url));

for (const flags of [['--no-opt'], ['--no-opt', '--no-sparkplug', '--max-lazy'], ['--always-sparkplug', '--no-opt']]) {
  test(`node ${flags.join(' ')}`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...flags, program], {
      encoding: 'utf8',
      timeout: 120_000, // a watchdog
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /Passed:\s+\d\d/);
  });
}

test.run();
