import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  MetadataCreator,
  type PoolMetadata,
  TensorConsumer,
  TensorIpcError,
  type TensorIpcErrorCode,
  TensorProducer,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HEADER_BYTE_ORDER,
  HEADER_CONSUMER_CAPACITY,
  HEADER_HEAD,
  HEADER_LAYOUT_SIGNATURE,
  HEADER_LAYOUT_VERSION,
  HEADER_MAGIC,
  HEADER_METADATA_BYTES,
  HEADER_METADATA_HASH,
  HEADER_METADATA_OFFSET,
  HEADER_OBJECT_BYTES,
  HEADER_SLOT_CAPACITY,
} from '../assembly/layout';
import { Child, hasCode, leftovers, poolName } from './support/child';

const test = suite('errors');

const path = (name: string) => `/dev/shm/tensoripc.${name}`;
const frame = () => ({ data: new Float32Array(6), shape: [2, 3] });

/** The message of the error with this code; every message says enough to act on. */
function errorOf(code: TensorIpcErrorCode, call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.instance(error, TensorIpcError);
    assert.is((error as TensorIpcError).code, code, (error as Error).message);
    return (error as Error).message;
  }
  throw new Error(`expected ${code}, nothing was thrown`);
}

test('a wrong frame names what was expected and found, costs no number, and changes nothing', () => {
  const name = poolName('frame');
  using producer = TensorProducer.fromSample(name, frame(), { historyLen: 4 });
  using consumer = TensorConsumer.attach<Float32Array>(name);
  producer.put({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  const cases: [TensorIpcErrorCode, RegExp, unknown][] = [
    ['SHAPE_MISMATCH', /expected shape \[2, 3\], found \[3, 2\]/, { data: new Float32Array(6), shape: [3, 2] }],
    ['SHAPE_MISMATCH', /expected shape \[2, 3\], found \[6\]/, new Float32Array(6)],
    ['SHAPE_MISMATCH', /reaches elements 0 to 5, but data has 5/, { data: new Float32Array(5), shape: [2, 3] }],
    ['SHAPE_MISMATCH', /reaches elements -1/, { data: new Float32Array(6), shape: [2, 3], strides: [3, -1], offset: 1 }],
    ['DTYPE_MISMATCH', /expected dtype float32, found float64/, { data: new Float64Array(6), shape: [2, 3] }],
    ['DTYPE_MISMATCH', /expected dtype float32, found int32/, { data: new Int32Array(6), shape: [2, 3] }],
    ['DTYPE_MISMATCH', /dtype float16 needs/, { data: new Float32Array(6), shape: [2, 3], dtype: 'float16' }],
    ['DTYPE_MISMATCH', /unknown dtype 'float8'/, { data: new Float32Array(6), shape: [2, 3], dtype: 'float8' }],
    ['FIELDS_MISMATCH', /expected one plain tensor, found fields rgb/, { rgb: frame() }],
    ['INVALID_ARGUMENT', /strides/, { data: new Float32Array(6), shape: [2, 3], strides: [3] }],
    ['INVALID_ARGUMENT', /strides/, { data: new Float32Array(6), shape: [2, 3], strides: [3, 0.5] }],
    ['INVALID_ARGUMENT', /shape must be an array/, { data: new Float32Array(6) }],
    ['INVALID_ARGUMENT', /typed array/, 'hello'],
    ['INVALID_ARGUMENT', /typed array/, null],
    ['INVALID_ARGUMENT', /typed array/, undefined],
    ['INVALID_ARGUMENT', /typed array/, 7],
  ];
  for (const [code, message, value] of cases) {
    assert.match(
      errorOf(code, () => producer.put(value as Float32Array)),
      message,
    );
  }
  errorOf('INVALID_ARGUMENT', () => producer.put(frame(), { timestampNs: 5 as never }));
  errorOf('INVALID_ARGUMENT', () => producer.put(frame(), { timestampNs: 2n ** 63n }));
  assert.is(consumer.get()?.sequence, 0);
  assert.equal([...(consumer.get()?.data ?? [])], [1, 2, 3, 4, 5, 6]);
  {
    using slot = producer.loan();
    errorOf('INVALID_ARGUMENT', () => slot.commit({ timestampNs: 1 as never }));
    assert.is(slot.commit(), 1, 'the slot is still there after a wrong commit');
  }
});

test('a wrong field of a record', () => {
  const name = poolName('record');
  const sample = { rgb: { data: new Uint8Array(12), shape: [2, 2, 3] }, depth: { data: new Float32Array(4), shape: [2, 2] } };
  // Frames of any form: what is wrong here would not compile otherwise.
  using producer: TensorProducer = TensorProducer.fromSample(name, sample);
  assert.match(
    errorOf('FIELDS_MISMATCH', () => producer.put({ rgb: sample.rgb })),
    /expected fields rgb, depth, found fields rgb/,
  );
  assert.match(
    errorOf('FIELDS_MISMATCH', () => producer.put(new Uint8Array(12))),
    /found one plain tensor/,
  );
  assert.match(
    errorOf('SHAPE_MISMATCH', () => producer.put({ ...sample, depth: new Float32Array(4) })),
    /field depth/,
  );
  assert.match(
    errorOf('DTYPE_MISMATCH', () => producer.put({ ...sample, depth: { data: new Int32Array(4), shape: [2, 2] } })),
    /field depth/,
  );
});

test('metadata that does not match names the field, what was expected and what was found', () => {
  const name = poolName('match');
  using _ = TensorProducer.fromSample(name, frame(), { historyLen: 4 });
  assert.match(
    errorOf('SHAPE_MISMATCH', () => TensorConsumer.fromSample(name, new Float32Array(6))),
    /field data: expected shape \[6\], found \[2, 3\]/,
  );
  assert.match(
    errorOf('DTYPE_MISMATCH', () => TensorConsumer.fromSample(name, { data: new Int32Array(6), shape: [2, 3] })),
    /expected dtype int32, found float32/,
  );
  assert.match(
    errorOf('FIELDS_MISMATCH', () => TensorConsumer.fromSample(name, { rgb: frame() })),
    /expected fields rgb, found data/,
  );
  assert.match(
    errorOf('HISTORY_MISMATCH', () => new TensorConsumer(MetadataCreator.fromSample(name, frame(), { historyLen: 5 }))),
    /expected historyLen 5, found 4/,
  );
  TensorConsumer.fromSample(name, frame()).cleanup();
  TensorConsumer.fromSample(name, frame(), { historyLen: 4 }).cleanup();
});

test('a window longer than the history names both numbers', () => {
  const name = poolName('history');
  using producer = TensorProducer.fromSample(name, frame(), { historyLen: 3 });
  using consumer = TensorConsumer.attach(name);
  producer.put(frame());
  for (const read of [() => consumer.get({ historyLen: 9 }), () => consumer.borrow({ historyLen: 9 })]) {
    const message = errorOf('HISTORY_TOO_LONG', read);
    assert.match(message, /\b3\b/);
    assert.match(message, /\b9\b/);
  }
  for (const historyLen of [0, -1, 1.5, Number.NaN]) errorOf('INVALID_ARGUMENT', () => consumer.get({ historyLen }));
  assert.is(consumer.get({ historyLen: 3 })?.sequence, 0);
});

test('options outside their range', () => {
  const metadata = MetadataCreator.fromSample(poolName('options'), frame());
  const wrong: object[] = [{ historyPad: 'ones' }, { onPinned: 'panic' }, { waitTimeoutMs: -1 }, { waitTimeoutMs: Number.NaN }];
  for (const options of [...wrong, { mode: 0o700 }, { mode: 0o060 }, { mode: 1.5 }]) {
    errorOf('INVALID_ARGUMENT', () => new TensorProducer(metadata, options));
  }
  errorOf('INVALID_ARGUMENT', () => new TensorConsumer(metadata, { trust: 'nobody' as 'any' }));
  errorOf('INVALID_ARGUMENT', () => new TensorProducer({} as PoolMetadata));
  errorOf('INVALID_ARGUMENT', () => new TensorConsumer(null as never));
  errorOf('INVALID_NAME', () => TensorConsumer.attach('a/b'));
  errorOf('INVALID_NAME', () => TensorProducer.fromSample('', frame()));
  assert.equal(leftovers(metadata.name), []);
});

test('a foreign object under the name is refused by both sides and left alone', () => {
  const name = poolName('foreign');
  writeFileSync(path(name), 'somebody else’s important bytes'.repeat(100), { mode: 0o600 });
  assert.match(
    errorOf('FOREIGN_OBJECT', () => TensorConsumer.attach(name)),
    /not a tensor-ipc pool/,
  );
  errorOf('FOREIGN_OBJECT', () => TensorProducer.fromSample(name, frame()));
  assert.match(readFileSync(path(name), 'utf8'), /important/);
  unlinkSync(path(name));
});

test('a short file, a directory’s worth of nothing, a symbolic link, a FIFO', () => {
  const short = poolName('short');
  writeFileSync(path(short), 'short', { mode: 0o600 });
  errorOf('FOREIGN_OBJECT', () => TensorConsumer.attach(short));
  unlinkSync(path(short));

  const target = poolName('target');
  const link = poolName('link');
  writeFileSync(path(target), 'untouched', { mode: 0o600 });
  symlinkSync(path(target), path(link));
  for (const use of [() => TensorConsumer.attach(link), () => TensorProducer.fromSample(link, frame())]) {
    assert.match(errorOf('FOREIGN_OBJECT', use), /symbolic link/);
  }
  assert.is(readFileSync(path(target), 'utf8'), 'untouched');
  unlinkSync(path(link));
  unlinkSync(path(target));

  const fifo = poolName('fifo');
  spawnSync('mkfifo', [path(fifo)]);
  errorOf('FOREIGN_OBJECT', () => TensorConsumer.attach(fifo));
  unlinkSync(path(fifo));
});

/** A live pool whose object is changed behind its back; restored, because its producer is still there. */
function tampered(change: (object: Buffer) => void, check: (name: string) => void): void {
  const name = poolName('tampered');
  using producer = TensorProducer.fromSample(name, frame(), { historyLen: 3 });
  producer.put(frame());
  const original = readFileSync(path(name));
  const copy = Buffer.from(original);
  change(copy);
  writeFileSync(path(name), copy, { flag: 'r+' });
  check(name);
  writeFileSync(path(name), original, { flag: 'r+' });
  using consumer = TensorConsumer.attach(name);
  assert.is(consumer.get()?.sequence, 0, 'the pool itself is unharmed');
}

const TAMPERINGS: [string, TensorIpcErrorCode, (object: Buffer) => void][] = [
  ['magic', 'FOREIGN_OBJECT', (o) => o.write('NOTAPOOL', HEADER_MAGIC)],
  ['version', 'VERSION_MISMATCH', (o) => o.writeUInt32LE(99, HEADER_LAYOUT_VERSION)],
  ['byte order', 'VERSION_MISMATCH', (o) => o.writeUInt32BE(0x01020304, HEADER_BYTE_ORDER)],
  ['layout signature', 'VERSION_MISMATCH', (o) => o.writeUInt32LE(1, HEADER_LAYOUT_SIGNATURE)],
  ['stated size', 'CORRUPT_OBJECT', (o) => o.writeBigUInt64LE(1n << 40n, HEADER_OBJECT_BYTES)],
  ['absurd slot count', 'CORRUPT_OBJECT', (o) => o.writeUInt32LE(0xffffffff, HEADER_SLOT_CAPACITY)],
  ['absurd consumer count', 'CORRUPT_OBJECT', (o) => o.writeUInt32LE(1000, HEADER_CONSUMER_CAPACITY)],
  ['absurd metadata size', 'CORRUPT_OBJECT', (o) => o.writeUInt32LE(0x7fffffff, HEADER_METADATA_BYTES)],
  ['metadata elsewhere', 'CORRUPT_OBJECT', (o) => o.writeUInt32LE(64, HEADER_METADATA_OFFSET)],
  ['metadata hash', 'CORRUPT_OBJECT', (o) => o.writeUInt32LE(1, HEADER_METADATA_HASH)],
  ['metadata bytes', 'CORRUPT_OBJECT', (o) => o.write('x', o.readUInt32LE(HEADER_METADATA_OFFSET) + 5)],
];

for (const [what, code, change] of TAMPERINGS) {
  test(`a damaged ${what}: ${code}`, () => {
    tampered(change, (name) => {
      errorOf(code, () => TensorConsumer.attach(name));
    });
  });
}

test('a head out of range is an error of the read, not a wild access', () => {
  for (const head of [0n, 1n, 2n ** 60n, 2n ** 64n - 1n]) {
    const name = poolName('head');
    using producer = TensorProducer.fromSample(name, frame(), { historyLen: 3 });
    using consumer = TensorConsumer.attach(name);
    producer.put(frame());
    const object = readFileSync(path(name));
    object.writeBigUInt64LE(head, HEADER_HEAD);
    writeFileSync(path(name), object, { flag: 'r+' });
    errorOf('CORRUPT_OBJECT', () => consumer.get());
    errorOf('CORRUPT_OBJECT', () => consumer.borrow());
    producer.put(frame());
    assert.is(consumer.get()?.sequence, 1, 'the next frame mends it');
  }
});

test('a truncated object of a dead producer', async () => {
  const name = poolName('truncated');
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  await child.kill();
  const { size } = statSync(path(name));
  truncateSync(path(name), size - 4096);
  assert.match(
    errorOf('TRUNCATED_OBJECT', () => TensorConsumer.attach(name)),
    /another size/,
  );
  errorOf('TRUNCATED_OBJECT', () => TensorProducer.fromSample(name, frame()));
  unlinkSync(path(name));
});

test('a half-built object is not there for consumers, and a new start for producers', () => {
  const name = poolName('half');
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(100_000)]) {
    writeFileSync(path(name), bytes, { mode: 0o600 });
    using consumer = TensorConsumer.attach(name);
    assert.not.ok(consumer.connected);
    using producer = TensorProducer.fromSample(name, frame());
    producer.put(frame());
    assert.is(consumer.get()?.sequence, 0);
  }
});

