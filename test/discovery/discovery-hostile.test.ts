// Whatever is written on the topic, a browser lists what is right and ignores the rest.

import { type FieldInit, PoolMetadata, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Announcement, decodeAnnouncement, encodeAnnouncement, MAX_ANNOUNCEMENT_BYTES } from '../../host/dds/announcement';
import { DdsParticipant, DdsPoolBrowser, DISCOVERY_QOS, DISCOVERY_TOPIC, DISCOVERY_TYPE } from '../../host/entry/dds';
import { DTYPE_NAMES } from '../../host/tensor/dtype';
import { hasLibrary } from '../dds/support/peers';
import { hasCode, poolName, until } from '../support/child';
import { Random } from '../support/random';
import { appeared, browse, nextDomain, produce } from './support/peers';

const test = suite('discovery-hostile');
const testWith = hasLibrary() ? test : test.skip;

const text = (random: Random, letters: string, least: number, most: number) =>
  Array.from({ length: random.integer(least, most) }, () => random.pick([...letters])).join('');

const SCALAR = { name: 'scalar', dtype: 'bool', shape: [] as number[] } as const;
const PIXELS = { name: 'pixels', dtype: 'uint8', shape: [4, 6, 3], encoding: 'bgr8' } as const;
const PACKETS = {
  name: 'packets',
  dtype: 'uint8',
  shape: [1],
  maxLength: 70_000,
  encoding: 'jpeg',
  frameId: 'kamera_ü',
} as const;

function randomAnnouncement(random: Random): Announcement {
  const letters = 'abcXYZ019_.-';
  const fields: FieldInit[] = Array.from({ length: random.integer(1, 5) }, (_, index) => ({
    name: `${index}${text(random, letters, 0, 20)}`,
    dtype: random.pick(DTYPE_NAMES),
    shape: Array.from({ length: random.integer(1, 6) }, () => random.integer(1, 9)),
    ...(index < 3 && random.next() < 0.5 && { maxLength: random.integer(1, 400_000) }),
    ...(random.next() < 0.5 && { unit: random.pick(['m', 'rad/s', '°C']) }),
    ...(random.next() < 0.5 && { frameId: text(random, letters, 1, 128) }),
  }));
  fields.push(random.pick([SCALAR, PIXELS, PACKETS]));
  return {
    id: text(random, '0123456789abcdef', 32, 32),
    metadata: new PoolMetadata({ name: text(random, letters, 1, 60), historyLen: random.integer(1, 100), fields }),
    host: text(random, letters, 0, 64),
    bootId: text(random, letters, 0, 36),
    pid: random.integer(1, 4_000_000),
    version: text(random, letters, 0, 20),
    startedAtMs: random.integer(0, 2 ** 42),
    framesPublished: random.integer(0, 2 ** 45),
    closed: random.next() < 0.5,
    layout: random.integer(1, 9),
    periodMs: random.pick([null, 0.5, 33.333333, 1000]),
  };
}

test('what is said is understood', () => {
  const random = new Random(1);
  for (let round = 0; round < 500; round++) {
    const announcement = randomAnnouncement(random);
    assert.equal(decodeAnnouncement(encodeAnnouncement(announcement)), announcement);
  }
});

test('the largest pool fits; nothing larger is made or read', () => {
  const fields = Array.from({ length: 256 }, (_, index) => ({
    name: String(index).padEnd(64, 'x'),
    dtype: 'float64' as const,
    shape: Array.from({ length: 32 }, () => 1),
  }));
  const base = randomAnnouncement(new Random(2));
  const metadata = new PoolMetadata({ name: 'n'.repeat(200), historyLen: 1, fields });
  const largest = { ...base, metadata, host: 'h'.repeat(255) };
  const bytes = encodeAnnouncement(largest);
  assert.ok(bytes.byteLength < MAX_ANNOUNCEMENT_BYTES);
  assert.equal(decodeAnnouncement(bytes), largest);
  assert.throws(() => encodeAnnouncement({ ...base, host: 'h'.repeat(MAX_ANNOUNCEMENT_BYTES) }), hasCode('INVALID_ARGUMENT'));
  const long = new Uint8Array(MAX_ANNOUNCEMENT_BYTES + 1);
  long.set(bytes);
  assert.throws(() => decodeAnnouncement(long), hasCode('CORRUPT_OBJECT'));
});

