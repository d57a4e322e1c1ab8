// Messages name who is in the way, and what to pass instead of what was passed.

import { rmSync, writeFileSync } from 'node:fs';
import { list, MetadataCreator, type PoolMetadata, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programOf } from '../../native-shim/processes';
import { Child, hasCode, poolName } from '../support/child';
import { cli } from '../support/cli-process';

const test = suite('messages: who is in the way, and what to do');

const frame = (value = 0) => new Float64Array(8).fill(value);

test('PIN_TIMEOUT names the process that holds the slot, and its program', async () => {
  const pool = poolName('held');
  using producer = TensorProducer.fromSample(pool, frame(), { waitTimeoutMs: 1 });
  producer.put(frame());
  const child = new Child('peer');
  assert.equal(await child.ask({ op: 'consume', pool }), { value: true });
  await child.ask({ op: 'borrow' });
  const fill = () => {
    for (;;) producer.put(frame());
  };
  const who = `a consumer in pid ${child.process.pid} \\(node peer\\.mjs\\) \\(table entry 0\\) has held frame \\d+ or an older one`;
  assert.throws(fill, hasCode('PIN_TIMEOUT', new RegExp(who)));
  await child.kill();
  using consumer = TensorConsumer.attach(pool);
  using view = consumer.borrow();
  assert.ok(view !== null);
  assert.throws(fill, hasCode('PIN_TIMEOUT', /a consumer in this process \(table entry \d+\) has held/));
});

test('PRODUCER_EXISTS names the process that has the pool', async () => {
  const pool = poolName('taken');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool, elements: 8 });
  const who = new RegExp(`has a live producer already, pid ${child.process.pid} \\(node peer\\.mjs\\): `);
  assert.throws(() => TensorProducer.fromSample(pool, frame()), hasCode('PRODUCER_EXISTS', who));
  const { code, stderr } = await cli('rm', pool);
  assert.is(code, 1);
  assert.match(
    stderr,
    new RegExp(`PRODUCER_EXISTS: pool '${pool}' has a live producer, pid ${child.process.pid} \\(node peer\\.mjs\\)`),
  );
  await child.kill();
  using producer = TensorProducer.fromSample(pool, frame());
  assert.throws(() => TensorProducer.fromSample(producer.name, frame()), hasCode('PRODUCER_EXISTS', /already, this process: /));
});

test('what a command line is called', () => {
  const called = (...words: string[]) => programOf(words.map((word) => `${word}\0`).join(''));
  assert.is(called('/usr/bin/node', '--expose-gc', '/srv/viewer.mjs', '--fast'), 'node viewer.mjs');
  assert.is(called('deno', 'run', '-A', 'camera.ts'), 'deno camera.ts');
  assert.is(called('python3.11', 'policy.py'), 'python3.11 policy.py');
  assert.is(called('/opt/recorder', '--out', 'x'), 'recorder');
  assert.is(called('node'), 'node');
  assert.is(programOf(''), null);
});

test('sizes are in units that a person reads', () => {
  const pool = poolName('large');
  const sample = { data: new Uint8Array(6_220_800), shape: [1080, 1920, 3] };
  assert.throws(
    () => TensorProducer.fromSample(pool, sample, { historyLen: 1_000_000 }),
    hasCode(
      'SHM_FULL',
      /needs 6\.2 TB \(622\d+ bytes\) for 100\d+ frames of 6\.2 MB \(62\d+ bytes\), but \/dev\/shm has [\d.]+ \w+ /,
    ),
  );
});

test('plain arrays: make them typed ones', () => {
  const pool = poolName('plain');
  const wrong = [
    [[1, 2, 3], /sample: expected a typed array .*, found an array of 3: make it a typed one, such as Float32Array\.from/],
    [{ data: [1, 2], shape: [2] }, /sample: expected a typed array .*, found data that is an array of 2: make it a typed one/],
    [{ rgb: [1, 2, 3] }, /field rgb: expected a typed array .*, found an array of 3/],
  ] as const;
  for (const [sample, says] of wrong)
    assert.throws(() => TensorProducer.fromSample(pool, sample as never), hasCode('INVALID_ARGUMENT', says));
  using producer = TensorProducer.fromSample(pool, frame());
  for (const [sample] of wrong.slice(0, 2))
    assert.throws(
      () => producer.put(sample as never),
      hasCode('INVALID_ARGUMENT', /expected a typed array .*such as Float32Array\.from/),
    );
  assert.is(producer.put(frame()), 0, 'and none of them took a number');
});

test('a record with other fields: which there are', () => {
  // Frames of any form: what is wrong here would not compile otherwise.
  using producer: TensorProducer = TensorProducer.fromSample(poolName('fields'), { rgb: frame(), depth: frame() });
  const says = /expected fields rgb, depth, found fields rgb: put one record with all fields of the pool/;
  assert.throws(() => producer.put({ rgb: frame() }), hasCode('FIELDS_MISMATCH', says));
});

test('constructors say what to call where a name is all there is', () => {
  const pool = poolName('kinds');
  const wrong = (value: unknown) => value as PoolMetadata;
  assert.throws(
    () => new TensorConsumer(wrong(pool)),
    hasCode(
      'INVALID_ARGUMENT',
      new RegExp(`found "${pool}": to read a pool by its name, call TensorConsumer\\.attach\\(name\\)`),
    ),
  );
  assert.throws(
    () => new TensorProducer(wrong(pool)),
    hasCode('INVALID_ARGUMENT', /found "[\w-]+": .*call TensorProducer\.fromSample\(name, sample\)/),
  );
  assert.throws(() => new TensorConsumer(wrong(null)), hasCode('INVALID_ARGUMENT', /expected metadata .*, found null/));
  assert.throws(() => new TensorConsumer(wrong(7)), hasCode('INVALID_ARGUMENT', /, found number/));
  using consumer = new TensorConsumer(MetadataCreator.fromSample(pool, frame()));
  assert.is(consumer.connected, false);
});

for (const [what, bytes] of [
  ['three bytes', 'abc'],
  ['a text a little shorter than a header', 'a'.repeat(200)],
] as const) {
  test(`${what} under a pool's name: ls, gc, rm and consumers agree on what it is`, async () => {
    const pool = poolName('foreign');
    const path = `/dev/shm/tensoripc.${pool}`;
    writeFileSync(path, bytes, { mode: 0o600 });
    try {
      assert.is(list().find(({ name }) => name === pool)?.error?.code, 'FOREIGN_OBJECT');
      assert.throws(() => TensorConsumer.attach(pool), hasCode('FOREIGN_OBJECT'));
      assert.match((await cli('ls')).stdout.toString(), new RegExp(`^${pool} .*foreign`, 'm'));
      assert.match((await cli('gc', '--dry-run', pool)).stdout.toString(), /^left alone .*FOREIGN_OBJECT/);
      assert.match((await cli('rm', pool)).stderr, /^tensor-ipc: FOREIGN_OBJECT/);
    } finally {
      rmSync(path, { force: true });
    }
  });
}

test.run();
