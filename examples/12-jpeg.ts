// A camera that compresses: JPEG images of ffmpeg as frames of varying length, recorded without a gap, and the latest ones in a window.
//
//   node scripts/run.mjs examples/12-jpeg.ts

import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

const [, program = '', role, name = `example-jpeg-${process.pid}`] = process.argv;
const IMAGES = 60;
const MAX_BYTES = 300_000;
const QUIET = ['-v', 'error', '-nostdin'];

/** The images in what ffmpeg writes, each from ff d8 to ff d9, as they come. */
async function* imagesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const end = Buffer.of(0xff, 0xd9);
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (let at = rest.indexOf(end); at >= 0; at = rest.indexOf(end)) {
      yield rest.subarray(0, at + 2);
      rest = rest.subarray(at + 2);
    }
  }
}

async function camera(): Promise<void> {
  const packet = { data: new Uint8Array(0), shape: [0], maxLength: MAX_BYTES, encoding: 'jpeg', frameId: 'camera' } as const;
  const producer = TensorProducer.fromSample(name, packet, { historyLen: 8, waitTimeoutMs: 30_000 });
  await once(process, 'message');
  const args = ['-f', 'lavfi', '-i', 'testsrc2=size=640x480:rate=30', '-frames:v', String(IMAGES), '-c:v', 'mjpeg', '-q:v', '3'];
  const ffmpeg = spawn('ffmpeg', [...QUIET, ...args, '-f', 'mjpeg', '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const hash = createHash('sha256');
  for await (const image of imagesOf(ffmpeg.stdout)) {
    hash.update(image);
    // As many bytes as the image has, of the room for the largest.
    await producer.putAsync(image);
  }
  process.send?.(hash.digest('hex'));
  await once(process, 'message');
  producer.close();
  process.disconnect();
}

async function recorder(): Promise<void> {
  using consumer = TensorConsumer.attach<Uint8Array>(name, { delivery: 'all', from: 'oldest' });
  consumer.on('disconnect', () => consumer.close());
  const child = fork(program, ['camera', name]);
  consumer.on('connect', (metadata) => {
    console.log(`connected: ${metadata}`);
    child.send('start');
  });
  const sent = once(child, 'message');
  const hash = createHash('sha256');
  const sizes: number[] = [];
  for await (using view of consumer.frames({ borrow: true })) {
    const image = view.data;
    assert.deepEqual(view.shape, [image.length], 'a view is as long as its image');
    assert.deepEqual([...image.subarray(0, 2), ...image.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9]);
    hash.update(image);
    sizes.push(image.length);
    if (sizes.length < IMAGES) continue;
    await showLatest(consumer, sizes);
    child.send('end');
  }
  const [digest] = await sent;
  assert.equal(sizes.length, IMAGES);
  assert.equal(hash.digest('hex'), digest, 'every byte of every image, in order');
  console.log(`${IMAGES} images of ${Math.min(...sizes)} to ${Math.max(...sizes)} bytes, and their hashes agree`);
  if (child.exitCode === null) await once(child, 'exit');
}

/** A window of images that differ in length: one by one, each as long as it is. */
async function showLatest(consumer: TensorConsumer<Uint8Array>, sizes: readonly number[]): Promise<void> {
  using window = consumer.get({ historyLen: 3 });
  assert.ok(window);
  assert.deepEqual(window.lengths, sizes.slice(-3).reverse());
  const folder = await mkdtemp(join(tmpdir(), 'jpeg-'));
  try {
    const file = join(folder, 'latest.jpg');
    await writeFile(file, window.at(0));
    const { status, stderr } = spawnSync('ffmpeg', [...QUIET, '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, ''], 'a decoder takes the image');
    console.log(
      `the latest three have ${window.lengths?.join(', ')} bytes; the newest decodes, ${(await readFile(file)).length} bytes`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (spawnSync('ffmpeg', ['-version']).status !== 0)
  console.log('ffmpeg is not installed: apt install ffmpeg. Nothing was shown.');
else await (role === 'camera' ? camera() : recorder());
