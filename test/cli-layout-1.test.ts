// What the command line says of a pool of layout 1, and how it is removed.

import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOCK_PRODUCER } from '../assembly/layout';
import { platform } from '../host/runtime/system';
import { hasCode, poolName } from './support/child';
import { cli } from './support/cli-process';
import { layout1Pool } from './support/layout-1-pool';

const test = suite('layout 1 on the command line');

const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;
const text = (output: Buffer) => output.toString('utf8');
const BOTH = /has layout 1, this version of tensor-ipc reads layout 2: .*tensor-ipc rm /;

function place(label: string): string {
  const name = poolName(label);
  writeFileSync(pathOf(name), layout1Pool(), { mode: 0o600 });
  return name;
}

test('ls, info, snapshot and gc say which layout it has; gc leaves it, rm removes it', async () => {
  const name = place('cli-layout-1');
  const listed = await cli('ls', '--json');
  const entry = (
    JSON.parse(text(listed.stdout)) as { name: string; state: string; error?: { code: string; message: string } }[]
  ).find((found) => found.name === name);
  assert.is(entry?.state, 'foreign');
  assert.is(entry?.error?.code, 'VERSION_MISMATCH');
  assert.match(entry?.error?.message ?? '', BOTH);
  for (const args of [
    ['info', name],
    ['snapshot', name, '/nowhere/x.png'],
    ['watch', name],
    ['sub', name],
  ]) {
    const { code, stderr } = await cli(...args);
    assert.is.not(code, 0);
    assert.match(stderr, BOTH, args[0]);
    assert.is(stderr.trim().split('\n').length, 1, `${args[0]}: one line`);
  }
  const gc = await cli('gc', '--json');
  const judged = (JSON.parse(text(gc.stdout)) as { file: string; action: string; reason: string }[]).find(
    ({ file }) => file === `tensoripc.${name}`,
  );
  assert.is(judged?.action, 'unknown');
  assert.match(judged?.reason ?? '', BOTH);
  assert.ok(existsSync(pathOf(name)));
  const { code, stderr } = await cli('rm', name);
  assert.is(code, 0, stderr);
  assert.not.ok(existsSync(pathOf(name)));
});

test('one whose producer lives is not removed, and its name is taken', async () => {
  const name = place('cli-layout-1-live');
  const system = platform().system();
  const fd = system.openObject(`/tensoripc.${name}`);
  assert.ok(fd !== null && system.tryLock(fd, LOCK_PRODUCER));
  try {
    const { code, stderr } = await cli('rm', name);
    assert.is.not(code, 0);
    assert.match(stderr, /PRODUCER_EXISTS/);
    assert.throws(() => TensorProducer.fromSample(name, new Uint8Array(4)), hasCode('PRODUCER_EXISTS'));
  } finally {
    if (fd !== null) system.close(fd);
    unlinkSync(pathOf(name));
  }
});

test.run();
