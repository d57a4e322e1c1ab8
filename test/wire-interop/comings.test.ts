// Coming late, leaving, being killed and coming back, on both sides of the wire, in seeded rounds.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep } from '../support/child';
import { Random } from '../support/random';
import { Peer, PeerError, untilAnswer, WIRE_DOMAIN, type WirePool, wireTools } from '../wire/support/peers';
import { removeWireObjects, wireName, wireObjects } from '../wire/support/shm';
import { configureHere, ours } from './support/ours';
import { metadataOf, seenIn, tensorOf } from './support/tensors';

const ROUNDS = Number(process.env['WIRE_ROUNDS'] ?? 8);
const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;

configureHere();
const tools = wireTools();
const pools: string[] = [];
const random = new Random(Number(process.env['WIRE_SEED'] ?? 7));

function pool(label: string, rest: Partial<WirePool> = {}): WirePool {
  const name = wireName(label);
  pools.push(name);
  return { name, shape: [7], dtype: 'float32', history_len: 3, ...rest };
}

/** What this consumer sees as the newest frame. */
function newest(consumer: TensorConsumer, what: WirePool) {
  const frame = consumer.get();
  return frame === null ? null : seenIn(frame, what)[0];
}

async function untilNewest(consumer: TensorConsumer, what: WirePool, seed: number): Promise<void> {
  await untilAnswer(
    async () => newest(consumer, what),
    (seen) => seen === seed % 256,
    `frame ${seed} is there`,
  );
}

function tell(label: string, ms: readonly number[]): void {
  const sorted = [...ms].sort((a, b) => a - b).map(Math.round);
  console.log(`\nnote: ${label}: ${ms.length} rounds, median ${sorted[sorted.length >> 1]} ms, most ${sorted.at(-1)} ms`);
}

test.after(() => {
  for (const name of pools) removeWireObjects(name);
  assert.equal(pools.flatMap(wireObjects), []);
});

