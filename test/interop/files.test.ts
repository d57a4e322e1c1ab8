// node:fs straight from borrowed views and into loans: descriptors, file handles and streams.

import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readvSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { appendFile, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { borrowed, PicturePool, picture } from './support/picture';

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-files-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const FRAME_BYTES = picture(0).length;
const path = (name: string) => join(folder, name);
const holds = (name: string, ...seeds: number[]) => assert.ok(readFileSync(path(name)).equals(Buffer.concat(seeds.map(picture))));

test('writeSync and writevSync from borrowed views', () => {
  using pool = new PicturePool('files-write');
  const fd = openSync(path('sync'), 'w');
  for (const seed of [1, 2, 3]) {
    pool.publish(seed);
    using view = borrowed(pool.consumer);
    assert.is(writeSync(fd, view.data), FRAME_BYTES);
  }
  using window = pool.consumer.borrow({ historyLen: 3, latestFirst: false });
  assert.ok(window);
  assert.is(writevSync(fd, [window.at(0), window.at(2)]), 2 * FRAME_BYTES);
  closeSync(fd);
  holds('sync', 1, 2, 3, 1, 3);
});

test('writeFile, appendFile and FileHandle.write from borrowed views', async () => {
  using pool = new PicturePool('files-append');
  pool.publish(4);
  {
    // The slot is held until the write has happened: the promise says when.
    using view = borrowed(pool.consumer);
    await writeFile(path('promised'), view.data);
    await appendFile(path('promised'), view.data);
  }
  pool.publish(5);
  const file = await open(path('promised'), 'a');
  using view = borrowed(pool.consumer);
  assert.is((await file.write(view.data)).bytesWritten, FRAME_BYTES);
  await file.close();
  holds('promised', 4, 4, 5);
});

test('readSync and readvSync into a loan', async () => {
  using pool = new PicturePool('files-read');
  await writeFile(path('frames'), Buffer.concat([picture(6), picture(7)]));
  const fd = openSync(path('frames'), 'r');
  {
    using slot = pool.producer.loan();
    assert.is(readSync(fd, slot.data), FRAME_BYTES);
    slot.commit();
  }
  assert.equal(pool.consumer.get()?.data, picture(6));
  {
    using slot = pool.producer.loan();
    const half = FRAME_BYTES / 2;
    assert.is(readvSync(fd, [slot.data.subarray(0, half), slot.data.subarray(half)]), FRAME_BYTES);
    slot.commit();
  }
  closeSync(fd);
  assert.equal(pool.consumer.get()?.data, picture(7));
});

test('FileHandle.read into a loan', async () => {
  using pool = new PicturePool('files-handle');
  await writeFile(path('one'), picture(8));
  const file = await open(path('one'));
  using slot = pool.producer.loan();
  const { bytesRead } = await file.read(slot.data, 0, FRAME_BYTES, 0);
  await file.close();
  assert.is(bytesRead, FRAME_BYTES);
  slot.commit();
  assert.equal(pool.consumer.get()?.data, picture(8));
});

test('a write stream reads the pages when it writes: hold the slot until its callback', async () => {
  using pool = new PicturePool('files-stream');
  const stream = createWriteStream(path('stream'));
  for (const seed of [1, 2]) {
    pool.publish(seed);
    using view = borrowed(pool.consumer);
    await new Promise<void>((resolve, reject) => stream.write(view.data, (error) => (error ? reject(error) : resolve())));
  }
  pool.publish(3);
  using view = borrowed(pool.consumer);
  // A write that waits, here for uncork, keeps a reference: what is in the slot later is what counts, not what was in it at the call.
  stream.cork();
  stream.write(view.data);
  view.data.set(picture(9));
  stream.uncork();
  await new Promise<void>((resolve) => stream.end(resolve));
  holds('stream', 1, 2, 9);
});

test('a read stream, cut into frames, fills loans', async () => {
  using pool = new PicturePool('files-chunks');
  const seeds = [11, 12, 13, 14, 15];
  await writeFile(path('film'), Buffer.concat(seeds.map(picture)));
  const seen: number[] = [];
  let slot = pool.producer.loan();
  let filled = 0;
  // Chunks that do not fit frames evenly.
  for await (const chunk of createReadStream(path('film'), { highWaterMark: 5000 })) {
    for (let rest = chunk as Uint8Array; rest.length > 0; ) {
      const part = rest.subarray(0, FRAME_BYTES - filled);
      slot.data.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < FRAME_BYTES) continue;
      slot.commit();
      assert.equal(pool.consumer.get()?.data, picture(seeds[seen.length] as number));
      seen.push(seeds[seen.length] as number);
      slot = pool.producer.loan();
      filled = 0;
    }
  }
  slot.release();
  assert.equal(seen, seeds);
});

test.run();
