// Whoever may write to a topic or to /dev/shm may write anything: one clear error each, and the consumer works again afterwards.

import { chmodSync, chownSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DdsParticipant, POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../../host/entry/dds';
import { decodeMetadata, decodeProgress, encodeMetadata, encodeProgress } from '../../host/wire/messages';
import { ownCount } from '../../host/wire/participants';
import { hasCode, until } from '../support/child';
import { Random } from '../support/random';
import { WIRE_DOMAIN, type WirePool } from '../wire/support/peers';
import { wireObjects } from '../wire/support/shm';
import { configureHere } from './support/ours';
import { HERE, smallPool } from './support/pools';
import { newest } from './support/rounds';
import { metadataOf, seenIn, tensorOf } from './support/tensors';

const NOBODY = 65534;
const MUTATIONS = Number(process.env['WIRE_MUTATIONS'] ?? 3000);
const SENT = Number(process.env['WIRE_SENT'] ?? 300);

configureHere();
const random = new Random(Number(process.env['WIRE_SEED'] ?? 11));

/** Truncated, lengthened, with bits turned, with huge numbers, or nothing but noise. */
function mutated(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = () => random.integer(0, copy.length - 1);
  const way = random.integer(0, 4);
  if (way === 0) return copy.subarray(0, at());
  if (way === 1) return random.bytes(random.integer(0, 200));
  const word = new DataView(copy.buffer);
  const times = random.integer(1, 4);
  for (let i = 0; i < times; i++) {
    if (way === 2) copy[at()] = random.integer(0, 255);
    else if (way === 3)
      word.setUint32(4 * random.integer(0, (copy.length >> 2) - 1), random.pick([0, 0xffffffff, 0x7fffffff, 65536]), true);
    else copy[at()] = (copy[at()] as number) ^ (1 << random.integer(0, 7));
  }
  return copy;
}

function heldBytes(what: WirePool) {
  return [encodeMetadata(metadataOf(what), 4242), encodeProgress(what.name, 1)] as const;
}

/** Says of a pool what only its producer should. */
function openMetadataWriter(participant: DdsParticipant, { name }: WirePool) {
  return participant.writer(participant.topic(`tensoripc_${name}_meta`, POOL_METADATA_TYPE), POOL_QOS.metadataWriter);
}

/** What get throws, once it does. */
async function thrownByGet(consumer: TensorConsumer, label: string): Promise<Error> {
  const thrown: Error[] = [];
  await until(() => {
    try {
      consumer.get();
    } catch (error) {
      thrown.push(error as Error);
    }
    return thrown.length > 0;
  }, label);
  return thrown[0] as Error;
}

/** Puts until the consumer, which may have to connect again, has the frame. */
async function untilPutIsSeen(producer: TensorProducer, consumer: TensorConsumer, what: WirePool, seed: number): Promise<void> {
  await until(() => {
    producer.put(tensorOf(what, seed));
    return newest(consumer, what) === seed;
  }, `frame ${seed} is seen`);
}

test('the decoders read what is meant or throw CORRUPT_OBJECT, and nothing else', () => {
  const what = smallPool('decode');
  const [metadata, progress] = heldBytes(what);
  let refused = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    for (const attempt of [
      () => decodeMetadata(what.name, mutated(metadata)),
      () => decodeProgress(what.name, mutated(progress)),
    ]) {
      try {
        attempt();
      } catch (error) {
        assert.ok(hasCode('CORRUPT_OBJECT')(error as Error), String(error));
        refused += 1;
      }
    }
  }
  assert.ok(refused > MUTATIONS / 2);
});

