// What JavaScript itself does with borrowed views: text, clones, and messages to worker threads.

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { borrowed, PicturePool, picture } from './support/picture';

test('TextDecoder reads, and TextEncoder writes, the pages', () => {
  using pool = new PicturePool('text');
  const message = 'frame 12: Grüße, 温度 21 °C';
  let written = 0;
  {
    using slot = pool.producer.loan();
    written = new TextEncoder().encodeInto(message, slot.data).written;
    slot.commit();
  }
  using view = borrowed(pool.consumer);
  assert.is(new TextDecoder('utf-8', { fatal: true }).decode(view.data.subarray(0, written)), message);
  assert.is(new TextDecoder('latin1').decode(view.data.subarray(0, 5)), 'frame');
});

test('Buffer.from(view.buffer, …) is the same memory', () => {
  using pool = new PicturePool('buffer');
  pool.publish(1);
  using view = borrowed(pool.consumer);
  const buffer = Buffer.from(view.data.buffer, view.data.byteOffset, view.data.byteLength);
  assert.ok(buffer.equals(picture(1)));
  view.data[0] = 0xab;
  assert.is(buffer[0], 0xab);
});

test('structuredClone shares, it does not copy', () => {
  using pool = new PicturePool('clone');
  pool.publish(1);
  using view = borrowed(pool.consumer);
  const clone = structuredClone(view.data);
  assert.equal(clone, picture(1));
  view.data[7] = 1;
  assert.is(clone[7], 1);
  clone[7] = 2;
  assert.is(view.data[7], 2);
});

test('a message port shares too', () => {
  using pool = new PicturePool('port');
  pool.publish(2);
  using view = borrowed(pool.consumer);
  const { port1, port2 } = new MessageChannel();
  port1.postMessage({ pixels: view.data });
  const received = receiveMessageOnPort(port2)?.message as { pixels: Uint8Array };
  port1.close();
  assert.equal(received.pixels, picture(2));
  view.data[9] = 200;
  assert.is(received.pixels[9], 200);
});

test('a view posted to a worker is read and written there, on the same pages', async () => {
  using pool = new PicturePool('worker');
  const worker = new Worker(new URL('./interop-sum.mjs', import.meta.url));
  const ask = (message: unknown) =>
    new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
      worker.postMessage(message);
    });
  const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0);
  try {
    for (const seed of [3, 4]) {
      pool.publish(seed);
      using view = borrowed(pool.consumer);
      assert.is(await ask({ read: view.data }), sum(picture(seed)));
    }
    // A loan filled by the worker: the producer waits for its answer, and publishes.
    using slot = pool.producer.loan();
    await ask({ fill: slot.data, seed: 5 });
    slot.commit();
    assert.equal(pool.consumer.get()?.data, picture(5));
  } finally {
    await worker.terminate();
  }
});

test.run();
