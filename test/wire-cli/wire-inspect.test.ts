// Looking at Python pools from outside, and removing what dead ones left.

import { existsSync, writeFileSync } from 'node:fs';
import { TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectPythonPool, listPythonPools } from '../../host/wire/inspect';
import { listenToPythonPools } from '../../host/wire/inspect-listen';
import { groupFiles, lockFiles, type PoolFiles } from '../../host/wire/inspect-names';
import { removeDeadPython, removePythonPool } from '../../host/wire/inspect-remove';
import { hasCode, until } from '../support/child';
import { Peer, WIRE_DOMAIN, wireTools } from '../wire/support/peers';
import { wireObjects } from '../wire/support/shm';
import { hasDds, newPool, ourHolder, ourProducer, sweep, WIRE } from './support/pools';

const shown = (pools: readonly PoolFiles[]) => pools.map((files) => `${files.pool} ${files.object} ${lockFiles(files).length}`);

test('names that could be another pools', () => {
  const sizes: Readonly<Record<string, number>> = { tensoripc_big_f0_cnt: 800 };
  const facts = { bytes: (file: string) => sizes[file] ?? 8, mapped: (file: string) => file.includes('mapped') };
  const group = (...files: string[]) => shown(groupFiles(files, facts));
  const lock = (pool: string, slot = 0) => `sem.tensoripc_${pool}_f${slot}_mutex`;
  assert.equal(group('tensoripc_a', 'tensoripc_a_b', lock('a_b'), lock('a', 3)), ['a true 1', 'a_b true 1']);
  // Beside its semaphores it is their counter; beside semaphores of its own it is a pool.
  assert.equal(group('tensoripc_x', 'tensoripc_x_f0_cnt', lock('x')), ['x true 2']);
  assert.equal(group('tensoripc_x_f0_cnt', lock('x')), ['x false 2']);
  assert.equal(group('tensoripc_x_f0_cnt', lock('x_f0_cnt')), ['x_f0_cnt true 1']);
  assert.equal(group('tensoripc_x_f0_cnt', 'tensoripc_x_f0_cnt_f0_cnt', lock('x_f0_cnt')), ['x_f0_cnt true 2']);
  // No semaphores: another size is no counter's; what somebody has mapped is a pool, unless that of the counter's name is there.
  assert.equal(group('tensoripc_big_f0_cnt'), ['big_f0_cnt true 0']);
  assert.equal(group('tensoripc_mapped_f0_cnt'), ['mapped_f0_cnt true 0']);
  assert.equal(group('tensoripc_mapped', 'tensoripc_mapped_f0_cnt'), ['mapped true 1']);
  assert.equal(group('tensoripc_old_f0_cnt'), ['old false 1']);
  // Not slots, not pools, not ours.
  assert.equal(group(lock('x', -1), 'sem.tensoripc_x_f00_mutex', 'sem.tensoripc_x_f0_cnt', 'sem.other_f0_mutex'), []);
  assert.equal(group('tensoripc_', 'tensoripc.native', 'tensoripc-bell.native.0123456789abcdef', 'tensoripc'), []);
  assert.equal(group('tensoripc_x_f00_cnt'), ['x_f00_cnt true 0']);
  assert.equal(group('tensoripc_f0_cnt'), ['f0_cnt true 0'], 'no pool without a name');
  const [pool] = groupFiles(['sem.tensoripc_y_f10_wrt', 'sem.tensoripc_y_f2_readtry', lock('y', 2)], facts);
  assert.equal(pool === undefined ? [] : lockFiles(pool), [
    lock('y', 2),
    'sem.tensoripc_y_f2_readtry',
    'sem.tensoripc_y_f10_wrt',
  ]);
});

const dds = await hasDds();
const tools = dds ? wireTools() : null;

