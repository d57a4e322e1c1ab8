// tensor-ipc bridge, in both directions: every frame, in order, through restarts and to a clean end.

import { existsSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, sleep, until } from '../support/child';
import { Cli } from '../support/cli-process';
import { frameOf, seedOf } from '../wire/support/frames';
import { Peer, untilAnswer, wireTools } from '../wire/support/peers';
import { wireObjects } from '../wire/support/shm';
import { DOMAIN, hasDds, newPool, sweep, untilJoined, WIRE } from './support/pools';

const SHAPE = [6, 8, 3] as const;
const HISTORY = 8;

const dds = await hasDds();
const tools = dds ? wireTools() : null;
const sample = (seed: number) => ({ data: frameOf(seed, SHAPE, 'uint8'), shape: SHAPE });

/** Ends it as Ctrl-C does. */
async function interrupt(bridge: Cli) {
  bridge.process.kill('SIGINT');
  return bridge.ended;
}

if (dds) {
  test('native to the Python wire: bursts arrive whole, history and all; Ctrl-C leaves nothing', async () => {
    const pool = newPool('out');
    using producer = TensorProducer.fromSample(pool, sample(0), { historyLen: HISTORY });
    await using bridge = new Bridge([pool, '--to', 'tensor-ipc', '--domain', DOMAIN, '--interval', '100']);
    using consumer = TensorConsumer.attach<Uint8Array>(pool, WIRE);
    await until(() => consumer.connected, 'the bridge has made the pool');
    assert.is(consumer.metadata?.toString(), 'uint8 [6, 8, 3], history 8');
    for (let burst = 0; burst < 20; burst++) {
      for (let i = 0; i < HISTORY; i++) producer.put(sample(burst * HISTORY + i));
      const last = burst * HISTORY + HISTORY - 1;
      await until(() => {
        const frame = consumer.get();
        return frame !== null && seedOf(frame.data, 'uint8') === last % 256;
      }, `burst ${burst} has arrived`);
      const window = consumer.get({ historyLen: HISTORY, latestFirst: false });
      const bytes = 6 * 8 * 3;
      const seeds = Array.from({ length: HISTORY }, (_, i) =>
        seedOf(window?.data.subarray(i * bytes, (i + 1) * bytes) as Uint8Array, 'uint8'),
      );
      assert.equal(
        seeds,
        Array.from({ length: HISTORY }, (_, i) => (burst * HISTORY + i) % 256),
        `burst ${burst}`,
      );
    }
    await until(() => bridge.cli.output.includes('  lost 0 '), 'it shows figures');
    await interrupt(bridge.cli);
    assert.equal(wireObjects(pool), []);
  });

  test('the Python wire to native: another name and history, the restart of the producer, a count', async () => {
    const pool = newPool('in');
    const as = `${pool}.native`;
    await using bridge = new Bridge([pool, '--to', 'native', '--as', as, '--history', '3', '--domain', DOMAIN, '--count', '40']);
    const received: (number | string)[] = [];
    using consumer = TensorConsumer.attach<Uint8Array>(as, { delivery: 'all' });
    consumer.on('frame', (frame) => void received.push(seedOf(frame.data, 'uint8')));
    for (const [start, shape] of [
      [0, SHAPE],
      [20, SHAPE],
    ] as const) {
      using producer = TensorProducer.fromSample(
        pool,
        { data: frameOf(0, shape, 'uint8'), shape },
        { ...WIRE, historyLen: HISTORY },
      );
      await until(() => existsSync(`/dev/shm/tensoripc.${as}`), 'the other pool is there');
      await until(() => consumer.connected, 'its reader has found it');
      if (start > 0) await sleep(1200); // the bridge meets the next producer by what that says every half second
      for (let i = 0; i < 20; i++) {
        producer.put(sample(start + i));
        await sleep(10);
      }
      await until(() => received.at(-1) === start + 19, `all ${start + 20} have arrived`);
    }
    assert.equal(
      received,
      Array.from({ length: 40 }, (_, i) => i),
    );
    const { code, stderr } = await bridge.cli.ended;
    assert.is(code, 0, stderr);
    assert.match(stderr, /: 40 frames, 0 lost\n$/);
    assert.equal([leftovers(as).filter((file) => !file.includes('tensoripc-bell.')), wireObjects(pool)], [[], []]);
  });

  test('what the Python wire cannot carry is an error', async () => {
    const pool = newPool('records');
    const record = { rgb: new Uint8Array(12), depth: new Float32Array(4) };
    using _producer = TensorProducer.fromSample(pool, record);
    await using bridge = new Bridge([pool, '--to', 'tensor-ipc', '--domain', DOMAIN]);
    const { code, stderr } = await bridge.cli.ended;
    assert.is(code, 1);
    assert.match(stderr, /one tensor a frame, not several/);
    assert.equal(wireObjects(pool), []);
  });
} else test.skip('between our own');

