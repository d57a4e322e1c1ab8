// Users who may only read an object can take shared locks on it: that must neither keep a dead producer alive nor keep consumers out.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, hasCode, leftovers, poolName } from '../support/child';

const test = suite('read locks');

const frame = () => new Float64Array(8);
const path = (name: string) => `/dev/shm/tensoripc.${name}`;
const STRANGER = ['--reuid', '4002', '--regid', '4002', '--clear-groups'];

// F_OFD_SETLK is 37, F_RDLCK 0.
const HOLD = String.raw`
open(my $file, '<', $ARGV[0]) or die $!;
for my $byte (0 .. $ARGV[1] - 1) {
  fcntl($file, 37, pack('ssx4qqlx4', 0, 0, $byte, 1, 0)) or die $!;
}
$| = 1;
print "held\n";
<STDIN>;
`;

const missing =
  process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).status !== 0 || spawnSync('perl', ['-v']).status !== 0
    ? 'skip: a second user needs root, setpriv and perl'
    : null;

/** A process of another user that holds shared locks on the first bytes of an object. */
async function stranger(object: string, bytes: number): Promise<ChildProcess> {
  const child = spawn('setpriv', [...STRANGER, 'perl', '-e', HOLD, object, String(bytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  assert.is(String(line).trim(), 'held');
  return child;
}

test('a producer takes no mode that lets anybody read without writing', () => {
  const name = poolName('modes');
  for (const mode of [0o640, 0o644, 0o604, 0o620, 0o602, 0o664, 0o646, 0o400, 0o200, 0]) {
    assert.throws(() => TensorProducer.fromSample(name, frame(), { mode }), hasCode('INVALID_ARGUMENT'), mode.toString(8));
  }
  assert.equal(leftovers(name), []);
  for (const mode of [0o600, 0o660, 0o666]) {
    using _producer = TensorProducer.fromSample(name, frame(), { mode });
    assert.is(statSync(path(name)).mode & 0o777, mode);
  }
});

test('a consumer takes no pool that people beyond its trust may read', () => {
  const name = poolName('readable');
  using _producer = TensorProducer.fromSample(name, frame());
  for (const [mode, owner, group] of [
    [0o640, false, true],
    [0o604, false, false],
    [0o644, false, false],
  ] as const) {
    chmodSync(path(name), mode);
    const attaches = (trust: 'owner' | 'group' | 'any') => {
      try {
        TensorConsumer.attach(name, { trust }).cleanup();
        return true;
      } catch (error) {
        assert.ok(hasCode('UNSAFE_MODE')(error as Error), String(error));
        assert.match((error as Error).message, /may only read it can take its locks/);
        return false;
      }
    };
    assert.equal([attaches('owner'), attaches('group'), attaches('any')], [owner, group, true], mode.toString(8));
  }
});

test('shared locks of a stranger: a dead producer is dead, and its successor is told what is in the way', async () => {
  if (missing !== null) {
    console.log(missing);
    return;
  }
  const name = poolName('stranger');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  await child.ask({ op: 'put', value: 1 });
  chmodSync(path(name), 0o644);
  await child.kill();
  const holder = await stranger(path(name), 65);
  try {
    assert.is(inspect(name)?.state, 'dead');
    assert.equal(inspect(name)?.consumers, [], 'no entry of the table is taken');
    using consumer = TensorConsumer.attach(name, { trust: 'any' });
    assert.not.ok(consumer.connected);
    assert.throws(() => TensorProducer.fromSample(name, frame()), hasCode('UNSAFE_MODE'));
  } finally {
    holder.stdin?.end();
    await once(holder, 'close');
  }
  using producer = TensorProducer.fromSample(name, frame());
  assert.is(statSync(path(name)).mode & 0o777, 0o600, 'a new object of the right mode');
  assert.is(producer.nextSequence, 0);
});

test.run();
