// A program that drops its privileges while it runs makes and trusts pools of the user that it has become.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { installedRuntimes } from '../support/runtimes';
import { Program, THIS_NODE } from './support/program';

const test = suite('another user');
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('skip: a program that becomes another user needs root; run the tests as root, as CI does');

const BEFORE = 'frame 0 of uid 0';
const AFTER = 'frame 0 of uid 65534';
const EXPECTED = {
  setuid: { before: BEFORE, after: AFTER, left: [] },
  seteuid: { before: BEFORE, after: AFTER, again: BEFORE, left: [] },
  worker: { before: BEFORE, after: AFTER, left: [] },
};

const notNode = installedRuntimes().filter(({ name }) => !name.startsWith('node'));
for (const runtime of [THIS_NODE, ...notNode]) {
  for (const [how, expected] of Object.entries(EXPECTED)) {
    (isRoot ? test : test.skip)(`${runtime.name}: ${how}`, async () => {
      const program = new Program(runtime, 'user-changes', [poolName('user'), how]);
      assert.is(await program.ended(), 0, program.stdout + program.stderr);
      assert.equal(JSON.parse(program.stdout), expected);
    });
  }
}

test.run();
