// Another user's files in place of a Python pool's locks: nobody is killed by them, nobody takes them, and a reader makes none on the word
// of strangers.

import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DdsParticipant, POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../../host/entry/dds';
import { encodeMetadata, encodeProgress } from '../../host/wire/messages';
import { Child, hasCode, sleep, until } from '../support/child';
import { WIRE_DOMAIN, type WirePool } from '../wire/support/peers';
import { wireObjects } from '../wire/support/shm';
import { configureHere } from '../wire-interop/support/ours';
import { HERE, pool, smallPool } from '../wire-interop/support/pools';
import { metadataOf, seenIn, tensorOf } from '../wire-interop/support/tensors';

const NOBODY = 65534;
const SEMAPHORE_BYTES = 32;
const COUNTER_BYTES = 8;
const KINDS = ['mutex', 'wrt', 'readtry', 'cnt'] as const;
type Kind = (typeof KINDS)[number];

configureHere();
const root = process.getuid?.() === 0;
if (!root) console.log('skip: a second user needs root; run the tests as root, as CI does');
const testAsRoot = root ? test : test.skip;

function lockFile(name: string, slot: number, kind: Kind): string {
  return `/dev/shm/${kind === 'cnt' ? '' : 'sem.'}tensoripc_${name}_f${slot}_${kind}`;
}

function bytesOf(kind: Kind): number {
  return kind === 'cnt' ? COUNTER_BYTES : SEMAPHORE_BYTES;
}