if (dds) {
  test('a live pool, its locks and its processes; a scalar one with the name of a counter', async () => {
    const pool = newPool('look');
    await using producer = await ourProducer(pool, 3);
    await producer.ask({ op: 'put', value: 1, count: 2 });
    const odd = newPool('odd_f0_cnt');
    using scalar = TensorProducer.fromSample(odd, { data: new Float64Array(1), shape: [] }, WIRE);
    assert.is(inspectPythonPool(odd)?.objectBytes, 8, 'not a counter');
    const info = inspectPythonPool(pool);
    assert.equal([info?.state, info?.objectBytes, info?.mode], ['live', 3 * 32, 0o600]);
    assert.equal(info?.processes, [producer.process.pid]);
    assert.is(info?.producerHoldsLock, true);
    const free = { mutex: 1, write: 1, readTry: 1, readers: 0 };
    assert.equal(
      info?.slots,
      [0, 1].map((slot) => ({ slot, ...free })),
    );
    await using holder = await ourHolder(pool);
    const before = wireObjects(pool);
    const held = inspectPythonPool(pool);
    assert.equal(
      held?.slots.find(({ slot }) => slot === 1),
      { slot: 1, mutex: 1, write: 0, readTry: 1, readers: 1 },
    );
    assert.equal(
      held?.processes,
      [producer.process.pid, holder.process.pid].sort((a, b) => Number(a) - Number(b)),
    );
    assert.equal(wireObjects(pool), before, 'looking makes no locks');
    assert.ok(listPythonPools().some(({ name }) => name === pool) && listPythonPools().some(({ name }) => name === odd));
    scalar.put({ data: new Float64Array([4]), shape: [] });
    assert.is(inspectPythonPool(odd)?.slots.length, 1);
    assert.is(inspectPythonPool(newPool('none')), null);
    assert.throws(() => inspectPythonPool('no/name'), hasCode('INVALID_NAME'));
  });

  test('what a producer says', async () => {
    const [pool, idle, silent] = [newPool('says'), newPool('idle'), newPool('silent')];
    await using producer = await ourProducer(pool, 3);
    await producer.ask({ op: 'put', value: 1, count: 5 });
    await using _other = await ourProducer(idle, 1);
    const heard: number[] = [];
    const news = await listenToPythonPools([pool, idle, silent], {
      domainId: WIRE_DOMAIN,
      timeoutMs: 3000,
      onProgress: (count) => heard.push(count),
    });
    assert.is(news.get(pool)?.metadata?.toString(), 'float64 [4], history 3');
    assert.equal([news.get(pool)?.creatorPid, news.get(pool)?.newestSlot], [producer.process.pid, 1]);
    assert.equal([news.get(idle)?.metadata?.historyLen, news.get(idle)?.newestSlot], [1, null]);
    assert.equal(news.get(silent), { metadata: null, creatorPid: null, newestSlot: null, producers: 0, error: null });
    assert.equal([heard[0], heard.at(-1)], [0, 2]);
  });

  test('what the dead leave is removed once it is old, and nothing that is in use', async () => {
    const [dead, live, held] = [newPool('dead'), newPool('live'), newPool('held')];
    const pools = [dead, live, held];
    const victims = [await ourProducer(dead, 2), await ourProducer(held, 2)];
    for (const victim of victims) await victim.ask({ op: 'put', value: 1, count: 2 });
    await using producer = await ourProducer(live, 2);
    await producer.ask({ op: 'put', value: 1 });
    const holder = await ourHolder(held);
    for (const victim of victims) await victim.kill();
    const everything = pools.flatMap(wireObjects);
    assert.is(inspectPythonPool(dead)?.state, 'dead');
    const actions = (removals: ReturnType<typeof removeDeadPython>) =>
      Object.fromEntries(removals.filter(({ lockOf }) => lockOf === null).map(({ file, action }) => [file, action]));
    const young = removeDeadPython({ dryRun: false, pools });
    assert.equal(actions(young), {
      [`tensoripc_${dead}`]: 'young',
      [`tensoripc_${live}`]: 'kept',
      [`tensoripc_${held}`]: 'kept',
    });
    assert.ok(young.every(({ action, file }) => action === (file.includes(dead) ? 'young' : 'kept')));
    assert.match(young.find(({ file }) => file === `tensoripc_${dead}`)?.reason ?? '', /old enough/);
    assert.match(young.find(({ file }) => file === `tensoripc_${held}`)?.reason ?? '', /1 process has it mapped/);
    const expected = { [`tensoripc_${dead}`]: 'removed', [`tensoripc_${live}`]: 'kept', [`tensoripc_${held}`]: 'kept' };
    assert.equal(actions(removeDeadPython({ dryRun: true, pools, minAgeMs: 0 })), {
      ...expected,
      [`tensoripc_${dead}`]: 'wouldRemove',
    });
    assert.equal(pools.flatMap(wireObjects), everything, 'nothing done yet');
    const removed = removeDeadPython({ dryRun: false, pools, minAgeMs: 0 });
    assert.equal(actions(removed), expected);
    assert.is(removed.filter(({ lockOf, action }) => lockOf === dead && action === 'removed').length, 8);
    assert.equal(wireObjects(dead), []);
    assert.equal(
      pools.flatMap(wireObjects),
      everything.filter((file) => !file.includes(dead)),
    );
    assert.is((await producer.ask<{ value: number }>({ op: 'put', value: 2 })).value, 1, 'the living go on');
    await holder.kill();
    removeDeadPython({ dryRun: false, pools, minAgeMs: 0 });
    assert.equal(wireObjects(held), []);
  });

  test('one pool is removed by name: a live one only by force', async () => {
    const pool = newPool('rm');
    await using producer = await ourProducer(pool, 1);
    await producer.ask({ op: 'put', value: 1 });
    assert.throws(() => removePythonPool(pool, { force: false }), /PRODUCER_EXISTS|--force/);
    assert.is(wireObjects(pool).length, 5);
    assert.is(removePythonPool(pool, { force: true }).length, 5);
    assert.equal([wireObjects(pool), removePythonPool(pool, { force: false })], [[], []]);
  });

  test('a file that is no semaphore is not taken for one', async () => {
    const pool = newPool('damaged');
    for (const [name, bytes] of [
      [`sem.tensoripc_${pool}_f0_mutex`, 0],
      [`tensoripc_${pool}_f0_cnt`, 0],
    ] as const)
      writeFileSync(`/dev/shm/${name}`, Buffer.alloc(bytes));
    const info = inspectPythonPool(pool);
    assert.is(info?.state, 'leftover');
    assert.equal(info?.slots, [{ slot: 0, mutex: null, write: null, readTry: null, readers: null }]);
    removeDeadPython({ dryRun: false, pools: [pool], minAgeMs: 0 });
    assert.equal(wireObjects(pool), []);
  });
} else test.skip('live pools');

