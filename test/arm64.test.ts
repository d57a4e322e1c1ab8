// arm64 under qemu-user: pools whose producer and consumer are of different architectures, at the page sizes that arm64 kernels have, and
// fences. docs/arm64.md says what this shows, and what it cannot show. Whole suites on arm64: arm64/arm64-suites, arm64/arm64-dds.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_PAGE_BYTES } from '../assembly/layout';
import { ARM64_NODE, arm64Environment, PAGE_SIZES, whyNoArm64 } from './arm64/emulator.mjs';
import { Peer, PeerError } from './arm64/peer';
import type { Form, Read } from './programs/arm64-peer';
import { leftovers, poolName, sleep } from './support/child';

const why = whyNoArm64();
if (why !== null) console.log(`skip: arm64: ${why}`);
const test = suite('arm64');
const check = why === null ? test : test.skip;

const foreign = (pageBytes?: number) => new Peer(ARM64_NODE, arm64Environment(pageBytes === undefined ? {} : { pageBytes }));
const native = () => new Peer(process.execPath, process.env);

const DIRECTIONS = [
  { label: `arm64 to ${process.arch}`, producerOn: foreign, consumerOn: native },
  { label: `${process.arch} to arm64`, producerOn: native, consumerOn: foreign },
];

/** All bytes were as they should be, and there were some. */
function assertRead(read: Read | null, sequences: readonly number[]): void {
  assert.ok(read !== null, 'there is a frame');
  assert.equal(read.sequences, sequences);
  assert.is(read.wrong, 0, `${read.wrong} of ${read.bytes} bytes are wrong`);
  assert.ok(read.bytes >= 1000 * sequences.length, `${read.bytes} bytes were looked at`);
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

for (const { label, producerOn, consumerOn } of DIRECTIONS) {
  for (const form of ['plain', 'record'] as Form[]) {
    check(`${label}: frames and windows of a ${form} pool, byte by byte`, async () => {
      const pool = poolName('arm64-frames');
      await using producer = producerOn();
      await using consumer = consumerOn();
      assert.is.not(await producer.ask({ op: 'about' }), await consumer.ask({ op: 'about' }));
      await producer.ask({ op: 'produce', pool, form, historyLen: 6 });
      assert.is(await consumer.ask({ op: 'consume', pool }), true);
      assert.is(await consumer.ask({ op: 'get' }), null);
      for (let i = 0; i < 40; i++) {
        assert.is(await producer.ask({ op: 'put', loan: i % 2 === 1 }), i);
        assertRead(await consumer.ask({ op: 'get' }), [i]);
        if (i < 5) continue;
        assertRead(await consumer.ask({ op: 'get', historyLen: 6 }), range(i - 5, i));
        assertRead(await consumer.ask({ op: 'get', historyLen: 6, latestFirst: true }), range(i - 5, i).reverse());
      }
      // From a third process' view: this one.
      const info = inspect(pool);
      assert.is(info?.consumers.length, 1);
      await consumer.ask({ op: 'close' });
      await producer.ask({ op: 'close' });
      assert.equal(leftovers(pool), []);
    });
  }

  check(`${label}: what a view pins, the producer leaves alone`, async () => {
    const pool = poolName('arm64-pins');
    await using producer = producerOn();
    await using consumer = consumerOn();
    await producer.ask({ op: 'produce', pool, form: 'plain', historyLen: 4, options: { onPinned: 'drop' } });
    await producer.ask({ op: 'put', count: 10 });
    await consumer.ask({ op: 'consume', pool });
    assertRead(await consumer.ask({ op: 'borrow', historyLen: 4 }), range(6, 9));
    const capacity = inspect(pool)?.slotCapacity ?? 0;
    assert.ok(capacity >= 6);
    // The ring has room until the slot of frame 6 would be next; from there on frames are refused.
    assert.is(await producer.ask({ op: 'put', count: capacity - 4 }), capacity + 5);
    for (let i = 0; i < 5; i++) assert.is(await producer.ask({ op: 'put' }), -1);
    const seen = await consumer.ask<Read & { valid: boolean }>({ op: 'look' });
    assertRead(seen, range(6, 9));
    assert.ok(seen.valid);
    await consumer.ask({ op: 'release' });
    assert.is(await producer.ask({ op: 'put' }), capacity + 6);
    assertRead(await consumer.ask({ op: 'get' }), [capacity + 6]);
  });

  check(`${label}: a sleeping event loop and a sleeping call are woken`, async () => {
    const pool = poolName('arm64-wake');
    await using producer = producerOn();
    await using consumer = consumerOn();
    await producer.ask({ op: 'produce', pool, form: 'record', historyLen: 1 });
    await consumer.ask({ op: 'consume', pool });
    for (let i = 0; i < 20; i++) {
      const read = i % 2 === 0 ? consumer.ask<Read>({ op: 'next' }) : consumer.ask<Read>({ op: 'waitSync', timeoutMs: 60_000 });
      await sleep(60); // time to fall asleep; if it does not, it finds the frame without being woken
      await producer.ask({ op: 'put' });
      assertRead(await read, [i]);
    }
  });

  check(`${label}: every frame in order, whoever is faster`, async () => {
    const pool = poolName('arm64-all');
    await using producer = producerOn();
    await using copying = consumerOn();
    await using borrowing = consumerOn();
    await producer.ask({ op: 'produce', pool, form: 'plain', historyLen: 3, options: { waitTimeoutMs: 60_000 } });
    for (const consumer of [copying, borrowing]) await consumer.ask({ op: 'consume', pool, lossless: true });
    const count = 600;
    const reads = [
      copying.ask<Read>({ op: 'all', count, borrow: false }),
      borrowing.ask<Read>({ op: 'all', count, borrow: true }),
    ];
    assert.is(await producer.ask({ op: 'put', count }), count - 1);
    for (const read of await Promise.all(reads)) assertRead(read, range(0, count - 1));
  });

  check(`${label}: killed, and taken over by the other architecture`, async () => {
    const pool = poolName('arm64-takeover');
    const first = producerOn();
    await using second = consumerOn();
    await using reader = consumerOn();
    await first.ask({ op: 'produce', pool, form: 'plain', historyLen: 2 });
    await first.ask({ op: 'put', count: 7 });
    await reader.ask({ op: 'consume', pool });
    await assertRefused(second.ask({ op: 'produce', pool, form: 'plain', historyLen: 2 }), /live producer/);
    await first.kill();
    assert.is(await second.ask({ op: 'produce', pool, form: 'plain', historyLen: 2 }), 7);
    assert.is(await second.ask({ op: 'put' }), 7);
    assertRead(await reader.ask({ op: 'get', historyLen: 2 }), [6, 7]);
  });
}

async function assertRefused(promise: Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, PeerError);
    assert.ok((error as PeerError).code !== undefined, 'an error of the library');
    assert.match((error as PeerError).message, message);
    return;
  }
  assert.unreachable('it was not refused');
}

