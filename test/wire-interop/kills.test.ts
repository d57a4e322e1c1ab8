// Killed at any moment, on both sides of the wire: what a process takes with it into its death never hangs ours, and is repaired when
// nobody else is there. In seeded rounds.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep } from '../support/child';
import { Random } from '../support/random';
import { Peer, untilAnswer, type WirePool, wireTools } from '../wire/support/peers';
import { semaphoreValue, wireObjects } from '../wire/support/shm';
import { configureHere, ours } from './support/ours';
import { HERE, peersOf, smallPool } from './support/pools';
import { newest, untilJoins, untilNewest } from './support/rounds';
import { metadataOf, tensorOf } from './support/tensors';

const ROUNDS = Number(process.env['WIRE_ROUNDS'] ?? 5);

configureHere();
const tools = wireTools();
const random = new Random(Number(process.env['WIRE_SEED'] ?? 7));

if (tools === null) {
  test.skip('killed');
} else {
  const { producers, consumers } = peersOf(tools);

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`${kind} consumer killed in the middle of reading and started again: ours repairs what it held, and goes on`, async () => {
      const what = smallPool(`reader_${kind}`, { shape: [300, 300] });
      using producer = new TensorProducer(metadataOf(what), { ...HERE, repair: true, waitTimeoutMs: 100 });
      let repairs = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await using consumer = consumers[kind]();
        await consumer.ask('consume', what);
        await untilAnswer(
          () => consumer.ask('get'),
          () => true,
          'it runs',
        );
        // In a turn of the event loop each: the metadata goes out by timer.
        await untilAnswer(
          async () => {
            await consumer.ask('get');
            return (await consumer.ask('stats')).connected;
          },
          (yes) => yes,
          'it has connected',
        );
        const seed = 1 + random.integer(0, 200);
        producer.put(tensorOf(what, seed));
        await untilAnswer(
          () => consumer.ask('get'),
          ({ frames }) => frames?.[0] === seed % 256,
          'the frame is seen',
        );
        const reading = consumer.ask('get_many', { count: 1e9, history_len: 3 }).catch((error: Error) => error.message);
        await sleep(random.integer(1, 20));
        await consumer.kill();
        await reading;
        if (taken(what)) repairs += 1;
        for (let frame = 1; frame <= 4; frame++) producer.put(tensorOf(what, seed + frame));
        assert.not(taken(what));
      }
      console.log(
        `\nnote: ${repairs} of ${ROUNDS} killed readers (${kind}) left locks behind, and a producer of ours repaired them`,
      );
    });
  }

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`readers of ours killed at any moment under a ${kind} producer of 3 slots: a new one reads or says LOCK_TIMEOUT`, async () => {
      const what = smallPool(`killed_reader_${kind}`, { shape: [300, 300] });
      let left = 0;
      let timeouts = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await using producer = producers[kind]();
        await producer.ask('produce', what);
        await producer.ask('put', { seed: 1 });
        {
          await using reader = ours(tools);
          await reader.ask('consume_with', { ...what, waitTimeoutMs: 100 });
          await untilAnswer(
            async () => {
              await producer.ask('announce');
              return reader.ask('get');
            },
            ({ frames }) => frames !== null,
            'the frame is there',
          );
          void reader.ask('get_many', { count: 1, history_len: 1 + random.integer(0, 2) }).catch(() => undefined);
          await sleep(random.integer(1, 20));
          await reader.kill();
        }
        if (taken(what)) left += 1;
        // Nothing of ours hangs, whatever was taken along: a read is a frame, or an error in time.
        using next = new TensorConsumer(metadataOf(what), { ...HERE, waitTimeoutMs: 50 });
        await untilAnswer(
          async () => {
            await producer.ask('announce');
            try {
              return newest(next, what);
            } catch (error) {
              assert.ok(hasCode('LOCK_TIMEOUT')(error as Error), String(error));
              timeouts += 1;
              return 'LOCK_TIMEOUT';
            }
          },
          (seen) => seen !== null,
          'it is a frame or an error',
        );
        next.cleanup();
        await producer.kill();
        // The dead producer's successor starts with free locks.
        using successor = new TensorProducer(metadataOf(what), { ...HERE, waitTimeoutMs: 100 });
        for (let frame = 0; frame < 4; frame++) assert.ok(successor.put(tensorOf(what, frame)) >= 0);
      }
      console.log(
        `\nnote: ${left} of ${ROUNDS} killed readers of ours left locks behind (producer: ${kind}); LOCK_TIMEOUT came ${timeouts} times`,
      );
    });
  }

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`ours killed while it writes, with a ${kind} consumer: the next producer of ours goes on at once`, async () => {
      const what = smallPool(`killed_writer_${kind}`, { shape: [300, 300] });
      let torn = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await using consumer = consumers[kind]();
        {
          await using producer = ours(tools);
          await producer.ask('produce', what);
          await consumer.ask('consume', what);
          await untilAnswer(
            async () => {
              await producer.ask('put', { seed: 1 });
              return consumer.ask('get');
            },
            ({ frames }) => frames !== null,
            'they have met',
          );
          void producer.ask('put_for_ever', {}).catch(() => undefined);
          await sleep(random.integer(5, 30));
          await producer.kill();
        }
        // Sometimes a lock was taken along. It is not the next pool's.
        if (taken(what)) torn += 1;
        using next = new TensorProducer(metadataOf(what), { ...HERE, waitTimeoutMs: 100 });
        for (let frame = 1; frame <= 4; frame++) assert.ok(next.put(tensorOf(what, frame)) >= 0);
        using reader = new TensorConsumer(metadataOf(what), { ...HERE, waitTimeoutMs: 100 });
        await untilNewest(reader, what, 4);
      }
      console.log(`\nnote: ${torn} of ${ROUNDS} killed writers of ours took locks with them (consumer: ${kind})`);
    });
  }

  test('a reader that died with a slot: LOCK_TIMEOUT without repair, and with it as long as somebody else is there', async () => {
    for (const repair of [false, true]) {
      const what = smallPool('dead_reader');
      using producer = new TensorProducer(metadataOf(what), { ...HERE, repair, waitTimeoutMs: 200 });
      await using reader = Peer.python(tools);
      await using other = Peer.cConsumer(tools);
      for (const peer of [reader, other]) {
        await peer.ask('consume', what);
        await untilAnswer(
          () => peer.ask('get'),
          ({ frames }) => frames !== null,
          'it has connected',
        );
      }
      for (let seed = 1; seed <= 3; seed++) producer.put(tensorOf(what, seed));
      await reader.ask('hold_reader', { slot: 0 });
      await reader.kill();
      const put = () => producer.put(tensorOf(what, 4));
      assert.throws(put, hasCode('LOCK_TIMEOUT'));
      await assertRejects(producer.putAsync(tensorOf(what, 4)), 'LOCK_TIMEOUT');
      await other.exit();
      if (repair) assert.is(put(), 3);
      else assert.throws(put, hasCode('LOCK_TIMEOUT'));
    }
  });

  test('a reader that died as it left: readers get LOCK_TIMEOUT, and with repair the writer sees to it before its next frame', async () => {
    for (const repair of [false, true]) {
      const what = smallPool('dead_leaver');
      using producer = new TensorProducer(metadataOf(what), { ...HERE, repair, waitTimeoutMs: 100 });
      for (let seed = 1; seed <= 3; seed++) producer.put(tensorOf(what, seed));
      // As SIGKILL leaves it between the last two steps of a reader: the slot is free for writers, and shut to readers.
      takeMutex(what.name, 0);
      assert.is(producer.put(tensorOf(what, 4)), 3);
      assert.is(semaphoreValue(what.name, 0, 'mutex'), repair ? 1 : 0);
      using consumer = new TensorConsumer(metadataOf(what), { ...HERE, waitTimeoutMs: 100 });
      const seen = await untilAnswer(
        async () => {
          try {
            return newest(consumer, what);
          } catch (error) {
            assert.ok(hasCode('LOCK_TIMEOUT')(error as Error), String(error));
            return 'LOCK_TIMEOUT';
          }
        },
        (answer) => answer !== null,
        'it is a frame or an error',
      );
      assert.is(seen, repair ? 4 : 'LOCK_TIMEOUT');
    }
  });

  test('a writer that died with a slot: likewise for a consumer of ours', async () => {
    for (const repair of [false, true]) {
      const what = smallPool('dead_writer');
      await using producer = Peer.cProducer(tools);
      using consumer = new TensorConsumer(metadataOf(what), { ...HERE, repair, waitTimeoutMs: 200 });
      await producer.ask('produce', what);
      await untilJoins(consumer, producer);
      await producer.ask('put', { seed: 1 });
      await untilNewest(consumer, what, 1);
      await producer.ask('hold_writer', { slot: 0 });
      assert.throws(() => consumer.get(), hasCode('LOCK_TIMEOUT'), 'the writer lives');
      producer.process.kill('SIGKILL');
      await producer.ended;
      // Until the loss is noticed the frame is asked for under the lock; afterwards there is none.
      await untilAnswer(
        async () => {
          try {
            consumer.get();
            return 'given';
          } catch (error) {
            assert.ok(hasCode('LOCK_TIMEOUT')(error as Error), String(error));
            return 'refused';
          }
        },
        () => !consumer.connected,
        'the loss is noticed',
      );
      assert.is(consumer.get(), null);
    }
  });

  test('a process that is stopped while it waits for a reader, as when the machine sleeps, goes on waiting', async () => {
    const what = smallPool('stopped', { history_len: 1 });
    await using other = ours(tools);
    const { pid } = await other.ask('produce_with', { ...what, waitTimeoutMs: 600 });
    await other.ask('put', { seed: 1 });
    using consumer = TensorConsumer.attach(what.name, HERE);
    await untilNewest(consumer, what, 1);
    const view = consumer.borrow();
    const put = other.ask('put', { seed: 2 });
    await sleep(100);
    await stop(pid);
    await sleep(100);
    view?.release();
    await put;
    await untilNewest(consumer, what, 2);
  });

  test('the same on the event loop', async () => {
    const what = smallPool('stopped_async', { history_len: 1 });
    using producer = new TensorProducer(metadataOf(what), { ...HERE, waitTimeoutMs: 600 });
    using consumer = new TensorConsumer(metadataOf(what), HERE);
    producer.put(tensorOf(what, 1));
    await untilNewest(consumer, what, 1);
    const view = consumer.borrow();
    const put = producer.putAsync(tensorOf(what, 2));
    await sleep(100);
    await stop(process.pid);
    await sleep(100);
    view?.release();
    assert.is(await put, 1);
  });
}

