// The command line in a few seconds: it starts, finds a pool, shows it, takes a frame out of it, and its exit codes tell what went wrong.

import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { cli } from './support/cli-process';

const test = suite('the command line, in short');
const pool = poolName('cli-smoke');

test('--version and --help', async () => {
  assert.match((await cli('--version')).stdout.toString(), /^(tensor-ipc )?\d+\.\d+\.\d+/);
  const { code, stdout } = await cli('--help');
  assert.is(code, 0);
  for (const command of ['ls', 'info', 'top', 'sub', 'pub'])
    assert.match(stdout.toString(), new RegExp(`^ *(tensor-ipc )?${command}\\b`, 'm'));
});

test('ls, info and sub of a live pool', async () => {
  using producer = TensorProducer.fromSample(pool, new Uint8Array(3), { historyLen: 2 });
  producer.put(Uint8Array.of(1, 2, 3));
  assert.match((await cli('ls', '--names')).stdout.toString(), new RegExp(`^${pool}$`, 'm'));
  assert.match((await cli('info', pool)).stdout.toString(), /live/);
  const { code, stdout } = await cli('sub', pool, '--count', '1');
  assert.is(code, 0);
  assert.equal([...stdout], [1, 2, 3]);
});

test('exit codes: 1 where it did not work, 2 where it cannot be understood', async () => {
  assert.is((await cli('info', pool)).code, 1);
  assert.is((await cli('no-such-command')).code, 2);
  assert.equal(leftovers(pool), []);
});

test.run();