/** A bridge that is gone with its test. */
class Bridge {
  readonly cli: Cli;

  constructor(args: readonly string[]) {
    this.cli = new Cli(['bridge', ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cli.process.kill('SIGTERM');
    await this.cli.ended;
  }
}

if (tools === null) test.skip('with Python peers');
else {
  const what = (name: string) => ({ name, shape: SHAPE, dtype: 'uint8', history_len: HISTORY }) as const;

  test('to Python: its consumer sees native frames, and their window in order', async () => {
    const pool = newPool('to_python');
    using producer = TensorProducer.fromSample(pool, sample(0), { historyLen: HISTORY });
    await using _bridge = new Bridge([pool, '--to', 'tensor-ipc', '--domain', DOMAIN]);
    await using consumer = Peer.python(tools);
    await consumer.ask('consume', what(pool));
    await untilJoined(consumer);
    // One by one: the package's consumers stay behind for good when notices come together.
    for (const i of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      producer.put(sample(100 + i));
      await sleep(40);
    }
    await untilAnswer(
      () => consumer.ask('get', { history_len: HISTORY }),
      ({ frames }) => JSON.stringify(frames) === '[109,108,107,106,105,104,103,102]',
      'the whole window has arrived',
    );
  });

  test('from Python: every frame of its producer, and of the next one after it was killed', async () => {
    const pool = newPool('from_python');
    await using bridge = new Bridge([pool, '--to', 'native', '--domain', DOMAIN, '--interval', '100']);
    const received: number[] = [];
    using consumer = TensorConsumer.attach<Uint8Array>(pool, { delivery: 'all' });
    consumer.on('frame', (frame) => void received.push(Number(seedOf(frame.data, 'uint8'))));
    for (const first of [1, 101]) {
      await using producer = Peer.python(tools);
      await producer.ask('produce', what(pool));
      // The package repeats its metadata with puts only: those before the bridge has met it may be lost.
      const from = received.length;
      await untilAnswer(
        async () => {
          await producer.ask('announce');
          await producer.ask('put', { seed: first });
          return received.length;
        },
        (length) => length > from,
        'the bridge has met it',
      );
      await producer.ask('put_many', { count: 50, rate_hz: 100, seed: first + 1 });
      await until(() => received.at(-1) === first + 50, 'the last has arrived');
      const tail = received.slice(received.lastIndexOf(first));
      assert.equal(
        tail,
        Array.from({ length: 51 }, (_, i) => first + i),
      );
      await producer.kill();
    }
    await until(() => /waits for a producer/.test(bridge.cli.output), 'it has noticed');
    await interrupt(bridge.cli);
    assert.equal(
      leftovers(pool).filter((file) => !file.includes('tensoripc-bell.')),
      [],
    );
  });
}

test('nothing is left', async () => {
  await until(() => sweep().length === 0, 'all is clean');
});

test.run();
