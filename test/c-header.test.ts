// The generated C header: it compiles as C and C++, has every number that TypeScript has, and is enough for a reader in C.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dtype, type Sample, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout';
import { DTYPE_NAMES, itemBytes } from '../host/tensor/dtype';
import { fieldsOfDiagram, STRUCTS, structBytes } from './support/core-diagram';
import { Random } from './support/random';

const INCLUDE = 'native-shim/include';
const STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-O2', '-I', INCLUDE];

function has(compiler: string): boolean {
  return spawnSync(compiler, ['--version']).error === undefined;
}

const c = has('gcc');
const cpp = has('g++');
if (!c) console.log('skip: no gcc to compile the C header with; install it with "apt-get install gcc libc6-dev"');
if (!cpp) console.log('skip: no g++ to compile the C header with; install it with "apt-get install g++"');

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-c-'));
const SOURCE = readFileSync('assembly/layout.ts', 'utf8');
/** Handles are private memory of this library's core. */
const PUBLIC = Object.entries(layout).filter(([name]) => !name.startsWith('HANDLE_'));
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A program that prints "name value" for every number of the header. */
function program(): { text: string; expected: Map<string, string> } {
  const expected = new Map<string, string>();
  const lines: string[] = [];
  const print = (name: string, expression: string, value: bigint | number) => {
    expected.set(name, String(value));
    lines.push(`  printf("${name} %lld\\n", (long long)(${expression}));`);
  };
  for (const [name, value] of PUBLIC) print(name, `(int32_t)TIPC_${name}`, value);
  for (const dtype of DTYPE_NAMES) {
    const [kind = '', digits = ''] = /^([a-z]+)(\d*)$/.exec(dtype)?.slice(1) ?? [];
    const code = { int: 0, uint: 1, float: 2, bfloat: 4, bool: 6 }[kind] ?? -1;
    expected.set(`dtype ${dtype}`, `${itemBytes(dtype)}-${code}-${digits === '' ? 8 : digits}`);
  }
  lines.push(
    '#define PRINT(name, bytes, code, bits) printf("dtype %s %d-%d-%d\\n", name, bytes, code, bits);',
    '  TIPC_DTYPES(PRINT)',
  );
  for (const struct of STRUCTS) {
    print(`sizeof ${struct}`, `sizeof(struct tipc_${struct})`, structBytes(struct));
    for (const { name, offset, bytes } of fieldsOfDiagram(SOURCE, struct)) {
      print(`offsetof ${struct}.${name}`, `offsetof(struct tipc_${struct}, ${snake(name)})`, offset);
      print(`sizeof ${struct}.${name}`, `sizeof(((struct tipc_${struct} *)0)->${snake(name)})`, bytes);
    }
  }
  const word = (low: number, high: number) => BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
  print('magic', 'TIPC_MAGIC', word(layout.MAGIC_LOW, layout.MAGIC_HIGH));
  print('signature', 'TIPC_LAYOUT_SIGNATURE', word(layout.LAYOUT_SIGNATURE_LOW, layout.LAYOUT_SIGNATURE_HIGH));
  print('none', 'TIPC_NONE', -1n);
  print('done', 'TIPC_STAMP_DONE(21)', 44);
  print('writing', 'TIPC_STAMP_WRITING(21)', 43);
  print('largest position', 'TIPC_MAX_POSITION', 2n ** 53n);
  return {
    text: `#include "tensor_ipc_layout.h"\n#include <stdio.h>\nint main(void) {\n${lines.join('\n')}\n  return 0;\n}\n`,
    expected,
  };
}

