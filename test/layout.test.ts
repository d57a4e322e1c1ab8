// The diagram in assembly/layout.ts, its constants, docs/pool-format.md and the layout signature say the same.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout';
import {
  canonicalText,
  constants,
  type Field,
  fieldsOfDiagram,
  fieldsOfDocument,
  STRUCTS,
  screaming,
  structBytes,
} from './support/core-diagram';
import { createBench } from './support/core-modules';

const SOURCE = readFileSync('assembly/layout.ts', 'utf8');
const DOCUMENT = readFileSync('docs/pool-format.md', 'utf8');
const CACHE_LINE_BYTES = 64;

for (const struct of STRUCTS) {
  const fields = fieldsOfDiagram(SOURCE, struct);

  test(`${struct}: each field of the diagram has its constant, and each constant its field`, () => {
    assert.ok(fields.length >= 3, 'the diagram has rows');
    const prefix = `${struct.toUpperCase()}_`;
    for (const { name, offset } of fields) assert.is(constants[prefix + screaming(name)], offset, `${struct}.${name}`);
    // Values and sizes share the prefix with the offsets of consumer and header.
    const others = ['BYTES', 'FREE', 'ACTIVE', 'LABEL_BYTES'].map((name) => prefix + name);
    const offsets = Object.keys(constants).filter((name) => name.startsWith(prefix) && !others.includes(name));
    assert.equal(offsets.sort(), fields.map(({ name }) => prefix + screaming(name)).sort());
  });

  test(`${struct}: fields are in order, aligned, apart, and inside`, () => {
    let end = 0;
    for (const { name, offset, bytes } of fields) {
      assert.ok(offset >= end, `${struct}.${name} begins at ${offset}, its predecessor ends at ${end}`);
      assert.is(offset % Math.min(bytes, 8), 0, `${struct}.${name} is aligned`);
      end = offset + bytes;
    }
    assert.ok(end <= structBytes(struct));
    assert.is(structBytes(struct) % CACHE_LINE_BYTES, 0);
  });

  test(`${struct}: the document has the diagram's table`, () => {
    assert.equal(fieldsOfDocument(DOCUMENT, struct), fields);
  });
}

test('words that different processes write lie on different cache lines', () => {
  const header = fieldsOfDiagram(SOURCE, 'header');
  const line = (fields: readonly Field[], name: string) => {
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw new Error(`no field ${name}`);
    return Math.floor(field.offset / CACHE_LINE_BYTES);
  };
  // Written once, written every frame, written by the producer seldom, by consumers that wait, by consumers that pin.
  const groups = ['magic', 'head', 'producerState', 'armed', 'borrowers'];
  assert.is(new Set(groups.map((name) => line(header, name))).size, groups.length);
  assert.is(line(header, 'framesOffset'), 1, 'geometry has no writer, so it may have a line of its own');
  // Pins are read by the producer at every frame, progress is written by the consumer at every frame.
  const consumer = fieldsOfDiagram(SOURCE, 'consumer');
  assert.is.not(line(consumer, 'viewPin'), line(consumer, 'lastPosition'));
  assert.is(line(consumer, 'viewPin'), line(consumer, 'holdPin'));
  assert.is(layout.SLOT_BYTES % CACHE_LINE_BYTES, 0);
  assert.is(layout.CONSUMER_BYTES % CACHE_LINE_BYTES, 0);
  assert.is(layout.HEADER_BYTES % CACHE_LINE_BYTES, 0);
});

test('constants are 32-bit integers that both compilers take', () => {
  for (const [name, value] of Object.entries(constants)) assert.is(value | 0, value, name);
  const code = SOURCE.split('\n').filter((line) => line.startsWith('export const'));
  for (const line of code) assert.match(line, /^export const [A-Z_0-9]+ = [-A-Z_0-9a-fx+*<() ]+;$/);
});

test('the magic is the text TNSRIPC1', () => {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setInt32(0, layout.MAGIC_LOW, true);
  bytes.setInt32(4, layout.MAGIC_HIGH, true);
  assert.is(new TextDecoder().decode(bytes), 'TNSRIPC1');
});

test('the handle fits, without overlaps', () => {
  const wide = /POSITION|PIN$|_NS$|ARMED|FRAME_STRIDE|FRAME_BYTES|FRAMES_OFFSET|OBJECT_BYTES/;
  const fields = Object.entries(constants)
    .filter(([name]) => name.startsWith('HANDLE_') && name !== 'HANDLE_BYTES')
    .map(([name, offset]) => ({ name, offset, bytes: wide.test(name) ? 8 : 4 }))
    .sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { name, offset, bytes } of fields) {
    assert.ok(offset >= end, name);
    assert.is(offset % Math.min(bytes, 8), 0, name);
    end = offset + bytes;
  }
  assert.ok(end <= layout.HANDLE_BYTES);
});

test('the layout signature is the hash of the field table', () => {
  const bench = createBench('release');
  const text = new TextEncoder().encode(canonicalText(SOURCE));
  const at = bench.allocate(text.length);
  bench.bytes(at, text.length).set(text);
  const hash = bench.core.xxh64(at, text.length, 0n);
  const low = Number(BigInt.asIntN(32, hash));
  const high = Number(BigInt.asIntN(32, hash >> 32n));
  const advice = `run "npm run generate" and rebuild: LAYOUT_SIGNATURE_LOW = ${low}, LAYOUT_SIGNATURE_HIGH = ${high}`;
  assert.is(layout.LAYOUT_SIGNATURE_LOW, low, advice);
  assert.is(layout.LAYOUT_SIGNATURE_HIGH, high, advice);
  assert.ok(DOCUMENT.includes(canonicalText(SOURCE)), 'the document shows the text');
  assert.ok(DOCUMENT.includes(BigInt.asUintN(64, hash).toString(16).padStart(16, '0')), 'the document shows the hash');
});

test('generated files are up to date', () => {
  const output = execFileSync(process.execPath, ['scripts/generate.mjs', '--check'], { encoding: 'utf8' });
  assert.is(output, '');
});

test('generate --check notices a changed field, and names file and line', () => {
  const copy = mkdtempSync(join(tmpdir(), 'tensor-ipc-generate-'));
  try {
    for (const folder of ['assembly', 'host/tensor', 'host/runtime', 'scripts', 'docs', 'native-shim/include']) {
      cpSync(folder, join(copy, folder), { recursive: true });
    }
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
    const check = () => spawnSync(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: copy, encoding: 'utf8' });
    assert.is(check().status, 0);
    const changed = SOURCE.replace('     24      8  metadataHash ', '     24      8  metadataSum  ');
    assert.is.not(changed, SOURCE);
    writeFileSync(join(copy, 'assembly/layout.ts'), changed);
    const { status, stderr } = check();
    assert.is(status, 1);
    assert.match(stderr, /assembly\/layout\.ts:\d+ does not follow/);
    assert.match(stderr, /tensor_ipc_layout\.h:\d+ does not follow/);
    assert.match(stderr, /npm run generate/);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

test.run();
