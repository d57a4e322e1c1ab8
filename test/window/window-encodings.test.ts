// The window and what fields mean: encodings drawn as what they are, frames of varying length, and words where there is nothing to draw.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Encoding, TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildWindow } from '../../examples/electron/bundle.mjs';
import { serveWindow, type WindowServer } from '../../examples/electron/server';
import { poolName, sleep } from '../support/child';
import { noBrowser, openBrowser, type Page } from './browser';

const WATCHDOG_MS = 60_000;
const window = suite('window: encodings');
if (noBrowser !== null) console.log(`skip: the window and encodings: ${noBrowser}`);
const test = noBrowser === null ? window : window.skip;

interface Stage {
  readonly server: WindowServer;
  readonly page: Page;
  close(): Promise<void>;
}
let stage: Stage | null = null;
const faults: string[] = [];

if (noBrowser === null) {
  window.before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-window-'));
    await buildWindow('examples/electron/window', folder, 'http');
    const server = await serveWindow(folder);
    const { page, close } = await openBrowser();
    page.on('pageerror', (error) => faults.push(String(error)));
    stage = {
      server,
      page,
      async close() {
        await close();
        await server.close();
        rmSync(folder, { recursive: true });
      },
    };
  });
  window.after(() => stage?.close());
}

function on(): Stage {
  if (stage === null) throw new Error('the browser has not been started');
  return stage;
}

interface Field {
  readonly data: TypedArray;
  readonly shape: number[];
  readonly encoding?: Encoding;
  readonly maxLength?: number;
  readonly unit?: string;
}

