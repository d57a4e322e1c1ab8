// sharp: pictures encoded straight from a borrowed frame, and decoded ones put into a pool.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { loadPeer, refusal, testWith } from './support/peer';
import { borrowed, CHANNELS, HEIGHT, PicturePool, picture, WIDTH } from './support/picture';

/** What these tests use of sharp. */
interface Pipeline {
  png(): Pipeline;
  jpeg(options: { quality: number; chromaSubsampling: string }): Pipeline;
  raw(options?: { depth: 'ushort' }): Pipeline;
  toColourspace(space: 'grey16'): Pipeline;
  resize(width: number, height: number, options: { kernel: 'nearest' }): Pipeline;
  toBuffer(): Promise<Buffer>;
}
interface Raw {
  raw: { width: number; height: number; channels: number };
}
type Sharp = (input: Uint8Array | Uint16Array | SharedArrayBuffer, options?: Raw) => Pipeline;

const library = loadPeer<Sharp>('sharp');
const raw = { width: WIDTH, height: HEIGHT, channels: CHANNELS };

testWith(library, 'a borrowed frame as PNG comes back bit for bit', async (sharp) => {
  using pool = new PicturePool('sharp-png');
  pool.publish(3);
  using view = borrowed(pool.consumer);
  assert.ok(view.data.buffer instanceof SharedArrayBuffer);
  const png = await sharp(view.data, { raw }).png().toBuffer();
  assert.equal([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
  const decoded = await sharp(png).raw().toBuffer();
  assert.ok(decoded.equals(picture(3)));
});

testWith(library, 'sharp reads the pages themselves, while it works', async (sharp) => {
  using pool = new PicturePool('sharp-alias');
  pool.publish(1);
  using view = borrowed(pool.consumer);
  // A pipeline made before the bytes change and started after.
  const pipeline = sharp(view.data, { raw }).raw();
  view.data.set(picture(2));
  assert.ok((await pipeline.toBuffer()).equals(picture(2)));
});

testWith(library, 'a borrowed frame as JPEG comes back with a small error', async (sharp) => {
  using pool = new PicturePool('sharp-jpeg');
  {
    using slot = pool.producer.loan();
    for (let i = 0; i < slot.data.length; i++) slot.data[i] = Math.floor(((i / CHANNELS) % WIDTH) * 3 + (i % CHANNELS) * 20);
    slot.commit();
  }
  using view = borrowed(pool.consumer);
  const jpeg = await sharp(view.data, { raw }).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
  const decoded = await sharp(jpeg).raw().toBuffer();
  assert.is(decoded.length, view.data.length);
  let worst = 0;
  for (let i = 0; i < decoded.length; i++) worst = Math.max(worst, Math.abs((decoded[i] as number) - (view.data[i] as number)));
  assert.ok(worst > 0 && worst <= 8, `off by up to ${worst}`);
});

testWith(library, 'depth of 16 bits keeps its values', async (sharp) => {
  const depth = Uint16Array.from({ length: HEIGHT * WIDTH }, (_, i) => (i * 2657) & 0xffff);
  const sample = { data: depth, shape: [HEIGHT, WIDTH] };
  using producer = TensorProducer.fromSample(poolName('sharp-depth'), sample);
  using consumer = TensorConsumer.attach<Uint16Array>(producer.name);
  producer.put(sample);
  using view = consumer.borrow();
  assert.ok(view);
  const options = { raw: { width: WIDTH, height: HEIGHT, channels: 1 } };
  const png = await sharp(view.data, options).toColourspace('grey16').png().toBuffer();
  const decoded = await sharp(png).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer();
  assert.equal(new Uint16Array(decoded.buffer, decoded.byteOffset, decoded.length / 2), depth);
});

testWith(library, 'what sharp decodes goes into put, and into a loan', async (sharp) => {
  using pool = new PicturePool('sharp-put');
  const png = await sharp(picture(8), { raw }).png().toBuffer();

  const pixels = await sharp(png).raw().toBuffer();
  pool.producer.put({ data: pixels, shape: [HEIGHT, WIDTH, CHANNELS] });
  assert.equal(pool.consumer.get()?.data, picture(8));

  // Decoding takes its time: the slot is lent only when the pixels are there.
  const larger = await sharp(png).resize(WIDTH, HEIGHT, { kernel: 'nearest' }).raw().toBuffer();
  using slot = pool.producer.loan();
  slot.data.set(larger);
  slot.commit();
  const frame = pool.consumer.get();
  assert.is(frame?.sequence, 1);
  assert.equal(frame?.data, picture(8));
});

testWith(library, 'a compressed picture is decoded from a pool of bytes', async (sharp) => {
  const png = await sharp(picture(4), { raw }).png().toBuffer();
  using producer = TensorProducer.fromSample(poolName('sharp-bytes'), png);
  using consumer = TensorConsumer.attach<Uint8Array>(producer.name);
  producer.put(png);
  using view = consumer.borrow();
  assert.ok(view);
  assert.ok((await sharp(view.data).raw().toBuffer()).equals(picture(4)));
});

testWith(library, 'a bare SharedArrayBuffer is refused: hand over the view', async (sharp) => {
  const error = await refusal(() =>
    sharp(new SharedArrayBuffer(WIDTH * HEIGHT * CHANNELS), { raw })
      .png()
      .toBuffer(),
  );
  assert.match(error?.message ?? 'accepted', 'SharedArrayBuffer');
});

test.run();