const pageBytesOf = (pool: string) => readFileSync(`/dev/shm/tensoripc.${pool}`).readUInt32LE(HEADER_PAGE_BYTES);

for (const pageBytes of PAGE_SIZES.filter((bytes) => bytes > 4096)) {
  check(`pages of ${pageBytes} bytes: a pool made with them is read with smaller ones`, async () => {
    const pool = poolName('arm64-pages');
    await using producer = foreign(pageBytes);
    await using consumer = foreign(4096);
    await producer.ask({ op: 'produce', pool, form: 'record', historyLen: 5 });
    assert.is(pageBytesOf(pool), pageBytes);
    await consumer.ask({ op: 'consume', pool });
    for (let i = 0; i < 30; i++) {
      await producer.ask({ op: 'put' });
      if (i >= 4) assertRead(await consumer.ask({ op: 'get', historyLen: 5 }), range(i - 4, i));
    }
  });

  check(`pages of ${pageBytes} bytes: a pool made with smaller ones is refused with a word about pages`, async () => {
    const pool = poolName('arm64-pages');
    await using producer = native();
    await producer.ask({ op: 'produce', pool, form: 'plain', historyLen: 1 });
    assert.is(pageBytesOf(pool), 4096);
    await producer.ask({ op: 'put' });
    await using consumer = foreign(pageBytes);
    await assertRefused(consumer.ask({ op: 'consume', pool }), new RegExp(`pages of ${pageBytes} bytes`));
    // It did no harm.
    await using other = foreign(4096);
    await other.ask({ op: 'consume', pool });
    assertRead(await other.ask({ op: 'get' }), [0]);
  });
}

/** Where the emulated program executed a full barrier (dmb ish), by the log that qemu writes of the instructions it translates. */
function barriers(compiler: readonly string[], mode: 'with' | 'without'): { fences: number; addresses: number[] } {
  const log = join(folder, `${mode}.txt`);
  const program = fileURLToPath(new URL('./arm64-fences.mjs', import.meta.url));
  const output = execFileSync(ARM64_NODE, [...compiler, program, mode], {
    encoding: 'utf8',
    env: { ...arm64Environment(), QEMU_LOG: 'in_asm', QEMU_LOG_FILENAME: log },
  });
  const addresses = readFileSync(log, 'utf8').matchAll(/^(0x[0-9a-f]+):.*\bdmb\s+ish\s*$/gm);
  return { fences: Number(output), addresses: [...new Set([...addresses].map((match) => Number(match[1])))] };
}

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-arm64-'));
test.after(() => rmSync(folder, { recursive: true }));

for (const [compiler, flags] of [
  ['baseline', ['--liftoff-only']],
  ['optimising', ['--no-liftoff', '--no-wasm-tier-up']],
] as const) {
  check(`every fence of the core is a dmb in what V8's ${compiler} compiler makes of it`, () => {
    const bare = barriers(flags, 'without');
    assert.ok(bare.addresses.length > 0, 'qemu logs and disassembles: Node and its libraries have barriers of their own');
    const { fences, addresses } = barriers(flags, 'with');
    assert.ok(fences >= 3);
    // What V8 compiled lies far from Node and its libraries, which both runs have at the same addresses.
    const isShared = (address: number) => bare.addresses.some((other) => Math.abs(address - other) < 64 << 20);
    assert.is(addresses.filter((address) => !isShared(address)).length, fences);
  });
}

test.run();