for (const [compiler, standard, extension, available] of [
  ['gcc', 'c99', 'c', c],
  ['gcc', 'c11', 'c', c],
  ['g++', 'c++11', 'cc', cpp],
  ['g++', 'c++20', 'cc', cpp],
] as const) {
  (available ? test : test.skip)(`${standard}: every constant, size and offset`, () => {
    const { text, expected } = program();
    const file = join(folder, `header-${standard}.${extension}`);
    const binary = join(folder, `header-${standard}`);
    writeFileSync(file, text);
    execFileSync(compiler, [`-std=${standard}`, ...STRICT, '-o', binary, file]);
    const found = new Map(
      execFileSync(binary, { encoding: 'utf8' })
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)] as const),
    );
    assert.ok(expected.size > 200);
    assert.equal(found, expected);
  });
}

test('what belongs to the library alone stays out of the header', () => {
  assert.not.match(readFileSync(`${INCLUDE}/tensor_ipc_layout.h`, 'utf8'), /TIPC_HANDLE|tipc_status/);
});

(c ? test : test.skip)('a struct that is off does not compile', () => {
  const header = readFileSync(`${INCLUDE}/tensor_ipc_layout.h`, 'utf8');
  for (const standard of ['c99', 'c11']) {
    for (const [from, to] of [
      ['uint64_t head;', 'uint32_t head;'],
      ['uint32_t doorbell_kind;', 'uint64_t doorbell_kind;'],
    ] as const) {
      assert.ok(header.includes(from));
      writeFileSync(join(folder, 'broken.h'), header.replace(from, to));
      const file = join(folder, 'broken.c');
      writeFileSync(file, '#include "broken.h"\nint main(void) { return 0; }\n');
      assert.is.not(spawnSync('gcc', [`-std=${standard}`, '-fsyntax-only', file]).status, 0, `${standard}: ${to}`);
    }
  }
});

interface Latest {
  readonly sequence: number;
  readonly timestampNs: bigint;
  readonly bytes: Buffer;
}

let reader: string | null = null;