test('metadata within its format that no pool can have, and messages larger than they need be, are refused', () => {
  const good = metadataOf(smallPool('table', { dtype: 'float32', history_len: 3 }));
  const change = (overrides: Readonly<Record<string, unknown>>) =>
    Object.create(good, Object.fromEntries(Object.entries(overrides).map(([key, value]) => [key, { value }]))) as typeof good;
  assert.is(String(decodeMetadata(good.name, encodeMetadata(good, 1)).metadata), String(good));
  assert.is(String(decodeMetadata(good.name, encodeMetadata(good, 1, 'x'.repeat(60_000))).metadata), String(good));
  const ofNone = encodeMetadata(good, 1);
  const seven = ofNone.findIndex((byte, at) => byte === 7 && ofNone.subarray(at + 1, at + 8).every((next) => next === 0));
  ofNone[seven] = 0;
  const bad: Readonly<Record<string, Uint8Array>> = {
    'a payload of 64 KiB': encodeMetadata(good, 1, 'x'.repeat(65_536)),
    'a dtype of no backend': encodeMetadata(change({ dtype: 'float16', frameBytes: 14 }), 1),
    'a dtype that is long': encodeMetadata(change({ dtype: 'f'.repeat(5000) }), 1),
    'a dtype of the other backend': encodeMetadata(change({ backend: 'torch', dtype: 'uint16', frameBytes: 14 }), 1),
    'a backend of nobody': encodeMetadata(change({ backend: 'toString' }), 1),
    'a history of none': encodeMetadata(change({ historyLen: 0 }), 1),
    'a history below none': encodeMetadata(change({ historyLen: -3 }), 1),
    'a history of 2^52': encodeMetadata(change({ historyLen: 2 ** 52, frameBytes: 0 }), 1),
    'a length of none': ofNone,
    'a length below none': encodeMetadata(change({ shape: [-7] }), 1),
    'lengths whose product is no number': encodeMetadata(change({ shape: Array(32).fill(2 ** 50), frameBytes: 0 }), 1),
    'more dimensions than numpy has': encodeMetadata(change({ shape: Array(33).fill(1), frameBytes: 4 }), 1),
    'a producer below none': encodeMetadata(good, -1),
  };
  for (const [what, bytes] of Object.entries(bad))
    assert.throws(() => decodeMetadata(good.name, bytes), hasCode('CORRUPT_OBJECT'), what);
  const long = new Uint8Array(513);
  long.set(encodeProgress(good.name, 1));
  assert.throws(() => decodeProgress(good.name, long), hasCode('CORRUPT_OBJECT'));
  assert.throws(() => decodeProgress(good.name, encodeProgress(good.name, -1)), hasCode('CORRUPT_OBJECT'));
});

