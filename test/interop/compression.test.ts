// zlib, crypto and compression streams over borrowed views.

import { createHash, createHmac, getRandomValues, hkdfSync, randomFillSync, webcrypto } from 'node:crypto';
import * as zlib from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { note, refusal } from './support/peer';
import { borrowed, PicturePool, picture } from './support/picture';

type Codec = (bytes: Uint8Array) => Buffer;

// zstd came with Node 22.15: there or not.
const { zstdCompressSync, zstdDecompressSync } = zlib as { zstdCompressSync?: Codec; zstdDecompressSync?: Codec };
const codecs: Record<string, [Codec, Codec] | null> = {
  deflate: [zlib.deflateSync, zlib.inflateSync],
  gzip: [zlib.gzipSync, zlib.gunzipSync],
  brotli: [zlib.brotliCompressSync, zlib.brotliDecompressSync],
  zstd: zstdCompressSync && zstdDecompressSync ? [zstdCompressSync, zstdDecompressSync] : null,
};

for (const [name, codec] of Object.entries(codecs)) {
  if (codec === null) {
    note(`node:zlib has no ${name}`);
    continue;
  }
  const [compress, decompress] = codec;
  test(`${name}: a borrowed view is compressed, and unpacked from a pool`, () => {
    using pool = new PicturePool(`zlib-${name}`);
    pool.publish(1);
    using view = borrowed(pool.consumer);
    const packed = compress(view.data);
    assert.ok(packed.length < view.data.length, 'the picture has patterns to find');
    assert.ok(decompress(packed).equals(picture(1)));
    using slot = pool.producer.loan();
    slot.data.set(decompress(packed));
    slot.commit();
    assert.equal(pool.consumer.get()?.data, picture(1));
  });
}

test('gzip on the thread pool: hold the slot until the callback', async () => {
  using pool = new PicturePool('zlib-async');
  pool.publish(2);
  using view = borrowed(pool.consumer);
  const packed = await new Promise<Buffer>((resolve, reject) =>
    zlib.gzip(view.data, (error, result) => (error ? reject(error) : resolve(result))),
  );
  assert.ok(zlib.gunzipSync(packed).equals(picture(2)));
});

test('a gzip stream takes borrowed views one after the other', async () => {
  using pool = new PicturePool('zlib-stream');
  const gzip = zlib.createGzip();
  const packed: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => packed.push(chunk));
  const ended = new Promise((resolve) => gzip.on('end', resolve));
  for (const seed of [3, 4, 5]) {
    pool.publish(seed);
    using view = borrowed(pool.consumer);
    await new Promise<void>((resolve, reject) => gzip.write(view.data, (error) => (error ? reject(error) : resolve())));
  }
  gzip.end();
  await ended;
  assert.ok(zlib.gunzipSync(Buffer.concat(packed)).equals(Buffer.concat([3, 4, 5].map(picture))));
});

test('hashes and HMACs of a borrowed view', () => {
  using pool = new PicturePool('hash');
  pool.publish(6);
  using view = borrowed(pool.consumer);
  for (const algorithm of ['sha256', 'sha1', 'md5', 'blake2b512']) {
    const expected = createHash(algorithm).update(picture(6)).digest('hex');
    assert.is(createHash(algorithm).update(view.data).digest('hex'), expected, algorithm);
  }
  assert.equal(
    createHmac('sha256', view.data).update(view.data).digest('hex'),
    createHmac('sha256', picture(6)).update(picture(6)).digest('hex'),
  );
  assert.equal(
    new Uint8Array(hkdfSync('sha256', view.data, '', '', 32)),
    new Uint8Array(hkdfSync('sha256', picture(6), '', '', 32)),
  );
});

test('random bytes straight into a loan', () => {
  using pool = new PicturePool('random');
  for (const fill of [randomFillSync, getRandomValues]) {
    using slot = pool.producer.loan();
    slot.data.fill(0);
    fill(slot.data);
    slot.commit();
    const values = new Set(pool.consumer.get()?.data);
    assert.ok(values.size > 200, 'of 256, in thousands of bytes');
  }
});

/** Web APIs that take a copy of a frame, and of which some refuse the view. */
const WEB: Record<string, (bytes: Uint8Array) => Promise<Uint8Array>> = {
  'crypto.subtle.digest': async (bytes) => new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes)),
  CompressionStream: async (bytes) => {
    const stream = new CompressionStream('gzip');
    const writer = stream.writable.getWriter();
    const written = writer.write(bytes).then(() => writer.close());
    const [packed] = await Promise.all([new Response(stream.readable).arrayBuffer(), written]);
    return zlib.gunzipSync(new Uint8Array(packed));
  },
  Blob: async (bytes) => new Uint8Array(await new Blob([bytes]).arrayBuffer()),
};

for (const [name, way] of Object.entries(WEB)) {
  test(`${name} takes the bytes of a view, or refuses it with an error and takes a copy`, async () => {
    using pool = new PicturePool('web');
    pool.publish(7);
    const copy = pool.consumer.get()?.data;
    using view = borrowed(pool.consumer);
    assert.ok(copy);
    const expected = Buffer.from(await way(copy));
    let found = expected;
    const error = await refusal(async () => {
      found = Buffer.from(await way(view.data));
    });
    assert.ok(found.equals(expected));
    assert.ok(error === null || error instanceof TypeError, error?.stack);
    if (error !== null) note(`${name} refuses shared memory: ${error.message}`);
  });
}

test('Response refuses a view, or mistakes it for text: give it a copy', async () => {
  using pool = new PicturePool('response');
  pool.publish(7);
  const copy = pool.consumer.get()?.data;
  using view = borrowed(pool.consumer);
  assert.ok(copy);
  assert.ok(Buffer.from(await new Response(copy).arrayBuffer()).equals(picture(7)));
  let body = '';
  const error = await refusal(async () => {
    body = await new Response(view.data).text();
  });
  if (error !== null) assert.ok(error instanceof TypeError, error.stack);
  // Not an error, and not the bytes either. Should this fail one day because the bytes arrive: so much the better.
  else assert.is(body, view.data.join(','));
  note(
    error === null
      ? `Response(view) is the text "${body.slice(0, 11)}…", not the bytes`
      : `Response refuses shared memory: ${error.message}`,
  );
});

test.run();