function read(pool: string, count = 1): Latest {
  if (reader === null) {
    reader = join(folder, 'core-reader');
    execFileSync('gcc', ['-std=c11', ...STRICT, '-o', reader, 'test/programs/c/core-reader.c', '-lrt']);
  }
  const output = execFileSync(reader, [pool, String(count)], { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = output.indexOf('\n');
  const match = output
    .subarray(0, end)
    .toString()
    .match(/^sequence (\d+) timestampNs (-?\d+) bytes (\d+)$/);
  assert.ok(match, 'the reader prints a line and bytes');
  const bytes = output.subarray(end + 1);
  assert.is(bytes.length, Number(match?.[3]));
  return { sequence: Number(match?.[1]), timestampNs: BigInt(match?.[2] ?? 0), bytes };
}

function refusal(pool: string): string {
  try {
    read(pool);
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr);
  }
  return 'no refusal';
}

let pools = 0;
const poolName = () => `c-header-${process.pid}-${pools++}`;

const CASES: readonly (readonly [dtype: Dtype, shape: readonly number[], make: (elements: number) => Tensor['data']])[] = [
  ['uint8', [], (n) => new Uint8Array(n)],
  ['int8', [7], (n) => new Int8Array(n)],
  ['uint8', [480, 640, 3], (n) => new Uint8Array(n)],
  ['float32', [3, 5, 7], (n) => new Float32Array(n)],
  ['float64', [1000], (n) => new Float64Array(n)],
  ['int64', [2, 2], (n) => new BigInt64Array(n)],
  ['uint16', [1023], (n) => new Uint16Array(n)],
  ['bfloat16', [33], (n) => new Uint16Array(n)],
  ['bool', [4097], (n) => new Uint8Array(n)],
  // Odd and large: its frames are padded.
  ['uint8', [1_234_567], (n) => new Uint8Array(n)],
];

interface Tensor {
  readonly data: Uint8Array | Int8Array | Uint16Array | Float32Array | Float64Array | BigInt64Array;
  readonly shape: number[];
  readonly dtype: Dtype;
}

for (const [dtype, shape, make] of CASES) {
  (c ? test : test.skip)(`a reader in C: ${dtype} [${shape.join(', ')}]`, () => {
    const random = new Random(shape.length + 1);
    const elements = shape.reduce((a, b) => a * b, 1);
    const frame = (): Tensor => {
      const data = make(elements);
      new Uint8Array(data.buffer).set(random.bytes(data.byteLength).map((byte) => (dtype === 'bool' ? byte & 1 : byte)));
      return { data, shape: [...shape], dtype };
    };
    const pool = poolName();
    using producer = TensorProducer.fromSample(pool, frame() as Sample, { historyLen: 3 });
    assert.match(refusal(pool), 'empty');
    const history: Buffer[] = [];
    for (let sequence = 0; sequence < 4; sequence++) {
      const tensor = frame();
      producer.put(tensor as Sample, { timestampNs: BigInt(sequence) - 2n });
      history.push(Buffer.from(tensor.data.buffer));
      const latest = read(pool);
      assert.is(latest.sequence, sequence);
      assert.is(latest.timestampNs, BigInt(sequence) - 2n);
      assert.ok(latest.bytes.equals(history[sequence] as Buffer), `frame ${sequence}`);
    }
    assert.ok(read(pool, 3).bytes.equals(Buffer.concat(history.slice(-3))), 'three frames');
  });
}

(c ? test : test.skip)('a reader in C: after many laps, and windows that wrap', () => {
  const pool = poolName();
  using producer = TensorProducer.fromSample(pool, { data: new Uint32Array(1024), shape: [1024] }, { historyLen: 4 });
  // Frames of a page: the ring has six slots.
  const slots = 6;
  for (let sequence = 0; sequence < 4 * slots; sequence++) {
    producer.put(new Uint32Array(1024).fill(sequence + 1));
    if (sequence < 2 * slots) {
      const { bytes } = read(pool, 4);
      const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      for (let i = 0; i < 4; i++) {
        const expected = Math.max(0, sequence + 1 - 3 + i);
        assert.ok(words.subarray(i * 1024, (i + 1) * 1024).every((word) => word === expected));
      }
    }
  }
  for (let sequence = 4 * slots; sequence < 10_001; sequence++) producer.put(new Uint32Array(1024).fill(sequence + 1));
  const { sequence, bytes } = read(pool);
  assert.is(sequence, 10_000);
  assert.is(bytes.readUInt32LE(0), 10_001);
});

(c ? test : test.skip)('a reader in C refuses what is not a pool any more', () => {
  const pool = poolName();
  assert.match(refusal(pool), 'shm_open: No such file');
  const producer = TensorProducer.fromSample(pool, new Uint8Array(10));
  producer.put(new Uint8Array(10).fill(3));
  const path = `/dev/shm/tensoripc.${pool}`;
  const object = readFileSync(path);
  assert.is(read(pool).bytes.toString('hex'), '03'.repeat(10));
  producer.cleanup();
  const write = (change: (object: Buffer) => void) => {
    const changed = Buffer.from(object);
    change(changed);
    writeFileSync(path, changed, { mode: 0o600 });
  };
  try {
    write(() => {});
    assert.match(refusal(pool), 'no producer');
    truncateSync(path, object.length - 4096);
    assert.match(refusal(pool), 'the size of the object');
    write((bytes) => bytes.writeUInt8(0, layout.HEADER_MAGIC));
    assert.match(refusal(pool), 'not a pool');
    write((bytes) => bytes.writeUInt32LE(0, layout.HEADER_LAYOUT_VERSION));
    assert.match(refusal(pool), 'under construction');
    write((bytes) => bytes.fill(0));
    assert.match(refusal(pool), 'under construction');
    write((bytes) => bytes.writeUInt8(0, layout.HEADER_LAYOUT_SIGNATURE));
    assert.match(refusal(pool), 'another layout');
    write((bytes) => bytes.writeUInt32LE(0x7fffffff, layout.HEADER_SLOT_CAPACITY));
    assert.match(refusal(pool), 'slotCapacity');
  } finally {
    rmSync(path, { force: true });
  }
});

test.before(() => {
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
});

test.run();
