// What writers and readers promise within one process: waiting, delivery, ends, QoS, keys, and what is refused.

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DdsParticipant, type DdsSample, POOL_PROGRESS_TYPE } from '../../host/entry/dds';
import { hasCode, sleep, until } from '../support/child';
import { DOMAIN, hasLibrary, hex, OUR_PEER } from './support/peers';

const test = suite('dds-api');
const testWith = hasLibrary() ? test : test.skip;
const RELIABLE = { reliability: 'reliable', history: 'all' } as const;

let count = 0;
const topicName = () => `tensoripc_api${process.pid}${count++}`;
const open = () => DdsParticipant.shared({ domainId: DOMAIN });

/** A sample of POOL_PROGRESS_TYPE: pool "w0". */
function sample(frame: number): Uint8Array {
  const bytes = Buffer.from('0001000003000000773000000000000000000000', 'hex');
  bytes.writeBigInt64LE(BigInt(frame), 12);
  return bytes;
}
const frameOf = ({ data }: DdsSample) => Number(Buffer.from(data).readBigInt64LE(12));

testWith('samples: taken in order with what is known of them', () => {
  using participant = open();
  const topic = participant.topic(topicName(), POOL_PROGRESS_TYPE, RELIABLE);
  using writer = participant.writer(topic);
  using reader = participant.reader(topic);
  assert.is(writer.matchedReaders, 1);
  assert.is(reader.matchedWriters, 1);
  assert.equal(reader.liveliness, { alive: 1, notAlive: 0 });
  const before = BigInt(Date.now()) * 1_000_000n;
  for (let frame = 0; frame < 200; frame++) writer.write(sample(frame));
  const first = reader.take(3);
  assert.equal(first.map(frameOf), [0, 1, 2]);
  assert.equal([first[0]?.valid, first[0]?.state, first[0]?.publication], [true, 'alive', writer.publication]);
  assert.ok((first[0] as DdsSample).sourceTimestampNs >= before);
  assert.equal(
    reader.take().map(frameOf),
    Array.from({ length: 197 }, (_, index) => index + 3),
  );
  assert.equal(reader.take(), []);
  writer.close();
  const [end] = reader.take();
  assert.equal([end?.valid, end?.state], [false, 'disposed']);
  assert.throws(() => writer.write(sample(0)), hasCode('CLOSED'));
  reader.close();
  assert.throws(() => reader.take(), hasCode('CLOSED'));
});

testWith('waiting: next, its time limit and signal, loops, and the close that ends them', async () => {
  using participant = open();
  const topic = participant.topic(topicName(), POOL_PROGRESS_TYPE, RELIABLE);
  using writer = participant.writer(topic, { writerDataLifecycle: false });
  using reader = participant.reader(topic);
  assert.is(await reader.next({ timeoutMs: 20 }), null);
  const waiting = reader.next();
  writer.write(sample(1));
  assert.is(frameOf((await waiting) as DdsSample), 1);
  const abort = new AbortController();
  const aborted = reader.next({ signal: abort.signal });
  abort.abort(new Error('enough'));
  await aborted.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'enough'),
  );
  for (let frame = 0; frame < 1000; frame++) writer.write(sample(frame));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const frames: number[] = [];
  for await (const one of reader) {
    frames.push(frameOf(one));
    if (frames.length === 1000) break;
  }
  clearInterval(timer);
  assert.equal(frames, [...frames.keys()]);
  assert.ok(turns > 0, 'the event loop had turns');
  const over = reader.next();
  reader.close();
  assert.is(await over, null);
});

testWith('listeners get everything, also after more wake-ups than a pipe holds', async () => {
  using participant = open();
  const topic = participant.topic(topicName(), POOL_PROGRESS_TYPE, RELIABLE);
  using writer = participant.writer(topic);
  using reader = participant.reader(topic);
  writer.write(sample(0));
  const frames: number[] = [];
  const stop = reader.onData((samples) => frames.push(...samples.map(frameOf)));
  await until(() => frames.length === 1, 'what was there before');
  for (let frame = 1; frame < 20_000; frame++) writer.write(sample(frame));
  await until(() => frames.length === 20_000, 'all of them');
  assert.ok(frames.every((frame, index) => frame === index));
  await sleep(50);
  writer.write(sample(20_000));
  await until(() => frames.length === 20_001, 'a wake-up after the pipe was full');
  stop();
  writer.write(sample(20_001));
  await sleep(20);
  assert.is(frames.length, 20_001);
  assert.is(reader.take().length, 1);
});

