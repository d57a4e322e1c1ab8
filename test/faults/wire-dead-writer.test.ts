// A producer of the package's dies with the slot that it was writing. Its successor opens the same locks: it would wait for ever, did not a
// consumer with `repair` free them before.

import { TensorConsumer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Peer, untilAnswer, type WirePool, wireTools } from '../wire/support/peers';
import { semaphoreValue } from '../wire/support/shm';
import { configureHere } from '../wire-interop/support/ours';
import { HERE, peersOf, smallPool } from '../wire-interop/support/pools';
import { metadataOf } from '../wire-interop/support/tensors';

configureHere();
const tools = wireTools();

async function untilJoined(consumer: TensorConsumer, producer: Peer): Promise<void> {
  await untilAnswer(
    () => producer.ask('announce'),
    () => consumer.get() !== null || consumer.connected,
    'the consumer has joined',
  );
}

/** The package's, at its own pace: its constructor takes 1.2 s. Frames enough to come to every slot. */
async function goesOn(successor: Peer, what: WirePool): Promise<void> {
  await successor.ask('produce', what);
  for (let seed = 1; seed <= 2 * (what.history_len ?? 1); seed++) await successor.ask('put', { seed });
}

if (tools === null) {
  test.skip('dead writers');
} else {
  const { producers } = peersOf(tools);
  for (const kind of ['python', 'c'] as const) {
    for (const others of ['nobody else is there', 'another consumer is there']) {
      test(`a ${kind} producer is killed while it writes, ${others}: the one that is started next goes on`, async () => {
        const what = smallPool('dead_writer', { history_len: 4 });
        using consumer = new TensorConsumer(metadataOf(what), { ...HERE, repair: true });
        await using other = others === 'nobody else is there' ? null : Peer.python(tools);
        {
          await using producer = producers[kind]();
          await producer.ask('produce', what);
          await untilJoined(consumer, producer);
          if (other !== null) {
            await other.ask('consume', what);
            await untilAnswer(
              async () => {
                await producer.ask('announce');
                return other.ask('get');
              },
              ({ frames }) => frames !== null,
              'the other one has joined',
            );
          }
          for (let seed = 1; seed <= 4; seed++) await producer.ask('put', { seed });
          await producer.ask('hold_writer', { slot: 1 });
          // Before it is killed: afterwards the consumer may have repaired it at once.
          assert.is(semaphoreValue(what.name, 1, 'wrt'), 0);
          await producer.kill();
        }
        await using successor = Peer.python(tools, { slow: true });
        await goesOn(successor, what);
        for (let slot = 0; slot < 4; slot++)
          for (const lock of ['wrt', 'readtry', 'mutex'] as const)
            assert.is(semaphoreValue(what.name, slot, lock), 1, `${lock} ${slot}`);
      });
    }
  }

  test('the producer is killed while it waits for a reader that lives: the reader keeps its slot, and the next producer goes on after it', async () => {
    const what = smallPool('dead_waiter', { history_len: 4 });
    using consumer = new TensorConsumer(metadataOf(what), { ...HERE, repair: true });
    await using reader = Peer.python(tools);
    {
      await using producer = Peer.python(tools);
      await producer.ask('produce', what);
      await untilJoined(consumer, producer);
      await reader.ask('consume', what);
      for (let seed = 1; seed <= 4; seed++) await producer.ask('put', { seed });
      await reader.ask('hold_reader', { slot: 0 });
      void producer.ask('put', { seed: 5 }).catch(() => undefined);
      await untilAnswer(
        async () => semaphoreValue(what.name, 0, 'readtry'),
        (value) => value === 0,
        'it waits',
      );
      await producer.kill();
    }
    await untilAnswer(
      async () => semaphoreValue(what.name, 0, 'readtry'),
      (value) => value === 1,
      'what the dead one had is given back',
    );
    assert.is(semaphoreValue(what.name, 0, 'wrt'), 0, 'the reader has it still');
    await reader.ask('release', { slot: 0 });
    await using successor = Peer.python(tools, { slow: true });
    await goesOn(successor, what);
  });
}

test.run();
