// The window of examples/electron in a real browser: real footage, a real producer process, and the pixels compared one by one.

import { fork, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, sleep } from '../support/child';
import { noBrowser, openBrowser, type Page } from './browser';
import { decodeFootage, FRAME_BYTES, FRAMES, noFootage, SIZE } from './footage';
import type { Request } from './programs/window-producer';

const FPS = 20;
const WATCHDOG_MS = 60_000;
const UPDATE = process.env['UPDATE_IMAGES'] === '1';

const window = suite('window');
const missing = noBrowser ?? noFootage;
if (missing !== null) console.log(`skip: the window in a browser: ${missing}`);
const test = missing === null ? window : window.skip;

interface Stage {
  readonly page: Page;
  readonly url: string;
  readonly footage: Buffer;
  readonly file: string;
  readonly folder: string;
  close(): Promise<void>;
}
let stage: Stage | null = null;
const faults: string[] = [];

function on(): Stage {
  if (stage === null) throw new Error('the browser has not been started');
  return stage;
}

if (missing === null) {
  window.before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-window-test-'));
    const server = fork(fileURLToPath(new URL('./window-server.mjs', import.meta.url)), [], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const url = await new Promise<string>((resolve) => server.stdout?.once('data', (line) => resolve(String(line).trim())));
    const { page, close } = await openBrowser();
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.setViewport({ width: 1280, height: 820 });
    const file = decodeFootage(folder);
    stage = {
      page,
      url,
      file,
      folder,
      footage: readFileSync(file),
      async close() {
        await close();
        const ended = new Promise((resolve) => server.once('exit', resolve));
        server.kill('SIGTERM');
        await ended;
        rmSync(folder, { recursive: true });
      },
    };
  });
  window.after(() => stage?.close());
}

async function producer(pool: string, dtype: string, shape: number[]): Promise<Child> {
  const child = new Child('window-producer');
  await ask(child, { op: 'open', pool, dtype, shape });
  return child;
}

async function ask(child: Child, request: Request): Promise<unknown> {
  const { value, error } = await child.ask<{ value?: unknown; error?: { message: string } }>(request);
  if (error !== undefined) throw new Error(error.message);
  return value;
}

async function play(pool: string): Promise<Child> {
  const child = await producer(pool, 'uint8', [SIZE.height, SIZE.width, 3]);
  await ask(child, { op: 'play', file: on().file, fps: FPS });
  return child;
}

const look = (pool: string) => on().page.goto(`${on().url}?${new URLSearchParams({ pool })}`);
const says = async (id: string) => String(await on().page.evaluate(`document.getElementById('${id}').textContent`));
const state = async () => String(await on().page.evaluate('document.body.dataset.state'));