testWith('late readers are sent what the writer keeps for them', async () => {
  using participant = open();
  const topic = participant.topic(topicName(), POOL_PROGRESS_TYPE, { ...RELIABLE, durability: 'transient-local' });
  using writer = participant.writer(topic, { durabilityHistory: 4 });
  for (let frame = 0; frame < 9; frame++) writer.write(sample(frame));
  using reader = participant.reader(topic);
  const frames: number[] = [];
  while (frames.length < 4) frames.push(frameOf((await reader.next()) as DdsSample));
  assert.equal(frames, [5, 6, 7, 8]);
});

testWith('types by name: opaque bytes of any length, and keys', () => {
  using participant = open();
  const opaque = participant.topic(topicName(), { name: 'test::Anything_' }, RELIABLE);
  using writer = participant.writer(opaque);
  using reader = participant.reader(opaque);
  for (const bytes of [1, 5, 1000, 65_532, 65_536, 6_220_800]) {
    const sent = new Uint8Array(4 + bytes).fill(0xa5);
    sent.set([0, 1, 0, 0]);
    writer.write(sent);
    const data = reader.take()[0]?.data as Uint8Array;
    assert.ok(Buffer.from(data.subarray(4, 4 + bytes)).equals(sent.subarray(4)), `${bytes} bytes`);
  }
  const keyed = participant.topic(
    topicName(),
    { name: 'test::Keyed_', keyed: 'string' },
    { reliability: 'reliable', history: 1 },
  );
  using keyedWriter = participant.writer(keyed);
  using keyedReader = participant.reader(keyed);
  // Keys "a", "b", "a": the last of each stays.
  const of = (key: string, value: number) =>
    Uint8Array.from([0, 1, 0, 0, 2, 0, 0, 0, key.charCodeAt(0), 0, 0, 0, value, 0, 0, 0]);
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ] as const)
    keyedWriter.write(of(key, value));
  const taken = keyedReader.take();
  assert.equal(taken.map(({ data }) => hex(data)).sort(), [hex(of('a', 3)), hex(of('b', 2))].sort());
  assert.is(new Set(taken.map(({ instance }) => instance)).size, 2);
});

testWith('what is not of the type is refused', () => {
  using participant = open();
  const topic = participant.topic(topicName(), POOL_PROGRESS_TYPE);
  using writer = participant.writer(topic);
  for (const bad of [
    '',
    '0001',
    '00010000',
    '0001000003000000',
    '00010000ff000000773000',
    '0011000003000000773000000100000000000000',
  ])
    assert.throws(() => writer.write(Buffer.from(bad, 'hex')), hasCode('INVALID_ARGUMENT'), bad);
});

testWith('one participant for all, with one configuration', () => {
  const first = open();
  const second = open();
  assert.is(first, second);
  // One that every machine allows: not each has multicast.
  const configuration = '<CycloneDDS><Domain><General><AllowMulticast>false</AllowMulticast></General></Domain></CycloneDDS>';
  assert.throws(() => DdsParticipant.shared({ domainId: DOMAIN, configuration }), hasCode('INVALID_ARGUMENT'));
  first.close();
  assert.not.ok(second.closed);
  second.close();
  assert.ok(second.closed);
  assert.throws(() => second.topic('x', POOL_PROGRESS_TYPE), hasCode('CLOSED'));
  const other = DdsParticipant.shared({ domainId: DOMAIN, configuration });
  assert.is(other.configuration, configuration);
  other.close();
  assert.throws(() => DdsParticipant.shared({ domainId: DOMAIN, configuration: '<Nonsense' }), hasCode('DDS'));
  assert.throws(() => DdsParticipant.shared({ domainId: 233 }), hasCode('INVALID_ARGUMENT'));
});

test('a library that is not there is one clear error', () => {
  const { status, stderr } = spawnSync(process.execPath, ['--no-warnings', OUR_PEER, '1', 'x', 'reader'], {
    encoding: 'utf8',
    env: { ...process.env, TENSOR_IPC_DDSC: '/nonexistent/libddsc.so' },
  });
  assert.is(status, 1);
  assert.match(stderr, /MISSING_DEPENDENCY/);
  assert.match(stderr, /\/nonexistent\/libddsc\.so.*sudo apt install libddsc0debian/);
});

test.run();
