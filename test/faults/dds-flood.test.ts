// Hostile processes in the domain that write as fast as they can: memory stays bounded, the event loop turns, and honest pools are found.

import { TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BoundedCache } from '../../host/dds/bounded-cache';
import { hasLibrary } from '../dds/support/peers';
import { nextDomain } from '../discovery/support/peers';
import { Child, poolName, sleep } from '../support/child';
import { configureHere } from '../wire-interop/support/ours';
import { pool } from '../wire-interop/support/pools';
import { metadataOf } from '../wire-interop/support/tensors';

interface State {
  readonly rssMiB: number;
  readonly turns: number;
  readonly warnings: readonly string[];
  readonly frames: number;
  readonly errors: number;
  readonly listed: number;
  readonly ignored: number;
  readonly found: readonly string[];
}

const WATCHDOG_MS = 90_000;
/** V8 may not have more than this: what it cannot hold kills it. */
const SMALL_HEAP = { NODE_OPTIONS: '--max-old-space-size=96' };

configureHere();
const testWith = hasLibrary() ? test : test.skip;

async function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Child> {
  const child = new Child(program, args, env);
  await child.receive();
  return child;
}

/** Asks until it will do; every answer is looked at. */
async function untilState(child: Child, good: (state: State) => boolean, what: string, look = (_: State) => {}): Promise<State> {
  for (const deadline = Date.now() + WATCHDOG_MS; ; await sleep(200)) {
    const state = await child.ask<State>('state');
    look(state);
    if (good(state)) return state;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}: ${JSON.stringify(state)}`);
  }
}

testWith('the largest announcements, under ever new ids', async () => {
  const domainId = nextDomain();
  const early = poolName('early');
  using _early = TensorProducer.fromSample(early, new Float32Array(1), { discovery: 'dds', domainId });
  await using listener = await start('dds-listener', [String(domainId)], SMALL_HEAP);
  const { rssMiB: atFirst } = await untilState(listener, ({ found }) => found.includes(early), 'the first is found');
  await using _flooder = await start('dds-flooder', [String(domainId), 'announcements', '256']);
  let most = 0;
  const look = ({ rssMiB }: State) => {
    most = Math.max(most, rssMiB);
  };
  const flooded = await untilState(listener, ({ ignored }) => ignored > 1000, 'it is flooded', look);
  const late = poolName('late');
  using _late = TensorProducer.fromSample(late, new Float32Array(1), { discovery: 'dds', domainId });
  await untilState(listener, ({ found }) => found.includes(late), 'a pool that comes during the flood is found', look);
  const { turns, listed } = await untilState(listener, ({ ignored }) => ignored > 3000, 'it is flooded still', look);
  assert.ok(turns > flooded.turns, 'the event loop turns');
  assert.ok(listed < 4096);
  assert.ok(most < atFirst + 350, `${most.toFixed(0)} MiB, ${atFirst.toFixed(0)} before the flood`);
});

testWith('small announcements under ever new ids: what Cyclone remembers of them is bounded too', async () => {
  const domainId = nextDomain();
  await using listener = await start('dds-listener', [String(domainId)], SMALL_HEAP);
  const { rssMiB: atFirst } = await untilState(listener, () => true, 'it answers');
  await using flooder = await start('dds-flooder', [String(domainId), 'announcements', '1']);
  let most = 0;
  const look = ({ rssMiB }: State) => {
    most = Math.max(most, rssMiB);
  };
  const enough = Date.now() + WATCHDOG_MS;
  while ((await flooder.ask<number>('written')) < 250_000 && Date.now() < enough) look(await listener.ask<State>('state'));
  const late = poolName('late');
  using _late = TensorProducer.fromSample(late, new Float32Array(1), { discovery: 'dds', domainId });
  const found = (state: State) => state.found.includes(late);
  const { warnings } = await untilState(listener, found, 'a pool that comes during the flood is found', look);
  assert.ok(most < atFirst + 150, `${most.toFixed(0)} MiB, ${atFirst.toFixed(0)} before the flood`);
  assert.is(warnings.filter((text) => text.includes('somebody floods it')).length, 1, JSON.stringify(warnings));
  console.log(`\nnote: the flood takes memory from ${atFirst.toFixed(0)} to ${most.toFixed(0)} MiB`);
});

testWith('a busy but honest domain: all of 500 pools are listed', async () => {
  const domainId = nextDomain();
  const producers: TensorProducer[] = [];
  try {
    await using listener = await start('dds-listener', [String(domainId)]);
    for (let i = 0; i < 500; i++)
      producers.push(TensorProducer.fromSample(poolName('busy'), new Float32Array(4), { discovery: 'dds', domainId }));
    const { ignored } = await untilState(listener, ({ listed }) => listed === 500, 'all are listed');
    assert.is(ignored, 0);
  } finally {
    for (const producer of producers) producer.close();
  }
});

testWith('samples that cannot be read: Cyclone prints none of them, and once that there are some', async () => {
  const domainId = nextDomain();
  const what = pool('garbage', { shape: [8], dtype: 'uint8', history_len: 2 } as const);
  using producer = new TensorProducer(metadataOf(what), { wire: 'tensor-ipc', domainId });
  await using listener = await start('dds-listener', [String(domainId), what.name]);
  await using flooder = await start('dds-flooder', [String(domainId), 'garbage', what.name]);
  while ((await flooder.ask<number>('written')) < 5000) await sleep(20);
  await untilState(
    listener,
    ({ frames }) => {
      producer.put(new Uint8Array(8));
      return frames > 3;
    },
    'frames arrive beside it',
  );
  const { warnings } = await untilState(listener, ({ warnings }) => warnings.length > 0, 'it is said that there are some');
  assert.match(warnings.join(' '), /Cyclone DDS has warned/);
  await sleep(1500);
  const lines = listener.stderr.split('\n').filter((line) => line !== '');
  assert.ok(lines.length < 20, `${lines.length} lines, of which the last are\n${lines.slice(-3).join('\n')}`);
  assert.is((await listener.ask<State>('state')).warnings.length, 1);
});

testWith('notices of a megabyte: nothing of them is copied, and true ones are heard', async () => {
  const domainId = nextDomain();
  const what = pool('large', { shape: [8], dtype: 'uint8', history_len: 2 } as const);
  using producer = new TensorProducer(metadataOf(what), { wire: 'tensor-ipc', domainId });
  await using listener = await start('dds-listener', [String(domainId), what.name], SMALL_HEAP);
  await untilState(
    listener,
    ({ frames }) => {
      producer.put(new Uint8Array(8));
      return frames > 0;
    },
    'they have met',
  );
  const before = await listener.ask<State>('state');
  await using _flooder = await start('dds-flooder', [String(domainId), 'large', what.name]);
  await untilState(listener, ({ errors }) => errors > before.errors, 'it is flooded');
  await untilState(
    listener,
    ({ frames }) => {
      producer.put(new Uint8Array(8));
      return frames > before.frames + 10;
    },
    'frames arrive beside it',
  );
});

test('who says most gives way first', () => {
  const memory = new BoundedCache<{ publication: bigint; bytes: number }>(4, 1000);
  const forgotten: bigint[] = [];
  const say = (id: string, publication: bigint, bytes: number) => {
    const room = memory.makeRoom({ publication, bytes }, (entry) => void forgotten.push(entry.publication));
    if (room) memory.set(id, { publication, bytes });
    return room;
  };
  for (let i = 0; i < 4; i++) assert.ok(say(`loud ${i}`, 1n, 100));
  assert.not(say('loud 4', 1n, 100), 'more than there may be');
  assert.ok(say('quiet', 2n, 100));
  assert.equal(forgotten, [1n]);
  assert.ok(memory.get('loud 2') !== undefined && memory.get('loud 3') === undefined, 'the latest gave way');
  assert.not(say('large', 3n, 900), 'more than the one who said most');
  assert.ok(say('quiet too', 3n, 100));
  assert.not(say('loud 5', 1n, 50));
  memory.delete('quiet');
  assert.ok(say('loud 6', 1n, 50), 'there is room again');
  memory.clear();
  assert.ok(say('all', 4n, 1000));
  assert.not(say('one more', 5n, 1000));
});

test.run();