test('every sample that is cut short or too long is refused', () => {
  const bytes = encodeAnnouncement(randomAnnouncement(new Random(3)));
  for (let length = 0; length < bytes.length; length++)
    assert.throws(
      () => decodeAnnouncement(bytes.slice(0, length)),
      hasCode('CORRUPT_OBJECT'),
      `${length} of ${bytes.length} bytes`,
    );
  for (const [more, good] of [
    [0, true],
    [3, true],
    [4, false],
    [1000, false],
  ] as const) {
    const padded = new Uint8Array(bytes.length + more);
    padded.set(bytes);
    if (good) decodeAnnouncement(padded);
    else assert.throws(() => decodeAnnouncement(padded), hasCode('CORRUPT_OBJECT'));
  }
});

test('contradictions, control characters and other encodings are refused', () => {
  const good = randomAnnouncement(new Random(4));
  const bad: Partial<Announcement>[] = [
    { id: 'short' },
    { id: good.id.toUpperCase().replace(/[0-9]/g, 'A') },
    { host: 'lab\u001b[2J' },
    { host: 'two words' },
    { host: 'line\nbreak' },
    { host: 'h'.repeat(256) },
    { bootId: 'b'.repeat(65) },
    { version: '1\u0000' },
    { pid: -1 },
    { framesPublished: -5 },
    // What PoolMetadata would refuse, had it been asked.
    { metadata: Object.create(good.metadata, { name: { value: '../etc/passwd' } }) as PoolMetadata },
    { metadata: Object.create(good.metadata, { frameBytes: { value: good.metadata.frameBytes + 1 } }) as PoolMetadata },
    { metadata: Object.create(good.metadata, { historyLen: { value: 0 } }) as PoolMetadata },
    { metadata: Object.create(good.metadata, { fields: { value: [] } }) as PoolMetadata },
    {
      metadata: Object.create(good.metadata, {
        fields: { value: [{ name: 'data', dtype: 'complex128', shape: [1] }] },
      }) as PoolMetadata,
    },
    { layout: 0 },
    { periodMs: -1 },
    ...[
      { maxLength: 8 },
      { maxLength: 2 ** 32, shape: [2 ** 32] },
      { encoding: 'rgb8' },
      { encoding: 'no-such' },
      { unit: 'm\u001b[2J' },
      { unit: 'x'.repeat(33) },
      { frameId: 'two\nlines' },
    ].map((wrong) => {
      const frameBytes = 4 * (wrong.shape?.[0] ?? 9);
      const value = [{ name: 'data', dtype: 'float32', shape: [9], ...wrong }];
      return { metadata: Object.create(good.metadata, { fields: { value }, frameBytes: { value: frameBytes } }) as PoolMetadata };
    }),
    {
      metadata: Object.create(good.metadata, {
        fields: { value: [{ name: 'data', dtype: 'uint8', shape: [2 ** 50] }] },
      }) as PoolMetadata,
    },
  ];
  for (const change of bad)
    assert.throws(
      () => decodeAnnouncement(encodeAnnouncement({ ...good, ...change })),
      hasCode('CORRUPT_OBJECT'),
      JSON.stringify(change),
    );
  for (const kind of [0, 3, 6, 7, 9, 11, 255]) {
    const bytes = encodeAnnouncement(good);
    bytes[1] = kind;
    assert.throws(() => decodeAnnouncement(bytes), hasCode('CORRUPT_OBJECT'), `encoding ${kind}`);
  }
});

test('damaged samples are refused or are announcements, and nothing else', () => {
  const random = new Random(5);
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = encodeAnnouncement(randomAnnouncement(random));
    for (let changes = random.integer(1, 4); changes > 0; changes--) {
      const at = random.integer(0, bytes.length - 1);
      const kind = random.integer(0, 2);
      if (kind === 0) bytes[at] = random.integer(0, 255);
      else if (kind === 1) bytes.fill(255, at, at + 4);
      else bytes.set(random.bytes(Math.min(8, bytes.length - at)), at);
    }
    try {
      const { metadata, host } = decodeAnnouncement(bytes);
      // It has been through all checks: making it again changes nothing.
      assert.equal(new PoolMetadata(metadata), metadata);
      assert.not.match(host, /[^\x21-\x7e]/);
    } catch (error) {
      if (!(error instanceof Error) || !hasCode('CORRUPT_OBJECT')(error)) throw error;
      refused += 1;
    }
  }
  assert.ok(refused > 10_000 && refused < 20_000, `${refused} refused`);
});