/** Runs a line of shell as another user. */
function asNobody(line: string): void {
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const { status, stderr } = spawnSync('setpriv', [...ids, 'sh', '-c', line], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
}

/** What another user may put under a lock's name. A semaphore of zeros is one that is taken. */
const PLANTS: Readonly<Record<string, (path: string, bytes: number) => string>> = {
  'an empty file': (path) => `: > ${path}`,
  'a truncated file': (path, bytes) => `truncate -s ${bytes - 1} ${path}`,
  'a file of full size': (path, bytes) => `truncate -s ${bytes} ${path}; chmod 666 ${path}`,
  'a link to a file of this user': (path) => `ln -s /etc/hostname ${path}`,
  'a FIFO': (path) => `mkfifo -m 666 ${path}`,
  'a folder': (path) => `mkdir ${path}`,
};

interface Outcome {
  readonly byte?: number;
  readonly code?: string;
  readonly message?: string;
}

async function reader(): Promise<Child> {
  const child = new Child('wire-reader');
  await child.receive();
  return child;
}

async function read(child: Child, name: string): Promise<Outcome> {
  return (await child.ask<{ value: Outcome }>({ read: name, domainId: WIRE_DOMAIN })).value;
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

testAsRoot("a consumer survives another user's files in place of each lock, and takes none", async () => {
  await using child = await reader();
  for (const [what, plant] of Object.entries(PLANTS)) {
    for (const kind of KINDS) {
      const { name, ...rest } = pool('foreign', { shape: [8], dtype: 'uint8', history_len: 1 } as const);
      using producer = new TensorProducer(metadataOf({ name, ...rest }), HERE);
      producer.put(new Uint8Array(8).fill(7));
      const path = lockFile(name, 0, kind);
      remove(path);
      asNobody(plant(path, bytesOf(kind)));
      const { code, message } = await read(child, name);
      assert.is(code, 'FOREIGN_OBJECT', `${what}, ${kind}: ${message}`);
      assert.ok(message?.includes(path), message);
      remove(path);
    }
  }
  const { name, ...rest } = pool('after', { shape: [8], dtype: 'uint8', history_len: 1 } as const);
  using producer = new TensorProducer(metadataOf({ name, ...rest }), HERE);
  producer.put(new Uint8Array(8).fill(9));
  assert.equal(await read(child, name), { byte: 9 });
});

test("this user's locks are held to their size and mode", async () => {
  await using child = await reader();
  for (const kind of KINDS) {
    const { name, ...rest } = pool('own', { shape: [8], dtype: 'uint8', history_len: 1 } as const);
    using producer = new TensorProducer(metadataOf({ name, ...rest }), HERE);
    producer.put(new Uint8Array(8).fill(7));
    const path = lockFile(name, 0, kind);
    chmodSync(path, 0o622);
    assert.is((await read(child, name)).code, 'UNSAFE_MODE', kind);
    chmodSync(path, 0o600);
    assert.equal(await read(child, name), { byte: 7 });
    // Another file, so that the producer's own mapping keeps its page.
    remove(path);
    writeFileSync(path, new Uint8Array(bytesOf(kind)), { mode: 0o600 });
    truncateSync(path, bytesOf(kind) - 1);
    const { code, message } = await read(child, name);
    assert.is(code, 'TRUNCATED_OBJECT', `${kind}: ${message}`);
    assert.match(message ?? '', `${bytesOf(kind) - 1} bytes, expected ${bytesOf(kind)}`);
  }
});

testAsRoot("a producer does not take another user's locks: one error, and it works once they are gone", () => {
  for (const [what, plant] of Object.entries(PLANTS)) {
    for (const kind of KINDS) {
      const spec = pool('adopt', { shape: [8], dtype: 'uint8', history_len: 2 } as const);
      const path = lockFile(spec.name, 1, kind);
      using producer = new TensorProducer(metadataOf(spec), HERE);
      producer.put(new Uint8Array(8).fill(7));
      // The locks of the next slot are not made yet.
      asNobody(plant(path, bytesOf(kind)));
      const before = wireObjects(spec.name);
      for (let times = 0; times < 2; times++)
        assert.throws(() => producer.put(new Uint8Array(8)), hasCode('FOREIGN_OBJECT'), `${what}, ${kind}`);
      assert.equal(wireObjects(spec.name), before, 'what it had made of that slot is removed');
      assert.is(statSync(path, { throwIfNoEntry: true })?.uid === NOBODY || what.startsWith('a link'), true);
      remove(path);
      assert.is(producer.put(new Uint8Array(8)), 1);
    }
  }
});

testAsRoot('a producer that may not remove what another user has planted says whose it is, and leaves nothing', async () => {
  for (const kind of KINDS) {
    const { name } = pool('blocked', { shape: [8], dtype: 'uint8' } as const);
    const path = lockFile(name, 1, kind);
    closeSync(openSync(path, 'w', 0o666));
    await using child = new Child('wire-reader');
    await child.receive();
    const task = { uid: NOBODY, produce: name, domainId: WIRE_DOMAIN };
    const { code, message } = (await child.ask<{ value: Outcome }>(task)).value;
    assert.is(code, 'FOREIGN_OBJECT', `${kind}: ${message}`);
    assert.match(message ?? '', `${path} belongs to uid 0`);
    assert.equal(
      wireObjects(name).map((file) => `/dev/shm/${file}`),
      [path],
    );
    remove(path);
  }
});

function writersOf({ name }: WirePool) {
  const participant = DdsParticipant.shared({ domainId: WIRE_DOMAIN });
  const topic = (suffix: string, type: typeof POOL_METADATA_TYPE) => participant.topic(`tensoripc_${name}_${suffix}`, type);
  return {
    metadata: participant.writer(topic('meta', POOL_METADATA_TYPE), POOL_QOS.metadataWriter),
    progress: participant.writer(topic('progress', POOL_PROGRESS_TYPE), POOL_QOS.progressWriter),
    [Symbol.dispose]: () => participant.close(),
  };
}

test('metadata of a huge history: refused, and no file is made', async () => {
  const honest = pool('huge', { shape: [16384], dtype: 'uint8', history_len: 1 } as const);
  const path = `/dev/shm/tensoripc_${honest.name}`;
  writeFileSync(path, new Uint8Array(16384), { mode: 0o600 });
  using writers = writersOf(honest);
  using consumer = TensorConsumer.attach(honest.name, HERE);
  const codes = new Set<string>();
  consumer.on('error', (error) => void codes.add((error as { code?: string }).code ?? String(error)));
  consumer.on('frame', () => {});
  await until(() => {
    writers.metadata.write(encodeMetadata(metadataOf({ ...honest, shape: [1], history_len: 16384 }), process.pid));
    return codes.size > 0 || consumer.metadata !== null;
  }, 'it is refused');
  assert.equal([...codes], ['CORRUPT_OBJECT']);
  assert.is(consumer.metadata, null);
  assert.equal(wireObjects(honest.name), [`tensoripc_${honest.name}`]);
  // The longest that there may be is attached to, and its locks are not made either: by no read of any slot.
  const longest = metadataOf({ ...honest, shape: [2], history_len: 8192 });
  await until(() => {
    writers.metadata.write(encodeMetadata(longest, process.pid));
    return consumer.metadata !== null;
  }, 'the longest history is attached to');
  for (const slot of [3, 8191, 500]) {
    writers.progress.write(encodeProgress(honest.name, slot));
    await until(() => consumer.get() !== null || consumer.stats().lag === 0, 'it is heard');
    consumer.get({ historyLen: 8192 })?.release();
    consumer.borrow({ historyLen: 8192 })?.release();
  }
  assert.equal(wireObjects(honest.name), [`tensoripc_${honest.name}`]);
});

test('a notice of a slot that nobody has written is no frame, and the next true one is', async () => {
  const what = smallPool('forged');
  using producer = new TensorProducer(metadataOf(what), HERE);
  using consumer = new TensorConsumer(metadataOf(what), HERE);
  const seen: unknown[] = [];
  const take = () => {
    const frame = consumer.tryNext();
    if (frame !== null) seen.push(seenIn(frame, what)[0]);
    return frame !== null;
  };
  producer.put(tensorOf(what, 5));
  await until(() => {
    take();
    return seen.length > 0;
  }, 'the first frame is seen');
  using writers = writersOf(what);
  await until(() => writers.progress.matchedReaders > 0, 'the consumer has been found');
  writers.progress.write(encodeProgress(what.name, 2));
  // The producer may say its own last notice once more, which is a frame again: after another one it is not known for the same.
  for (let looks = 0; looks < 40; looks++) {
    if (consumer.waitSync(0)) assert.ok(take() || !consumer.waitSync(0), 'what is no frame is not waited for again');
    await sleep(5);
  }
  assert.equal([...new Set(seen)], [5]);
  assert.not(wireObjects(what.name).some((file) => file.includes('_f2_')));
  producer.put(tensorOf(what, 6));
  await until(() => {
    take();
    return seen.includes(6);
  }, 'the next frame is seen');
});

test('a window longer than what was put shows zeros for the rest, and makes no locks', async () => {
  const what = smallPool('padded', { history_len: 4 });
  using producer = new TensorProducer(metadataOf(what), HERE);
  using consumer = new TensorConsumer(metadataOf(what), HERE);
  for (const seed of [1, 2, 3, 4, 5]) {
    producer.put(tensorOf(what, seed));
    await until(() => {
      const frame = consumer.get({ historyLen: 4 });
      if (frame === null || seenIn(frame, what)[0] !== seed) return false;
      const expected = Array.from({ length: 4 }, (_, index) => (seed > index ? seed - index : 'zero'));
      assert.equal(seenIn(frame, what), expected);
      using view = consumer.borrow({ historyLen: 4 });
      const borrowed = view === null ? [] : expected.map((_, index) => seenIn({ data: view.at(index) }, what)[0]);
      assert.equal(borrowed, expected);
      return true;
    }, `frame ${seed} is seen`);
    const slots = new Set(wireObjects(what.name).flatMap((file) => /_f(\d+)_/.exec(file)?.[1] ?? []));
    assert.is(slots.size, Math.min(seed, 4));
  }
});

test.run();
