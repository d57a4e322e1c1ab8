// The core's XXH64 against published vectors and the reference tool.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CORE_LABELS, createBench } from './support/core-modules';
import { Random } from './support/random';

const text = (value: string) => new TextEncoder().encode(value);

/** The buffer of the reference implementation's own sanity check (xxHash, cli/xsum_sanity_check.c). */
function sanityBuffer(bytes: number): Uint8Array {
  let generator = 2654435761n;
  return Uint8Array.from({ length: bytes }, () => {
    const byte = Number(generator >> 56n);
    generator = (generator * 11400714785074694797n) & 0xffffffffffffffffn;
    return byte;
  });
}

const SEED = 2654435761n;
const VECTORS: readonly (readonly [what: string, input: Uint8Array, seed: bigint, hash: bigint])[] = [
  ['nothing', text(''), 0n, 0xef46db3751d8e999n],
  ['nothing, seed 1', text(''), 1n, 0xd5afba1336a3be4bn],
  ['a', text('a'), 0n, 0xd24ec4f1a98c6e5bn],
  ['abc', text('abc'), 0n, 0x44bc2cf5ad770999n],
  ['39 characters', text('Nobody inspects the spammish repetition'), 0n, 0xfbcea83c8a378bf1n],
  ['sanity 0, seeded', sanityBuffer(0), SEED, 0xac75fda2929b17efn],
  ['sanity 1', sanityBuffer(1), 0n, 0xe934a84adb052768n],
  ['sanity 1, seeded', sanityBuffer(1), SEED, 0x5014607643a9b4c3n],
  ['sanity 4', sanityBuffer(4), 0n, 0x9136a0dca57457een],
  ['sanity 14', sanityBuffer(14), 0n, 0x8282dcc4994e35c8n],
  ['sanity 14, seeded', sanityBuffer(14), SEED, 0xc3bd6bf63deb6df0n],
  // Whole stripes and nothing after them; from xxhsum 0.8.
  ['sanity 32', sanityBuffer(32), 0n, 0x18b216492bb44b70n],
  ['sanity 64', sanityBuffer(64), 0n, 0xef558f8acac2b5cdn],
  ['sanity 96', sanityBuffer(96), 0n, 0x105064e743edd1d9n],
  ['sanity 222', sanityBuffer(222), 0n, 0xb641ae8cb691c174n],
  ['sanity 222, seeded', sanityBuffer(222), SEED, 0x20cb8ab7ae10c14an],
];

const MAX_INPUT_BYTES = 1 << 20;
const LARGE_BYTES = [1023, 4096, 65537, 921_600, MAX_INPUT_BYTES - 1];
const reference = spawnSync('xxhsum', ['--version']).error === undefined;
if (!reference) console.log('skip: no xxhsum to compare with; install it with "apt-get install xxhash"');

for (const label of CORE_LABELS) {
  const bench = createBench(label);
  const at = bench.allocate(MAX_INPUT_BYTES + 8);
  const hash = (input: Uint8Array, seed: bigint, offset = 0) => {
    bench.bytes(at + offset, input.length).set(input);
    return BigInt.asUintN(64, bench.core.xxh64(at + offset, input.length, seed));
  };

  for (const [what, input, seed, expected] of VECTORS) {
    test(`${label}: ${what}`, () => {
      assert.is(hash(input, seed).toString(16), expected.toString(16));
    });
  }

  test(`${label}: the address does not matter, every byte does`, () => {
    const random = new Random(7);
    for (const length of [1, 3, 5, 9, 31, 33, 64, 100]) {
      const input = random.bytes(length);
      const expected = hash(input, 0n);
      for (let offset = 1; offset < 8; offset++) assert.is(hash(input, 0n, offset), expected);
      for (let i = 0; i < length; i++) {
        const changed = Uint8Array.from(input);
        changed[i] = (changed[i] as number) ^ (1 << random.integer(0, 7));
        assert.is.not(hash(changed, 0n), expected, `byte ${i} of ${length}`);
      }
    }
    assert.ok(bench.guardsIntact());
  });

  (reference ? test : test.skip)(`${label}: as xxhsum -H64 has it, lengths 0 to 300 and some large ones`, () => {
    const random = new Random(64);
    const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-xxh64-'));
    try {
      const inputs = [...Array.from({ length: 301 }, (_, length) => length), ...LARGE_BYTES].map((length) =>
        random.bytes(length),
      );
      const paths = inputs.map((input, i) => {
        const path = join(folder, String(i));
        writeFileSync(path, input);
        return path;
      });
      const output = execFileSync('xxhsum', ['-H64', ...paths], { encoding: 'utf8' });
      const sums = new Map(
        output
          .trim()
          .split('\n')
          .map((line) => {
            const [sum, path] = line.split(/\s+/) as [string, string];
            return [Number(basename(path)), sum];
          }),
      );
      assert.is(sums.size, inputs.length);
      for (const [i, input] of inputs.entries()) {
        assert.is(hash(input, 0n).toString(16).padStart(16, '0'), sums.get(i), `${input.length} bytes`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