test('modes: private by default, shared when asked, refused when others may write unasked', () => {
  const name = poolName('mode');
  {
    using _ = TensorProducer.fromSample(name, frame());
    assert.is(statSync(path(name)).mode & 0o777, 0o600);
    chmodSync(path(name), 0o622);
    assert.match(
      errorOf('UNSAFE_MODE', () => TensorConsumer.attach(name)),
      /mode 0622/,
    );
    TensorConsumer.attach(name, { trust: 'any' }).cleanup();
  }
  using producer = TensorProducer.fromSample(name, frame(), { mode: 0o660 });
  producer.put(frame());
  assert.is(statSync(path(name)).mode & 0o777, 0o660);
  errorOf('UNSAFE_MODE', () => TensorConsumer.attach(name));
  using consumer = TensorConsumer.attach(name, { trust: 'group' });
  assert.is(consumer.get()?.sequence, 0);
});

const NOBODY = 65534;

test('another user: cannot read or write a default pool, and is not believed', async () => {
  if (process.getuid?.() !== 0) {
    console.log('skip: a second user needs root; run the tests as root, as CI does');
    return;
  }
  const name = poolName('user');
  using producer = TensorProducer.fromSample(name, frame());
  producer.put(frame());
  const program = fileURLToPath(new URL('./as-user.mjs', import.meta.url));
  const asNobody = (...args: string[]) => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', program, ...args], {
      uid: NOBODY,
      gid: NOBODY,
      encoding: 'utf8',
    });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as { code?: string; message?: string; sequence?: number };
  };
  assert.is(asNobody('attach', name).code, 'PERMISSION_DENIED');
  assert.is(asNobody('produce', name).code, 'PERMISSION_DENIED');
  assert.match(asNobody('attach', name).message ?? '', /0o660/);

  const other = poolName('other');
  using shared = TensorProducer.fromSample(other, frame(), { mode: 0o666 });
  shared.put(frame());
  assert.is(asNobody('attach', other).code, 'FOREIGN_OBJECT');
  assert.is(asNobody('attach', other, 'any').sequence, 0);

  // And the other way round: root finds a pool that somebody else owns.
  const planted = poolName('planted');
  writeFileSync(path(planted), readFileSync(path(name)), { mode: 0o600 });
  chownSync(path(planted), NOBODY, NOBODY);
  assert.match(
    errorOf('FOREIGN_OBJECT', () => TensorConsumer.attach(planted)),
    /belongs to uid 65534/,
  );
  errorOf('FOREIGN_OBJECT', () => TensorProducer.fromSample(planted, frame()));
  unlinkSync(path(planted));
});

