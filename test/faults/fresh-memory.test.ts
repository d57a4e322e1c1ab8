// Copies into memory of their own: what the collector has freed is used again, and not given back to the kernel and fetched anew, page by page.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';

const test = suite('fresh memory');

const glibc =
  (process.report?.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !== undefined;
/** Somebody has told the C library what to keep, and it no longer learns. */
const tuned = ['MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TOP_PAD_', 'GLIBC_TUNABLES'].some(
  (name) => process.env[name] !== undefined,
);
const collect = (globalThis as { gc?: () => void }).gc;

type Consumer = TensorConsumer<Uint8Array>;

/** The ways to be given a copy, each of the frame that was just put, and dropped. */
const WAYS: Readonly<Record<string, (consumer: Consumer) => () => Promise<number | undefined> | number | undefined>> = {
  get: (consumer) => () => consumer.get()?.data.at(-1),
  next: (consumer) => async () => (await consumer.next())?.data.at(-1),
  "'frame'": (consumer) => {
    let heard: (last: number | undefined) => void = () => {};
    consumer.on('frame', (frame) => heard(frame.data.at(-1)));
    return () =>
      new Promise((resolve) => {
        heard = resolve;
      });
  },
};

/** Page faults of a copy, over so many that the collector has freed most of them. */
async function faultsPerCopy(bytes: number, way: keyof typeof WAYS): Promise<number> {
  const name = poolName('fresh');
  const frame = new Uint8Array(bytes).fill(7);
  using producer = TensorProducer.fromSample(name, frame);
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  const read = WAYS[way]?.(consumer);
  const some = async (count: number) => {
    for (let i = 0; i < count; i++) {
      producer.put(frame);
      assert.is(await read?.(), 7);
      if (i % 8 === 7) collect?.();
    }
  };
  await some(32);
  const before = process.resourceUsage().minorPageFault;
  await some(64);
  return (process.resourceUsage().minorPageFault - before) / 64;
}

for (const way of Object.keys(WAYS)) {
  for (const bytes of [1 << 20, 6_220_800]) {
    test(`copies of ${bytes} bytes by ${way} that are dropped cost few page faults`, async () => {
      if (!glibc || tuned || collect === undefined) {
        console.log(`skip: ${collect === undefined ? 'no --expose-gc' : 'the C library is another, or is tuned'}`);
        return;
      }
      const faults = await faultsPerCopy(bytes, way);
      const pages = bytes / 4096;
      assert.ok(faults < pages / 4, `${faults.toFixed(0)} faults for each copy of ${pages.toFixed(0)} pages`);
    });
  }
}

test.run();