testWith('garbage on the topic: counted, and the pools beside it stay', async () => {
  const domainId = nextDomain();
  const random = new Random(6);
  const name = poolName('discovery-garbage');
  await using browser = await browse(domainId);
  await using producer = await produce(domainId, name);
  const { id } = await appeared(browser, name);
  using participant = DdsParticipant.shared({ domainId });
  const topic = participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
  using writer = participant.writer(topic, { ...DISCOVERY_QOS.writer, maxBlockingMs: 10_000, history: 'all' });
  await until(() => writer.matchedReaders > 0, 'the browser was found');
  // Behind a key of its own, so that none replaces another: each has to be looked at.
  const rounds = 2000;
  for (let round = 0; round < rounds; round++) {
    const key = round.toString(16).padStart(32, '0');
    const whole = encodeAnnouncement({ ...randomAnnouncement(random), id: key });
    const keyBytes = 4 + 4 + 33;
    const kept = whole.slice(0, random.integer(keyBytes, whole.length - 8));
    const tail = round % 2 === 0 ? random.bytes(random.integer(0, 2000)) : new Uint8Array(random.integer(0, 64)).fill(255);
    const bytes = new Uint8Array(kept.length + tail.length + 4);
    bytes.set(kept);
    bytes.set(tail, kept.length);
    bytes.fill(255, bytes.length - 4);
    writer.write(bytes);
  }
  // The key itself is refused where it is written.
  assert.throws(() => writer.write(random.bytes(40)), hasCode('INVALID_ARGUMENT'));
  assert.ok(await writer.waitForAcknowledgments(30_000));
  let ignored = 0;
  for (let tries = 0; ignored < rounds && tries < 200; tries++) {
    browser.send('ignored');
    ignored = Number((await browser.find(/^ignored /)).slice(8));
  }
  assert.is(ignored, rounds);
  browser.send('pools');
  const pools = JSON.parse((await browser.find(/^pools /)).slice(6)) as { id: string }[];
  assert.equal(
    pools.map((pool) => pool.id),
    [id],
  );
  await producer.leave();
  await browser.find(`gone ${name} ${id} closed`);
  await browser.leave();
});

testWith('garbage under another idea of the type does not get as far as that', async () => {
  const domainId = nextDomain();
  const random = new Random(7);
  const name = poolName('discovery-type');
  await using browser = await browse(domainId);
  using participant = DdsParticipant.shared({ domainId });
  // The same name, and a key that any eight bytes are.
  const topic = participant.topic(DISCOVERY_TOPIC, { ...DISCOVERY_TYPE, keyed: 'int64' });
  using writer = participant.writer(topic, { ...DISCOVERY_QOS.writer, maxBlockingMs: 10_000, history: 'all' });
  await until(() => writer.matchedReaders > 0, 'the browser was found');
  for (let round = 0; round < 1000; round++) {
    const bytes = random.bytes(12 + random.integer(0, 300));
    bytes.set([0, 1, 0, 0]);
    writer.write(bytes);
  }
  await writer.waitForAcknowledgments(10_000);
  await using producer = await produce(domainId, name);
  await appeared(browser, name);
  await producer.leave();
  await browser.leave();
});

testWith('more pools than anybody has: the first are kept', async () => {
  const domainId = nextDomain();
  using browser = new DdsPoolBrowser({ domainId });
  using participant = DdsParticipant.shared({ domainId });
  const topic = participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
  const writer = participant.writer(topic, DISCOVERY_QOS.writer);
  const good = randomAnnouncement(new Random(8));
  const write = (number: number, closed: boolean) =>
    writer.write(encodeAnnouncement({ ...good, id: number.toString(16).padStart(32, '0'), closed }));
  for (let number = 0; number < 4200; number++) {
    write(number, false);
    // The browser's reader keeps so many, and its writer here does not wait.
    if (number % 256 === 0) browser.pools();
  }
  await until(() => browser.pools().length === 4096 && browser.ignored === 104, '4096 were listed and 104 ignored');
  // There is room again once some have gone.
  for (let number = 0; number < 200; number++) write(number, true);
  await until(() => browser.pools().length === 3896, '200 were gone');
  write(4199, false);
  await until(() => browser.pools().length === 3897, 'another was listed');
  writer.close();
  await until(() => browser.pools().length === 0, 'all were gone with their writer');
});

