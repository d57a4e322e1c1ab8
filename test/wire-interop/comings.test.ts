// Coming late, leaving, being killed and coming back, on both sides of the wire, in seeded rounds.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep } from '../support/child';
import { Random } from '../support/random';
import { Peer, PeerError, untilAnswer, wireTools } from '../wire/support/peers';
import { wireObjects } from '../wire/support/shm';
import { configureHere, ours } from './support/ours';
import { HERE, peersOf, smallPool } from './support/pools';
import { newest, untilJoins, untilNewest } from './support/rounds';
import { metadataOf, tensorOf } from './support/tensors';

const ROUNDS = Number(process.env['WIRE_ROUNDS'] ?? 5);

configureHere();
const tools = wireTools();
const random = new Random(Number(process.env['WIRE_SEED'] ?? 7));

function tell(label: string, ms: readonly number[]): void {
  if (ms.length === 0) return;
  const sorted = [...ms].sort((a, b) => a - b).map(Math.round);
  console.log(
    `\nnote: ${label} takes ${sorted[sorted.length >> 1]} ms (median of ${ms.length} rounds), ${sorted.at(-1)} at most`,
  );
}

if (tools === null) {
  test.skip('comings and goings');
} else {
  const { producers, consumers } = peersOf(tools);

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`${kind} joins an idle producer of ours late: it connects without another put, and the next frame is seen`, async () => {
      const what = smallPool('idle');
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
    test(`ours joins an idle ${kind} producer late: with its next word about the pool, whatever it expects`, async () => {
      const what = smallPool('idle_there');
      await using producer = producers[kind]();
      await producer.ask('produce', what);
      await producer.ask('put', { seed: 1 });
      using expecting = new TensorConsumer(metadataOf(what), HERE);
      using named = TensorConsumer.attach(what.name, HERE);
      // What it expects is no proof of what is there: the package's say it with a put that comes half a second after the last word.
      await sleep(600);
      if (kind !== 'ours') for (const consumer of [expecting, named]) assert.is(newest(consumer, what), null);
      await producer.ask('put', { seed: 2 });
      for (const consumer of [expecting, named]) await untilNewest(consumer, what, 2);
      assert.ok(expecting.connected && named.connected);
    });
  }

  for (const kind of ['python', 'c', 'ours'] as const) {
    test(`${kind} producer killed, ended or told to leave, and started again: ours notices, and reads the new pool`, async () => {
      const what = smallPool(`again_${kind}`);
      using consumer = new TensorConsumer(metadataOf(what), HERE);
      let lost = 0;
      consumer.on('disconnect', () => {
        lost = performance.now();
      });
      const tookMs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await using producer = producers[kind]();
        await producer.ask('produce', what);
        await untilJoins(consumer, producer);
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
      tell(`to notice the loss of a ${kind} producer`, tookMs);
    });
  }

  test('ours killed, ended or told to leave under living Python and C consumers, and started again: they answer, newcomers read', async () => {
    const what = smallPool('renewed');
    const tookMs: number[] = [];
    let stale = 0;
    await using python = Peer.python(tools);
    await using c = Peer.cConsumer(tools);
    // One that was killed inside a put keeps that slot's locks, and the package's readers wait for them for ever: this one gives them back.
    using healer = new TensorConsumer(metadataOf(what), { ...HERE, repair: true });
    const met = async (consumer: Peer, producer: Peer, seed: number) => {
      await untilAnswer(
        async () => {
          await producer.ask('put', { seed });
          return consumer.ask('get');
        },
        ({ frames }) => frames?.[0] === seed % 256,
        `frame ${seed} of the new pool is seen`,
      );
    };
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      await using producer = ours(tools);
      await producer.ask('produce', what);
      const seed = 1 + random.integer(0, 200);
      // A consumer of the package, and the one in C, keep to the object that they have first seen.
      if (round === 0) {
        for (const consumer of [python, c]) {
          await consumer.ask('consume', what);
          await met(consumer, producer, seed);
        }
      } else {
        await using newcomer = round % 2 === 0 ? Peer.python(tools) : Peer.cConsumer(tools);
        await newcomer.ask('consume', what);
        await met(newcomer, producer, seed);
        tookMs.push(performance.now() - started);
        for (const consumer of [python, c]) {
          const { frames } = await consumer.ask('get');
          assert.ok(frames !== null, 'those of the first pool still answer');
          if (frames?.[0] !== seed % 256) stale += 1;
        }
      }
      await untilNewest(healer, what, seed);
      const way = random.pick(['exit', 'SIGTERM', 'SIGKILL', 'SIGKILL'] as const);
      // In the middle of whatever it is doing, or between two puts.
      if (way !== 'exit' && random.integer(0, 1) === 1) {
        void producer.ask('put_for_ever', {}).catch(() => undefined);
        await sleep(random.integer(1, 20));
      }
      if (way === 'exit') await producer.exit();
      else await producer.kill(way);
    }
    tell('until a newcomer of theirs reads our producer that was started again it', tookMs);
    console.log(`\nnote: ${stale} of ${2 * (ROUNDS - 1)} reads by consumers of an earlier pool gave that pool's frame`);
  });

  test('a second producer is refused: in this process, in another of ours, and where the live one is Python or C', async () => {
    const what = smallPool('rival');
    {
      using first = new TensorProducer(metadataOf(what), HERE);
      assert.throws(() => new TensorProducer(metadataOf(what), HERE), hasCode('PRODUCER_EXISTS'));
      await using other = ours(tools);
      await refused(other.ask('produce', what));
      first.put(tensorOf(what, 1));
    }
    assert.equal(wireObjects(what.name), []);
    for (const kind of ['python', 'c', 'ours'] as const) {
      const live = smallPool('rival_there');
      await using producer = producers[kind]();
      await producer.ask('produce', live);
      await producer.ask('put', { seed: 1 });
      const who = new RegExp(
        `has a live producer already \\(its processes: pid \\d+ \\(${{ python: 'python', c: '', ours: 'node' }[kind]}`,
      );
      assert.throws(() => new TensorProducer(metadataOf(live), HERE), hasCode('PRODUCER_EXISTS', who), kind);
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

test.run();