test('a full /dev/shm is an error with the numbers, leaves nothing, and small pools still fit', () => {
  const program = fileURLToPath(new URL('./full-shm.mjs', import.meta.url));
  const script = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" --no-warnings "$1"';
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, process.execPath, program], {
    encoding: 'utf8',
  });
  if (status !== 0 && /unshare|mount|ENOENT|permitted/.test(`${stderr}${stdout}` || 'ENOENT')) {
    console.log('skip: a small /dev/shm needs root and unshare (apt install util-linux)');
    return;
  }
  assert.is(status, 0, stderr);
  const { code, errno, message, left, sequence } = JSON.parse(stdout);
  assert.is(code, 'SHM_FULL');
  assert.is(errno, 'ENOSPC');
  assert.match(message, /needs [\d.]+ MB \(\d+ bytes\) .* has [\d.]+ \w+ (\(\d+ bytes\) )?of 1\.0 MB \(1048576 bytes\) free/);
  assert.equal(left, []);
  assert.is(sequence, 0);
});

test('assertMatches is what consumers use, for users who have metadata from elsewhere', () => {
  const one = MetadataCreator.fromSample('same', frame(), { historyLen: 2 });
  one.assertMatches(MetadataCreator.fromSample('same', frame(), { historyLen: 2 }));
  assert.throws(
    () => one.assertMatches(MetadataCreator.fromSample('same', frame(), { historyLen: 3 })),
    hasCode('HISTORY_MISMATCH'),
  );
  one.assertMatches(MetadataCreator.fromSample('same', frame(), { historyLen: 3 }), { ignoreHistory: true });
});

test.run();