testWith('listeners may ask for the pools: the order of events is that of the samples', async () => {
  const domainId = nextDomain();
  using browser = new DdsPoolBrowser({ domainId });
  using participant = DdsParticipant.shared({ domainId });
  const topic = participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
  using writer = participant.writer(topic, DISCOVERY_QOS.writer);
  const good = randomAnnouncement(new Random(9));
  const ids = Array.from({ length: 300 }, (_, number) => number.toString(16).padStart(32, '0'));
  const alive = new Set<string>();
  let wrong = 0;
  let asked = 0;
  browser.on('pool', ({ id }) => {
    // While this listener runs, samples arrive that end the pools after this one.
    if (asked === 0) for (const other of ids) writer.write(encodeAnnouncement({ ...good, id: other, closed: true }));
    if (alive.has(id)) wrong += 1;
    alive.add(id);
    asked += browser.pools().length;
  });
  browser.on('gone', ({ id }) => {
    if (!alive.delete(id)) wrong += 1;
    browser.pools();
  });
  for (const id of ids) writer.write(encodeAnnouncement({ ...good, id, closed: false }));
  await until(() => asked > 0 && browser.pools().length === 0, 'all had come and gone');
  assert.is(wrong, 0);
  assert.is(alive.size, 0);
  // One that closes it in the middle of its news hears nothing more.
  let heard = 0;
  browser.on('pool', () => {
    heard += 1;
    browser.close();
  });
  for (const id of ids) writer.write(encodeAnnouncement({ ...good, id, closed: false }));
  await until(() => browser.closed, 'it was closed');
  assert.is(heard, 1);
  assert.equal(browser.pools(), []);
});

testWith('what the condition of wait throws is the answer', async () => {
  const domainId = nextDomain();
  using browser = new DdsPoolBrowser({ domainId });
  const refusing = browser.wait(60_000, () => {
    throw new Error('as it was told');
  });
  using producer = TensorProducer.fromSample(poolName('discovery-throw'), new Float32Array(1), { discovery: 'dds', domainId });
  const message = await refusing.then(
    () => 'nothing',
    (error: Error) => error.message,
  );
  assert.is(message, 'as it was told');
  assert.is((await browser.wait())?.name, producer.name);
});

testWith('a producer is not disturbed by what others write', async () => {
  const domainId = nextDomain();
  const name = poolName('discovery-spoof');
  using producer = TensorProducer.fromSample(name, new Float32Array(3), { discovery: 'dds', domainId });
  using browser = new DdsPoolBrowser({ domainId });
  const pool = await browser.wait(60_000, (candidate) => candidate.name === name);
  if (pool === null) throw new Error('not found');
  using participant = DdsParticipant.shared({ domainId });
  const topic = participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
  using writer = participant.writer(topic, DISCOVERY_QOS.writer);
  await until(() => writer.matchedReaders > 0, 'the browser has been found');
  let gone = 0;
  browser.on('gone', () => {
    gone += 1;
  });
  // Who did not announce it has no say in it: not that it is closed, nor what it is.
  writer.write(encodeAnnouncement({ ...pool, closed: true }));
  await until(() => browser.ignored === 1, 'the lie was heard');
  writer.write(encodeAnnouncement({ ...pool, host: 'elsewhere', closed: false }));
  await until(() => browser.ignored === 2, 'the other lie was heard');
  // One who leaves disposes of its instances, unless it says otherwise.
  const leaving = participant.writer(topic, { ...DISCOVERY_QOS.writer, writerDataLifecycle: true });
  await until(() => leaving.matchedReaders > 0, 'the browser has been found again');
  leaving.write(encodeAnnouncement({ ...pool, host: 'elsewhere', closed: false }));
  await until(() => browser.ignored === 3, 'it was heard as well');
  leaving.close();
  assert.is(producer.put(new Float32Array(3)), 0);
  await until(() => browser.pools()[0]?.framesPublished === 1, 'its own announcements go on');
  assert.is(gone, 0);
  assert.is(browser.pools()[0]?.host, pool.host);
});

test.run();