test('noise on both topics: errors with codes, no crash, and the true producer is heard again', async () => {
  const what = smallPool('noise');
  using participant = DdsParticipant.shared({ domainId: WIRE_DOMAIN });
  using metadataWriter = openMetadataWriter(participant, what);
  using progressWriter = participant.writer(
    participant.topic(`tensoripc_${what.name}_progress`, POOL_PROGRESS_TYPE),
    POOL_QOS.progressWriter,
  );
  using producer = new TensorProducer(metadataOf(what), HERE);
  using consumer = new TensorConsumer(metadataOf(what), HERE);
  const codes = new Set<string>();
  consumer.on('error', (error) => void codes.add(error instanceof TensorIpcError ? error.code : `not ours: ${error}`));
  const heard: unknown[] = [];
  consumer.on('frame', (frame) => void heard.push(seenIn(frame, what)[0]));
  await until(() => consumer.get() !== null || consumer.connected, 'they have met');
  const [metadata, progress] = heldBytes(what);
  let written = 0;
  for (let i = 0; i < SENT; i++) {
    for (const [writer, bytes] of [
      [metadataWriter, metadata],
      [progressWriter, progress],
    ] as const) {
      try {
        writer.write(mutated(bytes));
        written += 1;
      } catch (error) {
        // Cyclone checks what it is given against the type.
        assert.ok(error instanceof TensorIpcError && ['INVALID_ARGUMENT', 'DDS'].includes(error.code), String(error));
      }
    }
    try {
      consumer.get({ historyLen: 1 + (i % 3) });
    } catch (error) {
      assert.instance(error, TensorIpcError);
      codes.add((error as TensorIpcError).code);
    }
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  // Numbers that CDR can hold and a pool cannot mean.
  for (const slot of [-1, 3, 2 ** 40]) progressWriter.write(encodeProgress(what.name, slot));
  progressWriter.write(encodeProgress('another', 1));
  metadataWriter.write(encodeMetadata(metadataOf({ ...what, name: `${what.name}x` }), 1));
  metadataWriter.write(encodeMetadata(metadataOf({ ...what, shape: [8] }), 1));
  await until(() => {
    try {
      producer.put(tensorOf(what, 77));
      const frame = consumer.get();
      return frame !== null && seenIn(frame, what)[0] === 77;
    } catch (error) {
      assert.instance(error, TensorIpcError);
      codes.add((error as TensorIpcError).code);
      return false;
    }
  }, 'the true producer is heard again');
  assert.ok(written > SENT / 10, `${written} written`);
  assert.ok(codes.has('CORRUPT_OBJECT'));
  const allowed = ['CORRUPT_OBJECT', 'SHAPE_MISMATCH', 'DTYPE_MISMATCH', 'HISTORY_MISMATCH', 'TRUNCATED_OBJECT'];
  assert.equal(
    [...codes].filter((code) => !allowed.includes(code)),
    [],
  );
  const before = heard.length;
  producer.put(tensorOf(what, 78));
  await until(() => heard.length > before && heard.at(-1) === 78, 'listeners hear it too');
});

test('a planted object of another size or mode is refused by the consumer and the producer, and forgotten when it is gone', async () => {
  const what = smallPool('planted');
  const path = `/dev/shm/tensoripc_${what.name}`;
  using participant = DdsParticipant.shared({ domainId: WIRE_DOMAIN });
  using writer = openMetadataWriter(participant, what);
  using consumer = new TensorConsumer(metadataOf(what), HERE);
  const cases = [
    ['TRUNCATED_OBJECT', () => truncateSync(path, 83)],
    ['TRUNCATED_OBJECT', () => truncateSync(path, 85)],
    ['TRUNCATED_OBJECT', () => truncateSync(path, 0)],
    ['UNSAFE_MODE', () => chmodSync(path, 0o666)],
    ['UNSAFE_MODE', () => chmodSync(path, 0o620)],
  ] as const;
  for (const [code, spoil] of cases) {
    writeFileSync(path, new Uint8Array(84), { mode: 0o600 });
    spoil();
    writer.write(encodeMetadata(metadataOf(what), process.pid));
    const found = await thrownByGet(consumer, `${code} is told`);
    assert.ok(hasCode(code)(found), String(found));
    if (code === 'UNSAFE_MODE') assert.match(found.message, `${path} has mode`);
    if (code === 'UNSAFE_MODE') assert.throws(() => new TensorProducer(metadataOf(what), HERE), hasCode(code));
    rmSync(path);
    assert.is(consumer.get(), null);
  }
  using producer = new TensorProducer(metadataOf(what), HERE);
  await untilPutIsSeen(producer, consumer, what, 5);
});

test('a planted object of another owner is refused by both sides, under its own name, and left alone', async () => {
  if (process.getuid?.() !== 0) {
    console.log('skip: a second owner needs root; run the tests as root, as CI does');
    return;
  }
  const what = smallPool('owner');
  const path = `/dev/shm/tensoripc_${what.name}`;
  using participant = DdsParticipant.shared({ domainId: WIRE_DOMAIN });
  using writer = openMetadataWriter(participant, what);
  using consumer = new TensorConsumer(metadataOf(what), HERE);
  using trusting = new TensorConsumer(metadataOf(what), { ...HERE, trust: 'any' });
  writeFileSync(path, new Uint8Array(84), { mode: 0o600 });
  chownSync(path, NOBODY, NOBODY);
  writer.write(encodeMetadata(metadataOf(what), process.pid));
  const found = await thrownByGet(consumer, 'its owner is told');
  const named = new RegExp(`${path} belongs to uid ${NOBODY}`);
  assert.ok(hasCode('FOREIGN_OBJECT')(found), String(found));
  assert.match(found.message, named);
  assert.throws(
    () => new TensorProducer(metadataOf(what), HERE),
    (error: Error) => hasCode('FOREIGN_OBJECT')(error) && named.test(error.message),
  );
  assert.is(statSync(path).uid, NOBODY);
  await until(() => trusting.get() !== null || trusting.connected, 'whoever trusts anybody takes it');
});

test('a producer that DDS refuses its writer leaves nothing behind, and the next one works', async () => {
  const what = smallPool('refused');
  {
    // In one participant a topic has one QoS.
    using participant = DdsParticipant.shared({ domainId: WIRE_DOMAIN });
    participant.topic(`tensoripc_${what.name}_progress`, POOL_PROGRESS_TYPE, { durability: 'transient-local' });
    for (let times = 0; times < 3; times++) {
      assert.throws(() => new TensorProducer(metadataOf(what), HERE), hasCode('DDS'));
      assert.equal(wireObjects(what.name), []);
      assert.is(ownCount(what.name), 0);
    }
    assert.not(readFileSync('/proc/self/maps', 'utf8').includes(`tensoripc_${what.name}`));
  }
  using producer = new TensorProducer(metadataOf(what), HERE);
  using consumer = new TensorConsumer(metadataOf(what), HERE);
  await untilPutIsSeen(producer, consumer, what, 6);
});

test('a pool that is not what is expected is refused with what differs', async () => {
  const what = smallPool('expected', { shape: [2, 3], dtype: 'int32' });
  using producer = new TensorProducer(metadataOf(what), HERE);
  producer.put(tensorOf(what, 1));
  for (const [code, other] of [
    ['SHAPE_MISMATCH', { shape: [3, 2] }],
    ['DTYPE_MISMATCH', { dtype: 'float32' }],
    ['DTYPE_MISMATCH', { backend: 'torch' }],
    ['HISTORY_MISMATCH', { history_len: 4 }],
  ] as const) {
    // Once the producer has said what it is; before, it is taken for nothing.
    const consumer = new TensorConsumer(metadataOf({ ...what, ...other }), HERE);
    const found = await thrownByGet(consumer, `${code} is told`);
    assert.ok(hasCode(code)(found), String(found));
    consumer.cleanup();
  }
});

test.run();
