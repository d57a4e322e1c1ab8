// Locks that a process took with it into its death: found, freed, and only those.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectPythonPool } from '../../host/wire/inspect';
import { isFree } from '../../host/wire/inspect-locks';
import { repairPythonPool } from '../../host/wire/repair';
import { until } from '../support/child';
import { cli } from '../support/cli-process';
import { Peer, untilAnswer, wireTools } from '../wire/support/peers';
import { semaphoreValue } from '../wire/support/shm';
import { hasDds, newPool, ourHolder, ourProducer, sweep } from './support/pools';

const allFree = (pool: string) => inspectPythonPool(pool)?.slots.every(isFree);
const dds = await hasDds();
const tools = dds ? wireTools() : null;

test('a name without a pool', async () => {
  assert.is(await repairPythonPool(newPool('none')), null);
  const { code, stderr } = await cli('doctor', '--repair', newPool('none'));
  assert.is(code, 1);
  assert.match(stderr, /there is no Python pool/);
});

if (dds) {
  test('a reader killed inside: reported while the producer lives, freed when nobody is left', async () => {
    const pool = newPool('reader');
    const producer = await ourProducer(pool, 2);
    await producer.ask({ op: 'put', value: 1, count: 2 });
    const holder = await ourHolder(pool);
    await holder.kill();
    const left = await repairPythonPool(pool);
    assert.equal(left?.processes, [producer.process.pid]);
    assert.equal(
      left?.slots.map(({ verdict }) => verdict),
      ['free', 'stuck'],
    );
    assert.equal([left?.repaired, left?.left], [[], [1]]);
    assert.is(semaphoreValue(pool, 1, 'wrt'), 0, 'nothing was touched');
    const refused = await cli('doctor', '--repair', pool);
    assert.is(refused.code, 1);
    assert.match(refused.stdout.toString(), new RegExp(`process ${producer.process.pid} has it mapped`));
    assert.match(refused.stdout.toString(), /left as they are: slot 1: .*--force/);
    await producer.kill();
    const { code, stdout } = await cli('doctor', '--repair', pool);
    assert.is(code, 0);
    assert.match(stdout.toString(), /no other process has it mapped[\s\S]*1 +1 +0 +1 +1 +stuck\nset free: slot 1\n/);
    assert.is(allFree(pool), true);
    const again = await cli('doctor', '--repair', pool, '--json');
    assert.equal([again.code, JSON.parse(again.stdout.toString()).repaired], [0, []]);
  });

  test('a writer killed inside', async () => {
    const pool = newPool('writer');
    const producer = await ourProducer(pool, 2);
    await producer.ask({ op: 'put', value: 1 });
    await producer.ask({ op: 'loan', value: 2 });
    await producer.kill();
    assert.equal(inspectPythonPool(pool)?.slots[1], { slot: 1, mutex: 1, write: 0, readTry: 0, readers: 0 });
    assert.equal((await repairPythonPool(pool))?.repaired, [1]);
    assert.is(allFree(pool), true);
  });

  test('a living producer that waits for a dead reader goes on, by force, and gives back what it holds', async () => {
    const pool = newPool('force');
    await using producer = await ourProducer(pool, 1, 90_000);
    await producer.ask({ op: 'put', value: 1 });
    await (await ourHolder(pool)).kill();
    const put = producer.ask<{ value: number }>({ op: 'put', value: 2 });
    await until(() => inspectPythonPool(pool)?.slots[0]?.readTry === 0, 'the producer waits');
    assert.is((await cli('doctor', '--repair', pool)).code, 1);
    const { code, stdout } = await cli('doctor', '--repair', pool, '--force');
    assert.is(code, 0, stdout.toString());
    assert.match(stdout.toString(), /set free: slot 0/);
    assert.is((await put).value, 1);
    assert.equal(inspectPythonPool(pool)?.slots, [{ slot: 0, mutex: 1, write: 1, readTry: 1, readers: 0 }], 'and not open twice');
    assert.is((await producer.ask<{ value: number }>({ op: 'put', value: 3 })).value, 2);
  });

  test('locks that are in use are left alone, even by force', async () => {
    const pool = newPool('busy');
    await using producer = await ourProducer(pool, 2);
    await producer.ask({ op: 'put', value: 1 });
    let over = false;
    const busy = (async () => {
      for (let round = 0; round < 200 && !over; round++) await producer.ask({ op: 'put', value: round, count: 500 });
    })();
    for (let round = 0; round < 3; round++) {
      const report = await repairPythonPool(pool, { force: true, observeMs: 200 });
      assert.equal([report?.repaired, report?.left], [[], []]);
    }
    over = true;
    await busy;
    assert.is(allFree(pool), true);
  });
} else test.skip('locks of ours');

if (tools === null) test.skip('with Python peers');
else {
  for (const victim of ['hold_reader', 'hold_writer'] as const) {
    test(`Python hangs on what a killed process holds (${victim}); after the repair it works`, async () => {
      const pool = newPool(victim);
      const what = { name: pool, shape: [3], dtype: 'float32', history_len: 2 } as const;
      const first = Peer.python(tools);
      await first.ask('produce', what);
      for (const seed of [1, 2]) await first.ask('put', { seed });
      await first.ask(victim, { slot: 1 });
      await first.kill();
      assert.equal((await repairPythonPool(pool))?.repaired, [1]);
      await using producer = Peer.python(tools);
      await producer.ask('produce', what);
      await using consumer = Peer.python(tools);
      await consumer.ask('consume', what);
      for (const seed of [3, 4, 5]) await producer.ask('put', { seed });
      await producer.ask('announce');
      await untilAnswer(
        async () => {
          await producer.ask('put', { seed: 5 });
          await producer.ask('announce');
          return consumer.ask('get', { history_len: 2 });
        },
        ({ frames }) => frames?.[0] === 5 && frames[1] === 5,
        'both slots are read',
      );
      await until(() => allFree(pool) === true, 'all is free');
    });
  }
}

test('nothing is left', () => assert.equal(sweep(), []));

test.run();
