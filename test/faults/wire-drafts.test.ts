// Files that look like a Python pool's and are none: a lock whose maker was killed before it had its name, a name that is no DDS topic.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listenToPythonPools } from '../../host/wire/inspect-listen';
import { removeDeadPython } from '../../host/wire/inspect-remove';
import 'tensor-ipc';
import { Cli } from '../support/cli-process';
import { wireTools } from '../wire/support/peers';
import { configureHere } from '../wire-interop/support/ours';

const DRAFT = `tensoripc-draft.${process.pid.toString(16).padStart(16, '0')}`;

test('a lock whose maker was killed goes with gc, once it is old, and is listed as no pool', async () => {
  writeFileSync(`/dev/shm/${DRAFT}`, new Uint8Array(32), { mode: 0o600 });
  try {
    const of = (options: { dryRun: boolean; minAgeMs?: number }) =>
      removeDeadPython(options)
        .filter(({ file }) => file === DRAFT)
        .map(({ action }) => action);
    assert.equal(of({ dryRun: false }), ['young']);
    assert.equal(of({ dryRun: true, minAgeMs: 0 }), ['wouldRemove']);
    assert.not((await new Cli(['ls', '--names']).ended).stdout.toString().includes(DRAFT));
    assert.ok(existsSync(`/dev/shm/${DRAFT}`));
    assert.equal(of({ dryRun: false, minAgeMs: 0 }), ['removed']);
    assert.not(existsSync(`/dev/shm/${DRAFT}`));
  } finally {
    rmSync(`/dev/shm/${DRAFT}`, { force: true });
  }
});

if (wireTools() === null) {
  test.skip('names that are no topics');
} else {
  test('a name that is no topic of DDS does not keep the other pools from being heard', async () => {
    configureHere();
    const names = [`no-topic-${process.pid}.af58d0e0`, `topic_${process.pid}`];
    const news = await listenToPythonPools(names, { domainId: 3, timeoutMs: 200 });
    assert.equal([...news.keys()].sort(), names);
    assert.is(news.get(names[0] as string)?.error?.code, 'DDS');
    assert.is(news.get(names[1] as string)?.error, null);
  });
}

test.run();