if (tools === null) {
  test.skip('comings and goings');
} else {
  const producers = { python: () => Peer.python(tools), c: () => Peer.cProducer(tools), ours: () => ours(tools) } as const;
  const consumers = { python: () => Peer.python(tools), c: () => Peer.cConsumer(tools), ours: () => ours(tools) } as const;
  type Kind = keyof typeof producers;

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`${kind} joins an idle producer of ours late: it connects without another put, and the next frame is seen`, async () => {
      const what = pool('idle');
      using producer = new TensorProducer(metadataOf(what), HERE);
      producer.put(tensorOf(what, 1));
      await using consumer = consumers[kind]();
      await consumer.ask('consume', { ...what, callback: true });
      const connected = async () => {
        await consumer.ask('get');
        return (await consumer.ask('stats')).connected;
      };
      await untilAnswer(connected, (yes) => yes, 'it has connected');
      producer.put(tensorOf(what, 2));
      await untilAnswer(
        () => consumer.ask('get'),
        ({ frames }) => frames?.[0] === 2,
        'the next frame is seen',
      );
    });
  }

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`ours joins an idle ${kind} producer late: at once where it knows what to expect, by name with the next word`, async () => {
      const what = pool('idle_there');
      await using producer = producers[kind]();
      await producer.ask('produce', what);
      await producer.ask('put', { seed: 1 });
      using expecting = new TensorConsumer(metadataOf(what), HERE);
      using named = TensorConsumer.attach(what.name, HERE);
      await untilAnswer(
        async () => newest(expecting, what),
        () => expecting.connected,
        'it has connected',
      );
      await sleep(600);
      await producer.ask('put', { seed: 2 });
      for (const consumer of [expecting, named]) await untilNewest(consumer, what, 2);
    });
  }

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`${kind} producer killed, ended or told to leave, and started again: ours notices, and reads the new pool`, async () => {
      const what = pool(`again_${kind}`);
      using consumer = new TensorConsumer(metadataOf(what), HERE);
      let lost = 0;
      consumer.on('disconnect', () => {
        lost = performance.now();
      });
      const tookMs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await using producer = producers[kind]();
        await producer.ask('produce', what);
        await untilAnswer(
          () => producer.ask('stats'),
          () => consumer.get() !== null || consumer.connected,
          'they have met',
        );
        const seed = 1 + random.integer(0, 200);
        for (let frame = 0; frame <= random.integer(0, 5); frame++) await producer.ask('put', { seed: seed + frame });
        await producer.ask('put', { seed: seed + 40 });
        await untilNewest(consumer, what, seed + 40);
        lost = 0;
        const way = random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM', 'exit'] as const);
        const left = performance.now();
        if (way === 'exit') await producer.exit();
        else await producer.kill(way);
        await untilAnswer(
          async () => lost,
          (at) => at > 0,
          `the loss by ${way} is noticed`,
        );
        tookMs.push(lost - left);
        assert.is(consumer.get(), null, 'frames of a producer that is gone are not given out');
      }
      tell(`loss of a ${kind} producer noticed`, tookMs);
    });
  }

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`${kind} consumer killed in the middle of reading and started again: ours repairs what it held, and goes on`, async () => {
      const what = pool(`reader_${kind}`, { shape: [300, 300] });
      using producer = new TensorProducer(metadataOf(what), { ...HERE, repair: true, waitTimeoutMs: 100 });
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
        for (let frame = 1; frame <= 4; frame++) producer.put(tensorOf(what, seed + frame));
      }
    });
  }

  test('a reader that died with a slot: LOCK_TIMEOUT without repair, and with it as long as somebody else is there', async () => {
    for (const repair of [false, true]) {
      const what = pool('dead_reader');
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

  test('a writer that died with a slot: likewise for a consumer of ours', async () => {
    for (const repair of [false, true]) {
      const what = pool('dead_writer');
      await using producer = Peer.cProducer(tools);
      using consumer = new TensorConsumer(metadataOf(what), { ...HERE, repair, waitTimeoutMs: 200 });
      await producer.ask('produce', what);
      await untilAnswer(
        async () => consumer.get(),
        () => consumer.connected,
        'they have met',
      );
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

  test('a second producer is refused: in this process, in another of ours, and where the live one is Python or C', async () => {
    const what = pool('rival');
    {
      using first = new TensorProducer(metadataOf(what), HERE);
      assert.throws(() => new TensorProducer(metadataOf(what), HERE), hasCode('PRODUCER_EXISTS'));
      await using other = ours(tools);
      await refused(other.ask('produce', what));
      first.put(tensorOf(what, 1));
    }
    assert.equal(wireObjects(what.name), []);
    for (const kind of ['python', 'c', 'ours'] as const satisfies readonly Kind[]) {
      const live = pool('rival_there');
      await using producer = producers[kind]();
      await producer.ask('produce', live);
      await producer.ask('put', { seed: 1 });
      assert.throws(() => new TensorProducer(metadataOf(live), HERE), hasCode('PRODUCER_EXISTS'), kind);
      await producer.ask('put', { seed: 2 });
      await producer.kill();
      using successor = new TensorProducer(metadataOf(live), HERE);
      assert.is(successor.put(tensorOf(live, 3)), 0, 'once it is dead, ours takes over');
    }
  });

  test('names that DDS has no topics for are refused on both sides', () => {
    const sample = new Float32Array(7);
    for (const name of ['with-dash', 'with.dot']) {
      assert.throws(() => TensorProducer.fromSample(name, sample, HERE), hasCode('INVALID_NAME'));
      assert.throws(() => TensorConsumer.fromSample(name, sample, HERE), hasCode('INVALID_NAME'));
      assert.throws(() => TensorConsumer.attach(name, HERE), hasCode('INVALID_NAME'));
    }
  });
}

async function refused(attempt: Promise<unknown>): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    assert.instance(error, PeerError);
    assert.match((error as PeerError).message, /PRODUCER_EXISTS/);
    return;
  }
  assert.unreachable('it was not refused');
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
