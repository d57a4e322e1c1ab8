// The package's producers take a name whoever has it: a producer of ours that has lost its name says so, and misleads nobody.

import { rmSync, statSync } from 'node:fs';
import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep } from '../support/child';
import { untilAnswer, wireTools } from '../wire/support/peers';
import { configureHere } from '../wire-interop/support/ours';
import { HERE, peersOf, smallPool } from '../wire-interop/support/pools';
import { untilNewest } from '../wire-interop/support/rounds';
import { metadataOf, seenIn, tensorOf } from '../wire-interop/support/tensors';

configureHere();
const tools = wireTools();
const warnings: string[] = [];
process.on('warning', (warning) => void warnings.push(warning.message));

/** What putting comes to: null while it goes on. */
async function putOrError(put: () => unknown): Promise<TensorIpcError | null> {
  try {
    await put();
    return null;
  } catch (error) {
    if (error instanceof TensorIpcError) return error;
    throw error;
  }
}

async function warned(pattern: RegExp, pool: string): Promise<void> {
  await untilAnswer(
    async () => warnings.filter((text) => text.includes(`'${pool}'`) && pattern.test(text)).length,
    (count) => count > 0,
    `a warning of ${pattern}`,
  );
  await sleep(500);
  assert.is(warnings.filter((text) => text.includes(`'${pool}'`)).length, 1, 'once');
}

if (tools === null) {
  test.skip('replaced');
} else {
  const { producers, consumers } = peersOf(tools);

  for (const kind of ['python', 'c'] as const) {
    test(`a ${kind} producer is started beside ours: ours warns, put refuses, and everybody reads the new pool`, async () => {
      const what = smallPool('replaced', { history_len: 4 });
      using producer = new TensorProducer(metadataOf(what), HERE);
      using consumer = new TensorConsumer(metadataOf(what), HERE);
      producer.put(tensorOf(what, 1));
      await untilNewest(consumer, what, 1);
      await using second = producers[kind]();
      await second.ask('produce', what);
      const error = await untilAnswer(
        () => putOrError(() => producer.put(tensorOf(what, 2))),
        (found) => found !== null,
        'put refuses',
      );
      assert.ok(error !== null && hasCode('PRODUCER_EXISTS')(error), String(error));
      assert.match(error?.message ?? '', /another producer/);
      for (const attempt of [() => producer.loan(), () => producer.putAsync(tensorOf(what, 2))])
        assert.ok(hasCode('PRODUCER_EXISTS')((await putOrError(attempt)) as Error));
      await warned(/another producer/, what.name);
      // Notices of ours would lead the second one's readers to slots of which it knows nothing.
      await using reader = consumers.python();
      await reader.ask('consume', { ...what, callback: true });
      await untilAnswer(
        async () => {
          await second.ask('announce');
          await reader.ask('get');
          return reader.ask('stats');
        },
        ({ connected }) => connected,
        'the new reader is attached',
      );
      for (let seed = 11; seed <= 13; seed++) {
        await putOrError(() => producer.put(tensorOf(what, 99)));
        await second.ask('put', { seed });
        await untilNewest(consumer, what, seed);
      }
      const { received } = await untilAnswer(
        () => reader.ask('callbacks', {}),
        (answer) => answer.received.at(-1)?.seed === 13,
        'the newest is heard there',
      );
      assert.ok(
        received.every(({ seed }) => [11, 12, 13].includes(Number(seed))),
        JSON.stringify(received),
      );
      producer.cleanup();
      assert.ok(statSync(`/dev/shm/tensoripc_${what.name}`).size > 0, 'the name is the other one’s');
      await second.ask('put', { seed: 14 });
      await untilNewest(consumer, what, 14);
    });
  }

  for (const [kind, written] of [
    ['python', 3],
    ['c', 3],
    ['ours', 3],
    ['python', 0],
    ['ours', 0],
  ] as const) {
    test(`a producer dies after ${written} frames and ${kind}'s next one puts, while the reader's thread is busy: no frame twice, and none of the dead one's slots`, async () => {
      const what = smallPool('successor', { history_len: 4 });
      using consumer = new TensorConsumer(metadataOf(what), HERE);
      const heard: number[] = [];
      consumer.on('frame', (frame) => void heard.push(seenIn(frame, what)[0] as number));
      const first = producers.python();
      await first.ask('produce', what);
      await untilAnswer(
        () => first.ask('announce'),
        () => consumer.connected,
        'the consumer has joined',
      );
      for (let seed = 1; seed <= written; seed++) {
        await first.ask('put', { seed });
        await untilAnswer(
          async () => heard.at(-1),
          (last) => last === seed,
          'the frame is heard',
        );
      }
      await using next = producers[kind]();
      // It is up once it answers, if only that it has no consumer.
      const answered = () => true;
      await next.ask('stats').then(answered, answered);
      // Its words, and the news of the other's death, are taken in at once.
      const died = first.kill();
      const asked = [next.ask('produce', what), next.ask('put_many', { count: 10, rate_hz: 10, seed: 11 })];
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
      await Promise.all([died, ...asked]);
      // The fast peers speak before they are known.
      await untilAnswer(
        async () => {
          await next.ask('announce');
          await next.ask('put', { seed: 21 });
          return heard.at(-1);
        },
        (last) => last === 21,
        'the successor is heard',
      );
      const others = heard.filter((seed, at) => seed !== 21 && seed !== heard[at - 1]);
      assert.equal(others.slice(0, written), [1, 2, 3].slice(0, written));
      assert.equal(heard.slice(0, others.length), others, JSON.stringify(heard));
      assert.ok(
        others.slice(written).every((seed, at, all) => seed >= 11 && seed < 21 && (at === 0 || seed > (all[at - 1] as number))),
        JSON.stringify(heard),
      );
    });
  }

  test('a frame that is being written in place when the name is lost is refused at commit, and its slot is free again', async () => {
    const what = smallPool('replaced_loan', { history_len: 4 });
    using producer = new TensorProducer(metadataOf(what), HERE);
    const slot = producer.loan();
    await using second = producers.python();
    await second.ask('produce', what);
    await warned(/another producer/, what.name);
    const error = await putOrError(() => slot.commit());
    assert.ok(error !== null && hasCode('PRODUCER_EXISTS')(error), String(error));
    // Its locks are the new pool's, by name: the other one would wait for ever.
    for (let seed = 1; seed <= 5; seed++) await second.ask('put', { seed });
  });

  test('the name is removed: ours warns once, and who is attached reads on', async () => {
    const what = smallPool('removed', { history_len: 4 });
    using producer = new TensorProducer(metadataOf(what), HERE);
    await using reader = consumers.python();
    await reader.ask('consume', what);
    await untilAnswer(
      async () => {
        producer.put(tensorOf(what, 1));
        return reader.ask('get');
      },
      ({ frames }) => frames?.[0] === 1,
      'it is attached',
    );
    rmSync(`/dev/shm/tensoripc_${what.name}`);
    await warned(/removed/, what.name);
    producer.put(tensorOf(what, 2));
    await untilAnswer(
      () => reader.ask('get'),
      ({ frames }) => frames?.[0] === 2,
      'who is attached reads on',
    );
  });
}

test.run();