if (tools === null) test.skip('what a Python producer leaves');
else {
  test('a Python producer leaves its locks; they go when no consumer has them any more', async () => {
    const pool = newPool('leftover');
    await using producer = Peer.python(tools);
    const what = { name: pool, shape: [3], dtype: 'float32', history_len: 2 } as const;
    await producer.ask('produce', what);
    await using consumer = Peer.python(tools);
    await consumer.ask('consume', what);
    await producer.ask('put', { seed: 1 });
    await producer.ask('put', { seed: 2 });
    await consumer.ask('hold_reader', { slot: 0 });
    await producer.exit();
    await until(() => !existsSync(`/dev/shm/tensoripc_${pool}`), 'the object has gone');
    const info = inspectPythonPool(pool);
    assert.equal([info?.state, info?.objectBytes, info?.lockFiles.length], ['leftover', null, 8]);
    const remove = () => removeDeadPython({ dryRun: false, pools: [pool], minAgeMs: 0 }).map(({ action }) => action);
    assert.equal(new Set(remove()), new Set(['kept']), 'a consumer has them open');
    await consumer.kill();
    assert.equal(new Set(remove()), new Set(['removed']));
    assert.equal(wireObjects(pool), []);
  });
}

test('nothing is left', () => assert.equal(sweep(), []));

test.run();