async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WATCHDOG_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}; ${await state()}, frame ${await says('sequence')}`);
    await sleep(30);
  }
}

/** RGBA of the canvas, as the page has it on the screen. */
async function pixels(): Promise<Buffer> {
  const text = await on().page.evaluate(`(() => {
    const canvas = document.getElementById('picture');
    const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    context.drawImage(canvas, 0, 0);
    return new Uint8Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer).toBase64();
  })()`);
  return Buffer.from(String(text), 'base64');
}

function isFootage(rgba: Buffer, index: number): boolean {
  const at = (index % FRAMES) * FRAME_BYTES;
  if (rgba.length !== (FRAME_BYTES / 3) * 4) return false;
  for (let i = 0; i < FRAME_BYTES / 3; i++) {
    for (let c = 0; c < 3; c++) if (rgba[i * 4 + c] !== on().footage[at + i * 3 + c]) return false;
    if (rgba[i * 4 + 3] !== 255) return false;
  }
  return true;
}

const number = async (id: string) => Number((await says(id)).replaceAll(',', ''));

test('the page is cross-origin isolated and waits for a producer', async () => {
  const pool = poolName('window');
  await look(pool);
  assert.is(await on().page.evaluate('crossOriginIsolated'), true);
  await eventually('it says that it waits', async () => (await says('name')) === pool && (await says('state')) === 'waiting');
  assert.is(await says('headline'), 'Waiting for a producer');
});

test('live footage: the pixels are those of the frame that the page names; rate and latency are right', async () => {
  const pool = poolName('window');
  await look(pool);
  await using child = await play(pool);
  await eventually('40 frames were drawn', async () => Number(await on().page.evaluate('document.body.dataset.drawn')) > 40);
  assert.is(await state(), 'live');
  assert.is(await says('form'), `uint8 [${SIZE.height}, ${SIZE.width}, 3], history 2`);
  const rate = await number('rate');
  assert.ok(rate > FPS / 3 && rate < FPS * 3, `${rate} fps at ${FPS}`);
  const latency = await number('latency');
  assert.ok(latency > 0 && latency < 10_000, `${latency} ms`);
  assert.ok((await number('latency-p95')) >= latency);
  assert.is.not(await on().page.evaluate("document.querySelector('.pool.chosen .name')?.textContent"), undefined);

  for (let round = 0; round < 3; round++) {
    await on().page.click('#pause');
    const sequence = await settled();
    await eventually(`frame ${sequence} is on the canvas`, async () => isFootage(await pixels(), sequence));
    assert.not.ok(isFootage(await pixels(), sequence + 7), 'the comparison tells frames apart');
    // However long the page did not ask, it goes on with what is newest then.
    await sleep(300);
    const published = inspect(pool)?.framesPublished ?? 0;
    assert.ok(published > sequence + 1, 'the producer went on');
    await on().page.click('#pause');
    await eventually('it goes on', async () => (await number('sequence')) > sequence);
    assert.ok((await number('sequence')) >= published - 1, `${await says('sequence')} after ${published} were published`);
  }
  const before = await number('missed');
  await on().page.evaluate('for (const begun = performance.now(); performance.now() < begun + 1000; );');
  await eventually('what a busy page did not show is counted', async () => (await number('missed')) > before);
  await ask(child, { op: 'close' });
});

/** The sequence number of a paused page, once it does not change any more. */
async function settled(): Promise<number> {
  let before = -1;
  await eventually('the page stands still', async () => {
    const now = await number('sequence');
    const still = now === before;
    before = now;
    await sleep(200);
    return still;
  });
  return before;
}

test('a producer that is killed, comes back, and closes', async () => {
  const pool = poolName('window');
  await look(pool);
  const first = await play(pool);
  await eventually('it is live', async () => (await state()) === 'live' && (await says('sequence')) !== '');
  await first.kill('SIGKILL');
  await eventually('it says that the producer died', async () => (await state()) === 'died');
  assert.is(await says('headline'), 'The producer has died');
  const last = await number('sequence');
  await using second = await play(pool);
  await eventually('it is live again', async () => (await state()) === 'live' && (await number('sequence')) > last);
  await ask(second, { op: 'close' });
  await eventually('it says that the pool was closed', async () => (await state()) === 'closed');
  assert.equal(
    leftovers(pool).filter((name) => !name.includes('-bell')),
    [],
  );
});

type Colour = readonly [number, number, number];
const HOLE: Colour = [14, 16, 21];
const [LOWEST, HIGHEST]: [Colour, Colour] = [
  [48, 18, 59],
  [122, 4, 3],
];
const KINDS: readonly [dtype: string, shape: number[], data: TypedArray, expected: readonly Colour[]][] = [
  [
    'uint8',
    [2, 2],
    Uint8Array.of(0, 7, 128, 255),
    [
      [0, 0, 0],
      [7, 7, 7],
      [128, 128, 128],
      [255, 255, 255],
    ],
  ],
  [
    'uint8',
    [1, 2, 1],
    Uint8Array.of(3, 250),
    [
      [3, 3, 3],
      [250, 250, 250],
    ],
  ],
  [
    'uint8',
    [1, 2, 4],
    Uint8Array.of(1, 2, 3, 255, 200, 100, 50, 255),
    [
      [1, 2, 3],
      [200, 100, 50],
    ],
  ],
  [
    'uint8',
    [3, 1, 2],
    Uint8Array.of(1, 2, 3, 4, 5, 6),
    [
      [1, 3, 5],
      [2, 4, 6],
    ],
  ],
  ['uint16', [2, 2], Uint16Array.of(0, 500, 4000, 500), [HOLE, LOWEST, HIGHEST, LOWEST]],
  ['float32', [2, 2], Float32Array.of(-1.5, Number.NaN, 0, 2.5), [LOWEST, HOLE, [50, 242, 152], HIGHEST]],
];

for (const [dtype, shape, data, expected] of KINDS) {
  test(`${dtype} [${shape.join(', ')}]`, async () => {
    const pool = poolName('window');
    await using child = await producer(pool, dtype, shape);
    await look(pool);
    await eventually('it is connected', async () => (await state()) === 'live');
    await ask(child, { op: 'put', data });
    await eventually('the frame is drawn', async () => (await says('sequence')) === '0');
    await eventually('its pixels are on the canvas', async () => (await pixels()).length === expected.length * 4);
    const found = await pixels();
    const colours = expected.map((_, index) => [...found.subarray(index * 4, index * 4 + 3)]);
    // Between two points of the colour map a value in the middle may fall to either side by one of 256 colours.
    const near = expected.every((colour, i) =>
      colour.every((channel, c) => Math.abs(channel - (colours[i]?.[c] ?? -99)) <= (dtype === 'float32' && i === 2 ? 4 : 0)),
    );
    assert.ok(near, JSON.stringify(colours));
  });
}

test('values that are no picture are shown as bars', async () => {
  const pool = poolName('window');
  await using child = await producer(pool, 'float32', [7]);
  await look(pool);
  await eventually('it is connected', async () => (await state()) === 'live');
  await ask(child, { op: 'put', data: Float32Array.of(-1, 0, 1, 2, 3, Number.NaN, 5) });
  await eventually('bars are drawn', async () => (await on().page.evaluate('document.body.dataset.picture')) === 'bars');
  const colours = new Set<number>();
  const found = await pixels();
  for (let at = 0; at < found.length; at += 4) colours.add(found.readUIntBE(at, 3));
  assert.ok(colours.has(0xe0796b) && colours.has(0x5cc8a8), 'bars below and above zero');
});

test('a window of any size shows the whole picture and goes on', async () => {
  const pool = poolName('window');
  await using child = await play(pool);
  await look(pool);
  for (const [width, height] of [
    [1600, 900],
    [700, 600],
    [420, 380],
  ] as const) {
    await on().page.setViewport({ width, height });
    const before = (await says('sequence')) === '' ? -1 : await number('sequence');
    await eventually('it draws', async () => (await says('sequence')) !== '' && (await number('sequence')) > before + 2);
    const box = (await on().page.evaluate(`(() => {
      const [picture, stage] = ['picture', 'stage'].map((id) => document.getElementById(id).getBoundingClientRect());
      const root = document.documentElement;
      return { over: Math.max(root.scrollWidth - innerWidth, root.scrollHeight - innerHeight), width: picture.width, height: picture.height,
        inside: picture.left >= stage.left && picture.right <= stage.right && picture.top >= stage.top && picture.bottom <= stage.bottom };
    })()`)) as { over: number; inside: boolean; width: number; height: number };
    assert.ok(box.over <= 0 && box.inside && box.width > 100 && box.height > 60, `${width}×${height}: ${JSON.stringify(box)}`);
  }
  await on().page.setViewport({ width: 1280, height: 820 });
  await ask(child, { op: 'close' });
});

test('the server answers nobody who has not been given its address', async () => {
  const { port, pathname, host } = new URL(on().url);
  const status = (path: string, headers: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path, headers }, (response) => resolve(response.resume().statusCode ?? 0)).on(
        'error',
        reject,
      );
    });
  assert.is(await status(`${pathname}pools`), 200);
  assert.is(await status('/pools'), 404);
  assert.is(await status(`/${'x'.repeat(32)}/pools`), 404);
  assert.is(await status(`${pathname}../../package.json`), 404);
  assert.is(await status(`${pathname}pools`, { host: 'evil.example' }), 421);
  assert.is(await status(`${pathname}pools`, { host: `evil.example:${port}` }), 421);
  assert.is(await status(`${pathname}pools`, { host }), 200);
});

if (UPDATE) {
  test('the picture in the documentation', async () => {
    await using camera = await play('front_camera');
    await using depth = await producer('wrist_depth', 'uint16', [480, 640]);
    const data = new Uint16Array(480 * 640);
    const timer = setInterval(() => {
      ask(depth, { op: 'put', data }).catch((error) => faults.push(String(error)));
    }, 33);
    await on().page.setViewport({ width: 1200, height: 750 });
    await look('front_camera');
    // Whatever else runs on this machine has pools too.
    await on().page.evaluate(`(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('.pool:not([data-pool="front_camera"], [data-pool="wrist_depth"]) { display: none }');
      document.adoptedStyleSheets.push(sheet);
    })()`);
    // The line of latencies takes so long to reach across.
    await sleep(13_000);
    const { folder } = on();
    await on().page.screenshot({ path: join(folder, 'window.png') });
    clearInterval(timer);
    // 128 colours without dithering do for a page of documentation, at a fifth of the bytes: the package holds this picture.
    const filter = 'scale=960:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=128[p];[b][p]paletteuse=dither=none';
    const args = ['-v', 'error', '-y', '-i', join(folder, 'window.png'), '-vf', filter, 'docs/images/window.png'];
    assert.is(spawnSync('ffmpeg', args).status, 0);
    const { size } = statSync('docs/images/window.png');
    assert.ok(size < 200_000, `${size} bytes`);
    await ask(camera, { op: 'close' });
  });
}

test('no error in the page, nothing left behind', async () => {
  assert.equal(faults, []);
  assert.equal(
    readdirSync('/dev/shm').filter((name) => name.startsWith('tensoripc.') && name.includes(`-window-${process.pid}-`)),
    [],
  );
});

window.run();
