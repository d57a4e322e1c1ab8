// Both builds of the package in one process, one imported and one required: what one makes the other takes, and knows by `instanceof`.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from '../support/child';

const test = suite('two builds in one process');

/** Runs a module with both builds in sight as `esm` and `cjs`; its one line of output is JSON. */
function run(body: string, ...args: string[]): unknown {
  assert.ok(existsSync('dist/esm/index.mjs'), 'run "npm run build" first');
  const program = `import { createRequire } from 'node:module';
    import * as esm from ${JSON.stringify(resolve('dist/esm/index.mjs'))};
    const cjs = createRequire(import.meta.url)(${JSON.stringify(resolve('dist/cjs/index.cjs'))});
    const both = [[esm, cjs], [cjs, esm]];
    const [pool] = process.argv.slice(1);
    const say = (value) => console.log(JSON.stringify(value));
    const thrown = (call) => { try { call(); } catch (error) { return error; } };
    ${body}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

test('an error is a TensorIpcError for both, and nothing else is', () => {
  const answer = run(`say(both.map(([own, other]) => {
      const error = thrown(() => own.TensorConsumer.attach('a/b'));
      class Derived extends other.TensorIpcError {}
      return [
        own.TensorIpcError !== other.TensorIpcError,
        error instanceof own.TensorIpcError, error instanceof other.TensorIpcError, error instanceof Error,
        error instanceof Derived, new Derived('CLOSED', 'x') instanceof Derived, new Derived('CLOSED', 'x') instanceof own.TensorIpcError,
        new Error('x') instanceof own.TensorIpcError, null instanceof own.TensorIpcError, 'x' instanceof own.TensorIpcError,
        { code: 'CLOSED', name: 'TensorIpcError' } instanceof own.TensorIpcError,
      ];
    }));`);
  const expected = [true, true, true, true, false, true, true, false, false, false, false];
  assert.equal(answer, [expected, expected]);
});

test('metadata of one makes producers and consumers of the other', () => {
  const pool = poolName('builds');
  const answer = run(
    `say(both.map(([own, other], i) => {
      const metadata = own.MetadataCreator.fromSample(pool + i, new Float32Array(3), { historyLen: 2 });
      const producer = new other.TensorProducer(metadata);
      const consumer = new other.TensorConsumer(metadata);
      producer.put(Float32Array.of(1, 2, 3));
      const frame = consumer.get();
      const wrong = own.MetadataCreator.fromSample(pool + i, new Float32Array(4), { historyLen: 2 });
      const code = thrown(() => new other.TensorConsumer(wrong)).code;
      const forged = thrown(() => new other.TensorProducer({ [Symbol.for('tensor-ipc.metadata')]: true, name: 'a/b' })).code;
      producer.close();
      consumer.close();
      return [[...frame.data], metadata instanceof other.PoolMetadata, producer.metadata instanceof own.PoolMetadata, code, forged];
    }));`,
    pool,
  );
  const expected = [[1, 2, 3], true, true, 'SHAPE_MISMATCH', 'INVALID_NAME'];
  assert.equal(answer, [expected, expected]);
  assert.equal([...leftovers(`${pool}0`), ...leftovers(`${pool}1`)], []);
});

test('what one shares the other reads, and frames and views of one are put by the other', () => {
  const pool = poolName('builds');
  const answer = run(
    `say(both.map(([own, other], i) => {
      const producer = own.TensorProducer.fromSample(pool + i, { data: new Float32Array(6), shape: [2, 3] });
      const reader = other.TensorConsumer.fromShared(producer.share());
      producer.put({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
      const copy = other.TensorProducer.fromSample(pool + i + '-copy', { data: new Float32Array(6), shape: [2, 3] });
      const copied = own.TensorConsumer.attach(pool + i + '-copy');
      const view = reader.borrow();
      copy.put(view);
      view.release();
      const first = [...copied.get().data];
      producer.put({ data: new Float32Array(6).fill(9), shape: [2, 3] });
      copy.put(reader.get());
      const second = [...copied.get().data];
      for (const end of [reader, copied, copy, producer]) end.close();
      return [first, second];
    }));`,
    pool,
  );
  const expected = [
    [1, 2, 3, 4, 5, 6],
    [9, 9, 9, 9, 9, 9],
  ];
  assert.equal(answer, [expected, expected]);
});

test.run();