async function eventually(what: string, expression: string, expected: unknown): Promise<void> {
  const deadline = Date.now() + WATCHDOG_MS;
  for (let found: unknown; ; await sleep(20)) {
    found = await on().page.evaluate(expression);
    if (found === expected) return;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}: found ${found}; ${faults.join()}`);
  }
}

const sequence = "document.getElementById('sequence').textContent";
const caption = async () => String(await on().page.evaluate("document.getElementById('range').textContent"));
const kind = async () => on().page.evaluate('document.body.dataset.picture');

async function look(pool: string): Promise<void> {
  await on().page.goto(`${on().server.url}?${new URLSearchParams({ pool })}`);
  await eventually('it is live', 'document.body.dataset.state', 'live');
}

/** RGB of the canvas, once it has this size. */
async function pixels(width: number, height: number): Promise<number[]> {
  const canvas = "document.getElementById('picture')";
  await eventually('the picture has its size', `${canvas}.width + 'x' + ${canvas}.height`, `${width}x${height}`);
  const rgba = (await on().page.evaluate(`(() => {
    const canvas = ${canvas};
    const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    context.drawImage(canvas, 0, 0);
    return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
  })()`)) as number[];
  return rgba.filter((_, i) => i % 4 !== 3);
}

/** Puts a frame, and gives what the page shows of it. */
async function shown(frame: Field | Record<string, Field>, width: number, height: number): Promise<number[]> {
  using producer = TensorProducer.fromSample(poolName('window-encoding'), frame);
  await look(producer.name);
  producer.put(frame);
  await eventually('the frame is named', sequence, '0');
  return pixels(width, height);
}

function near(found: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.is(found.length, expected.length);
  const off = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
  assert.ok(off <= tolerance, `${off} off: ${found} for ${expected}`);
}

// One colour, in every form: RGB (200, 120, 30) is Y 131, U 77, V 170 in BT.601 of limited range.
const COLOUR = [200, 120, 30];
const flat = (pixels: number) => Array.from({ length: pixels }, () => COLOUR).flat();
const [Y, U, V] = [131, 77, 170];
const luma = (pixels: number) => Array.from({ length: pixels }, () => Y);

const FLAT: readonly [encoding: Encoding, shape: number[], bytes: number[]][] = [
  ['rgb8', [2, 4, 3], flat(8)],
  ['bgr8', [2, 4, 3], Array.from({ length: 8 }, () => [30, 120, 200]).flat()],
  ['bgra8', [2, 4, 4], Array.from({ length: 8 }, () => [30, 120, 200, 255]).flat()],
  ['nv12', [3, 4], [...luma(8), U, V, U, V]],
  ['nv21', [3, 4], [...luma(8), V, U, V, U]],
  ['i420', [3, 4], [...luma(8), U, U, V, V]],
  ['yuyv', [2, 4, 2], Array.from({ length: 4 }, () => [Y, U, Y, V]).flat()],
  ['uyvy', [2, 4, 2], Array.from({ length: 4 }, () => [U, Y, V, Y]).flat()],
  ['bayer_rggb8', [2, 4], [200, 120, 200, 120, 120, 30, 120, 30]],
  ['bayer_gbrg8', [2, 4], [120, 30, 120, 30, 200, 120, 200, 120]],
];

for (const [encoding, shape, bytes] of FLAT) {
  test(`${encoding} has its colours`, async () => {
    const data = Uint8Array.from(bytes);
    near(await shown({ data, shape, encoding }, 4, 2), flat(8), /^(rgb|bgr|bayer)/.test(encoding) ? 0 : 2);
    assert.match(await caption(), new RegExp(`^4 × 2 ${encoding}$`));
    assert.is(await kind(), 'pixels');
  });
}

test('depth is coloured, with its unit', async () => {
  const data = Float32Array.of(0, 0.5, 1.5, 1);
  const found = await shown({ data, shape: [2, 2], encoding: 'depth32f', unit: 'm' }, 2, 2);
  assert.equal(found.slice(0, 3), [14, 16, 21], 'zero is no measurement');
  assert.equal(found.slice(3, 9), [48, 18, 59, 122, 4, 3]);
  assert.match(await caption(), /2 × 2 depth32f · 0\.5 to 1\.5 m/);
});

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const withFfmpeg = ffmpeg ? test : window.skip;
if (!ffmpeg) console.log('skip: packets in the window: ffmpeg is not installed (apt install ffmpeg)');

for (const [encoding, codec, tolerance] of [
  ['png', 'png', 0],
  ['jpeg', 'mjpeg', 8],
] as const) {
  withFfmpeg(`${encoding} packets of varying length are decoded, one after the other`, async () => {
    const sample: Field = { data: new Uint8Array(0), shape: [0], maxLength: 100_000, encoding };
    using producer = TensorProducer.fromSample(poolName('window-packet'), sample);
    await look(producer.name);
    for (const [k, size] of ['16x16', '64x48', '32x16'].entries()) {
      const [width = 0, height = 0] = size.split('x').map(Number);
      const source = ['-v', 'error', '-f', 'lavfi', '-i', `testsrc=size=${size}`, '-frames:v', '1'];
      const packet = spawnSync('ffmpeg', [...source, '-c:v', codec, '-q:v', '1', '-f', 'image2pipe', '-']).stdout;
      const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
      const expected = spawnSync('ffmpeg', ['-v', 'error', '-i', '-', ...raw], { input: packet }).stdout;
      producer.put(new Uint8Array(packet));
      await eventually('the frame is named', sequence, String(k));
      const found = await pixels(width, height);
      // Decoders of JPEG differ in how they spread chroma: most of the picture is flat.
      const off = found.map((value, i) => Math.abs(value - (expected[i] as number))).sort((a, b) => a - b);
      assert.is(off.length, expected.length);
      assert.ok(
        (off[Math.floor(off.length * 0.8)] as number) <= tolerance,
        `${encoding} ${size}: ${off[Math.floor(off.length * 0.8)]} off`,
      );
    }
    producer.put(Uint8Array.of(1, 2, 3));
    await eventually(
      'it says that it cannot',
      "document.getElementById('range').textContent",
      `the browser cannot decode this ${encoding}`,
    );
    assert.is(await kind(), 'text');
  });
}

test('what is not drawn is said; a record of varying fields draws those that are pictures', async () => {
  for (const [encoding, field] of [
    ['h264', { data: Uint8Array.of(0, 0, 1, 9), shape: [4], maxLength: 100, encoding: 'h264' }],
    ['points', { data: new Float32Array(6), shape: [2, 3], maxLength: 100, encoding: 'xyz' }],
  ] as const) {
    await shown({ ...field, shape: [...field.shape] }, 960, 480);
    assert.match(await caption(), encoding === 'points' ? /points are not drawn here: tensor-ipc snapshot/ : /H\.264 packets/);
    assert.is(await kind(), 'text');
  }
  const record: Record<string, Field> = {
    points: { data: new Float32Array(9), shape: [3, 3], maxLength: 1000, encoding: 'xyz' },
    mask: { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2], maxLength: 50, encoding: 'mono8' },
  };
  assert.equal(
    await shown(record, 2, 3),
    [1, 2, 3, 4, 5, 6].flatMap((shade) => [shade, shade, shade]),
  );
});

test('nothing failed on the page', () => assert.equal(faults, []));

window.run();