/** Stops a process for a second. */
function stop(pid: number): Promise<unknown> {
  return once(spawn('sh', ['-c', `kill -STOP ${pid}; sleep 1; kill -CONT ${pid}`]), 'exit');
}

/** Takes a slot's mutex for good: glibc keeps a semaphore's value in the low half of its first word. */
function takeMutex(pool: string, slot: number): void {
  const fd = openSync(`/dev/shm/sem.tensoripc_${pool}_f${slot}_mutex`, 'r+');
  writeSync(fd, new Uint8Array(4), 0, 4, 0);
  closeSync(fd);
}

/** Whether any lock of a pool, of those that have been made, is taken. */
function taken({ name, history_len = 1 }: WirePool): boolean {
  const made = wireObjects(name);
  return Array.from({ length: history_len }, (_, slot) => slot).some((slot) =>
    (['mutex', 'wrt', 'readtry'] as const).some(
      (lock) => made.includes(`sem.tensoripc_${name}_f${slot}_${lock}`) && semaphoreValue(name, slot, lock) === 0,
    ),
  );
}

async function assertRejects(attempt: Promise<unknown>, code: 'LOCK_TIMEOUT'): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    assert.ok(hasCode(code)(error as Error), String(error));
    return;
  }
  assert.unreachable(`no ${code}`);
}

test.run();
