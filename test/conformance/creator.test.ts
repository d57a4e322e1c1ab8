// What a producer does with what it finds under its name: the table of docs/pool-format.md (Creating, step 4), row by row.

import {
  chmodSync,
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { MetadataCreator, TensorConsumer, TensorIpcError, type TensorIpcErrorCode, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HEADER_FRAME_STRIDE,
  HEADER_HEAD,
  HEADER_LAYOUT_SIGNATURE,
  HEADER_LAYOUT_VERSION,
  HEADER_MAGIC,
  HEADER_METADATA_BYTES,
  HEADER_METADATA_HASH,
  HEADER_METADATA_OFFSET,
  HEADER_PRODUCER_STATE,
  HEADER_SLOT_CAPACITY,
  PRODUCER_CLOSED,
} from '../../assembly/layout';
import { leftovers, poolName } from '../support/child';

const test = suite('what a producer finds under its name');

const FRAMES = 3;
const frame = () => new Float64Array(8);
const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;
const metadataOf = (pool: string) => MetadataCreator.fromSample(pool, frame(), { historyLen: 2 });

/** The bytes of a pool whose producer published three frames and died. */
function deadPool(name: string): Buffer {
  using producer = new TensorProducer(metadataOf(name));
  for (let i = 0; i < FRAMES; i++) producer.put(frame().fill(i));
  return readFileSync(pathOf(name));
}

/** 'new': another object, numbers from 0. 'goes on': this object, its numbers. Else refused with that code, and left as it is. */
type Outcome = 'new' | 'goes on' | TensorIpcErrorCode;

/** The object after the change, or how else it stands there. */
type Change = (object: Buffer, path: string) => Buffer;

const changed = (change: (object: Buffer) => void): Change => {
  return (object) => {
    change(object);
    return object;
  };
};

/** Nothing but zeros, and the metadata where it belongs. */
const half = (object: Buffer): Buffer => {
  const from = object.readUInt32LE(HEADER_METADATA_OFFSET);
  const to = from + object.readUInt32LE(HEADER_METADATA_BYTES);
  const made = Buffer.alloc(object.length);
  object.copy(made, from, from, to);
  return made;
};

const ROWS: readonly (readonly [what: string, Change, Outcome])[] = [
  ['0 bytes', () => Buffer.alloc(0), 'new'],
  ['an open pool of the same metadata and mode', (object) => object, 'goes on'],
  ['the same, a frame under way', changed((o) => o.writeBigUInt64LE(2n ** 40n + 1n, slotOf(o, FRAMES))), 'goes on'],
  ['a closed pool', changed((o) => o.writeUInt32LE(PRODUCER_CLOSED, HEADER_PRODUCER_STATE)), 'new'],
  ['zeros alone', (object) => Buffer.alloc(object.length), 'new'],
  ['zeros and the metadata', half, 'new'],
  ['layoutVersion 0 behind the magic', changed((o) => o.writeUInt32LE(0, HEADER_LAYOUT_VERSION)), 'new'],
  ['layoutVersion 1', changed((o) => o.writeUInt32LE(1, HEADER_LAYOUT_VERSION)), 'VERSION_MISMATCH'],
  ['layoutVersion 3', changed((o) => o.writeUInt32LE(3, HEADER_LAYOUT_VERSION)), 'VERSION_MISMATCH'],
  [
    'another layoutSignature',
    changed((o) => o.writeUInt8(o.readUInt8(HEADER_LAYOUT_SIGNATURE) ^ 1, HEADER_LAYOUT_SIGNATURE)),
    'VERSION_MISMATCH',
  ],
  ['another magic', changed((o) => o.write('TNSRIPC9', HEADER_MAGIC)), 'FOREIGN_OBJECT'],
  ['zeros, and then a picture', changed((o) => o.fill(0, 0, 512)), 'FOREIGN_OBJECT'],
  ['a page less', (object) => object.subarray(0, object.length - 4096), 'TRUNCATED_OBJECT'],
  ['a page more', (object) => Buffer.concat([object, Buffer.alloc(4096)]), 'TRUNCATED_OBJECT'],
  ['another hash', changed((o) => o.writeUInt8(o.readUInt8(HEADER_METADATA_HASH) ^ 1, HEADER_METADATA_HASH)), 'CORRUPT_OBJECT'],
  [
    'counts that contradict the offsets',
    changed((o) => o.writeUInt32LE(o.readUInt32LE(HEADER_SLOT_CAPACITY) + 1, HEADER_SLOT_CAPACITY)),
    'CORRUPT_OBJECT',
  ],
  ['a stride below the frame', changed((o) => o.writeBigUInt64LE(8n, HEADER_FRAME_STRIDE)), 'CORRUPT_OBJECT'],
  [
    'a head below the padding',
    changed((o) => o.writeBigUInt64LE(BigInt(o.readUInt32LE(HEADER_SLOT_CAPACITY) - 1), HEADER_HEAD)),
    'CORRUPT_OBJECT',
  ],
  ['a head of 2^53', changed((o) => o.writeBigUInt64LE(2n ** 53n, HEADER_HEAD)), 'CORRUPT_OBJECT'],
  ['another program’s file', () => Buffer.from('what somebody else keeps here '.repeat(100)), 'FOREIGN_OBJECT'],
];

/** Where the descriptor of the slot lies that frame `sequence` goes to. */
function slotOf(object: Buffer, sequence: number): number {
  return 512 + 64 * 128 + (sequence % object.readUInt32LE(HEADER_SLOT_CAPACITY)) * 64;
}

function assertOutcome(name: string, outcome: Outcome, open: () => TensorProducer): void {
  const before = readFileSync(pathOf(name));
  const { ino } = statSync(pathOf(name));
  if (outcome !== 'new' && outcome !== 'goes on') {
    let code = 'no error';
    try {
      open().cleanup();
    } catch (error) {
      assert.instance(error, TensorIpcError);
      code = (error as TensorIpcError).code;
    }
    assert.is(code, outcome);
    assert.is(statSync(pathOf(name)).ino, ino);
    assert.ok(readFileSync(pathOf(name)).equals(before), 'it is left as it is');
    unlinkSync(pathOf(name));
    return;
  }
  using producer = open();
  assert.is(producer.nextSequence, outcome === 'new' ? 0 : FRAMES);
  using consumer = TensorConsumer.attach<Float64Array>(name);
  producer.put(frame().fill(77));
  assert.is(consumer.get()?.data[0], 77);
  assert.is(consumer.get()?.epoch, outcome === 'new' ? 1 : 2);
}

for (const [what, change, outcome] of ROWS) {
  test(`${what}: ${outcome}`, () => {
    const name = poolName('creator');
    const object = change(deadPool(name), pathOf(name));
    writeFileSync(pathOf(name), object, { mode: 0o600 });
    assertOutcome(name, outcome, () => new TensorProducer(metadataOf(name)));
  });
}

test('a file with a hole: TRUNCATED_OBJECT', () => {
  const name = poolName('creator-hole');
  const object = deadPool(name);
  const fd = openSync(pathOf(name), 'wx', 0o600);
  // Its last page is there by its length alone.
  writeSync(fd, object, 0, object.length - 4096);
  ftruncateSync(fd, object.length);
  closeSync(fd);
  assertOutcome(name, 'TRUNCATED_OBJECT', () => new TensorProducer(metadataOf(name)));
});

test('another mode: another object of the mode that is wanted', () => {
  const name = poolName('creator-mode');
  const object = deadPool(name);
  writeFileSync(pathOf(name), object, { mode: 0o600 });
  chmodSync(pathOf(name), 0o600);
  const before = statSync(pathOf(name)).ino;
  using producer = new TensorProducer(metadataOf(name), { mode: 0o660 });
  assert.is(producer.nextSequence, 0);
  assert.is.not(statSync(pathOf(name)).ino, before);
  assert.is(statSync(pathOf(name)).mode & 0o777, 0o660);
});

test('other metadata: another object', () => {
  const name = poolName('creator-other');
  writeFileSync(pathOf(name), deadPool(name), { mode: 0o600 });
  using producer = new TensorProducer(MetadataCreator.fromSample(name, new Float32Array(16), { historyLen: 2 }));
  assert.is(producer.nextSequence, 0);
});

test.after(() => assert.equal(leftovers('creator'), []));
test.run();
