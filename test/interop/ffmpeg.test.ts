// ffmpeg through pipes: borrowed frames in, encoded without loss, and decoded into loans, bit for bit.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { testWith } from './support/peer';
import { borrowed, CHANNELS, HEIGHT, PicturePool, picture, WIDTH } from './support/picture';

const FRAMES = 30;
const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0 ? 'ffmpeg' : null;
if (ffmpeg === null) console.log('\nskip: video through pipes: ffmpeg is not installed (sudo apt install ffmpeg)');

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-ffmpeg-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const QUIET = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'];
const rawVideo = (format: string) => ['-f', 'rawvideo', '-pix_fmt', format, '-s', `${WIDTH}x${HEIGHT}`, '-r', '30'];

/** Resolves when the process has ended well. */
function ended(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`ffmpeg ended with ${code}: ${errors}`))));
  });
}

/** Writes a view to a pipe; resolves when the bytes have left the view, so that its slot may be given back. */
function write(stdin: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => stdin.write(bytes, (error) => (error ? reject(error) : resolve())));
}

testWith(ffmpeg, 'borrowed frames to ffv1, and back into loans through a pipe', async (program) => {
  using pool = new PicturePool('ffmpeg-encode');
  const film = join(folder, 'film.mkv');
  const encoder = spawn(program, [...QUIET, ...rawVideo('rgb24'), '-i', 'pipe:0', '-c:v', 'ffv1', '-pix_fmt', 'bgr0', film], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const encoded = ended(encoder);
  for (let k = 0; k < FRAMES; k++) {
    pool.publish(k);
    using view = borrowed(pool.consumer);
    await write(encoder.stdin, view.data);
  }
  encoder.stdin.end();
  await encoded;

  // Chunks of a pipe are what the kernel gives; each goes to its place in the slot.
  const decoder = spawn(program, [...QUIET, '-i', film, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const decoded = ended(decoder);
  let slot = pool.producer.loan();
  let filled = 0;
  let frames = 0;
  for await (const chunk of decoder.stdout) {
    for (let rest = chunk as Uint8Array; rest.length > 0; ) {
      const part = rest.subarray(0, slot.data.length - filled);
      slot.data.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < slot.data.length) continue;
      slot.commit();
      using view = borrowed(pool.consumer);
      assert.ok(Buffer.from(picture(frames)).equals(view.data), `frame ${frames}`);
      frames += 1;
      slot = pool.producer.loan();
      filled = 0;
    }
  }
  slot.release();
  await decoded;
  assert.is(filled, 0);
  assert.is(frames, FRAMES);
});

testWith(ffmpeg, 'decoded frames are read from a FIFO straight into loans', async (program) => {
  const depth = (k: number) => Uint16Array.from({ length: HEIGHT * WIDTH }, (_, i) => (i * 2657 + k * 991) & 0xffff);
  const sample = { data: depth(0), shape: [HEIGHT, WIDTH] };
  const film = join(folder, 'depth.mkv');
  const fifo = join(folder, 'frames');
  execFileSync('mkfifo', [fifo]);
  using producer = TensorProducer.fromSample(poolName('ffmpeg-depth'), sample);
  using consumer = TensorConsumer.attach<Uint16Array>(producer.name);
  const encoder = spawn(program, [...QUIET, ...rawVideo('gray16le'), '-i', 'pipe:0', '-c:v', 'ffv1', film], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const encoded = ended(encoder);
  for (let k = 0; k < FRAMES; k++) {
    producer.put({ ...sample, data: depth(k) });
    using view = consumer.borrow();
    assert.ok(view);
    await write(encoder.stdin, new Uint8Array(view.data.buffer, view.data.byteOffset, view.data.byteLength));
  }
  encoder.stdin.end();
  await encoded;

  // Opened for both directions, so that the open waits for nobody.
  const pipe = await open(fifo, constants.O_RDWR);
  const decoder = spawn(program, [...QUIET, '-i', film, '-f', 'rawvideo', '-pix_fmt', 'gray16le', fifo], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const decoded = ended(decoder);
  // If ffmpeg fails no bytes come: this ends the wait for them.
  decoded.catch(() => pipe.write(new Uint8Array(FRAMES * depth(0).byteLength)));
  for (let k = 0; k < FRAMES; k++) {
    using slot = producer.loan();
    const bytes = new Uint8Array(slot.data.buffer, slot.data.byteOffset, slot.data.byteLength);
    for (let filled = 0; filled < bytes.length; ) {
      const { bytesRead } = await pipe.read(bytes, filled, bytes.length - filled);
      filled += bytesRead;
    }
    slot.commit();
    using view = consumer.borrow();
    assert.equal(view?.data.slice(), depth(k), `frame ${k}`);
  }
  await decoded;
  await pipe.close();
});

testWith(ffmpeg, 'before its callback the pipe still reads the slot: release later, or hand over a copy', async (program) => {
  using pool = new PicturePool('ffmpeg-hold');
  const copied = join(folder, 'copied.raw');
  // Nothing is read for now, so that the pipe fills up and the last frames are still in our memory.
  const reader = spawn(program, [...QUIET, ...rawVideo('rgb24'), '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', 'rgb24', copied], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  // A test that fails halfway must not leave a stopped process behind.
  using _end = { [Symbol.dispose]: () => void reader.kill('SIGKILL') };
  reader.kill('SIGSTOP');
  const done = ended(reader);
  const frameBytes = WIDTH * HEIGHT * CHANNELS;
  const seeds = Array.from({ length: 40 }, (_, k) => k);
  for (const seed of seeds) {
    pool.publish(seed);
    const frame = pool.consumer.get();
    assert.ok(frame);
    reader.stdin.write(frame.data);
  }
  pool.publish(200);
  using view = borrowed(pool.consumer);
  const written = write(reader.stdin, view.data);
  assert.ok(reader.stdin.writableLength >= frameBytes, 'the frame is waiting');
  view.data.set(picture(201));
  reader.kill('SIGCONT');
  await written;
  reader.stdin.end();
  await done;
  const file = await open(copied);
  const bytes = await file.readFile();
  await file.close();
  assert.ok(bytes.equals(Buffer.concat([...seeds, 201].map(picture))));
});

test.run();
