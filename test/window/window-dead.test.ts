// The window and pools whose producers have died: it says so, shows their last frame and its age, and never another pool's picture.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, sleep } from '../support/child';
import { noBrowser, openBrowser, type Page } from './browser';
import type { Request } from './programs/window-producer';

const WATCHDOG_MS = 60_000;
const SHAPE = [40, 60, 3];
const [RED, GREEN] = [
  [200, 10, 20],
  [15, 180, 40],
] as const;

const window = suite('the window and dead pools');
if (noBrowser !== null) console.log(`skip: dead pools in the window: ${noBrowser}`);
const test = noBrowser === null ? window : window.skip;

interface Stage {
  readonly page: Page;
  readonly url: string;
  close(): Promise<void>;
}
let stage: Stage | null = null;
const faults: string[] = [];

function on(): Stage {
  if (stage === null) throw new Error('the browser has not been started');
  return stage;
}

if (noBrowser === null) {
  window.before(async () => {
    const program = fileURLToPath(new URL('./window-server.mjs', import.meta.url));
    const server = fork(program, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const url = await new Promise<string>((resolve) => server.stdout?.once('data', (line) => resolve(String(line).trim())));
    const { page, close } = await openBrowser();
    page.on('pageerror', (error) => faults.push(String(error)));
    stage = {
      page,
      url,
      async close() {
        await close();
        const ended = new Promise((resolve) => server.once('exit', resolve));
        server.kill('SIGTERM');
        await ended;
      },
    };
  });
  window.after(() => stage?.close());
}

function picture([r, g, b]: readonly [number, number, number]): Uint8Array {
  const data = new Uint8Array(SHAPE.reduce((product, extent) => product * extent, 1));
  for (let at = 0; at < data.length; at += 3) data.set([r, g, b], at);
  return data;
}

async function ask(child: Child, request: Request): Promise<unknown> {
  const { value, error } = await child.ask<{ value?: unknown; error?: { message: string } }>(request);
  if (error !== undefined) throw new Error(error.message);
  return value;
}

/** Puts so many frames of one colour. */
async function producer(pool: string, colour: readonly [number, number, number], frames: number): Promise<Child> {
  const child = new Child('window-producer');
  await ask(child, { op: 'open', pool, dtype: 'uint8', shape: SHAPE });
  for (let k = 0; k < frames; k++) await ask(child, { op: 'put', data: picture(colour) });
  return child;
}

const look = (pool: string) => on().page.goto(`${on().url}?${new URLSearchParams({ pool })}`);
const says = async (id: string) => String(await on().page.evaluate(`document.getElementById('${id}').textContent`));
const state = async () => String(await on().page.evaluate('document.body.dataset.state'));
const choose = (pool: string) => on().page.evaluate(`document.querySelector('[data-pool="${pool}"]').click()`);
const isListed = (pool: string) => on().page.evaluate(`document.querySelector('[data-pool="${pool}"]') !== null`);

async function eventually(what: string, condition: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + WATCHDOG_MS;
  while ((await condition()) !== true) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}; ${await state()}, frame ${await says('sequence')}`);
    await sleep(30);
  }
}

/** Red, green and blue in the middle of the canvas; null where none is shown. */
const COLOUR = `(() => {
  if (document.body.dataset.picture === undefined) return null;
  const canvas = document.getElementById('picture');
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.drawImage(canvas, canvas.width >> 1, canvas.height >> 1, 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].join();
})()`;

test('a pool that was dead before the window opened: dead, its last frame, and how old that is', async () => {
  const [dead, live] = [poolName('window-dead'), poolName('window-live')];
  await (await producer(dead, GREEN, 3)).kill('SIGKILL');
  await using child = await producer(live, RED, 1);
  await look(live);
  await eventually('the live pool is shown', async () => (await on().page.evaluate(COLOUR)) === RED.join());
  await eventually('the dead pool is listed', () => isListed(dead));
  assert.match(
    String(await on().page.evaluate(`document.querySelector('[data-pool="${dead}"] .figure').textContent`)),
    /^dead \d+ (s|min)$/,
  );
  await choose(dead);
  await eventually('it says dead', async () => (await state()) === 'died' && (await says('sequence')) === '2');
  assert.is(await says('state'), 'dead');
  assert.is(await says('headline'), 'The producer has died');
  assert.is(await says('form'), 'uint8 [40, 60, 3], history 2');
  assert.is(await on().page.evaluate(COLOUR), GREEN.join());
  const age = /^This is its last frame, published (\d+) s ago\. /;
  const first = Number(age.exec(await says('hint'))?.[1]);
  assert.ok(first >= 0, await says('hint'));
  await eventually('its age grows', async () => Number(age.exec(await says('hint'))?.[1]) >= first + 2);
  // Its next producer takes over, and the window goes on with that.
  await using successor = await producer(dead, RED, 1);
  await eventually('it is live again', async () => (await state()) === 'live' && (await says('sequence')) === '3');
  await eventually('with its own picture', async () => (await on().page.evaluate(COLOUR)) === RED.join());
  for (const end of [child, successor]) await ask(end, { op: 'close' });
});

test('a pool that died without a frame: dead, and no picture', async () => {
  const [dead, live] = [poolName('window-dead'), poolName('window-live')];
  await (await producer(dead, GREEN, 0)).kill('SIGKILL');
  await using child = await producer(live, RED, 1);
  await look(live);
  await eventually('the live pool is shown', async () => (await on().page.evaluate(COLOUR)) === RED.join());
  await eventually('the dead pool is listed', () => isListed(dead));
  await choose(dead);
  await eventually('it says dead', async () => (await state()) === 'died');
  assert.match(await says('hint'), 'It has published no frame.');
  // As long as a late frame of the other pool would take.
  await sleep(500);
  assert.is(await on().page.evaluate(COLOUR), null);
  await ask(child, { op: 'close' });
});

test('however fast somebody chooses, no pool is shown with the picture of another', async () => {
  const [dead, live] = [poolName('window-dead'), poolName('window-live')];
  await (await producer(dead, GREEN, 1)).kill('SIGKILL');
  await using child = await producer(live, RED, 1);
  await look(live);
  await eventually('the dead pool is listed', () => isListed(dead));
  // Looks with every picture that the browser paints; chooses while frames of the other pool are under way.
  const report = (await on().page.evaluate(`(async () => {
    const colours = { '${dead}': '${GREEN.join()}', '${live}': '${RED.join()}' };
    const wrong = [];
    const seen = new Set();
    let running = true;
    const watch = () => {
      const name = document.getElementById('name').textContent;
      const colour = ${COLOUR};
      if (colour !== null) seen.add(name);
      // Black is the canvas that was emptied between the two.
      if (colour !== null && colour !== '0,0,0' && colour !== colours[name]) wrong.push(name + ' ' + colour);
      if (running) requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
    for (let round = 0; round < 60; round++) {
      document.querySelector('[data-pool="' + (round % 2 ? '${live}' : '${dead}') + '"]').click();
      await new Promise((resolve) => setTimeout(resolve, round));
      // Now and then as long as it takes until the picture is there.
      const patience = round % 9 === 8 ? performance.now() + 30_000 : 0;
      while (document.body.dataset.picture === undefined && performance.now() < patience)
        await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    running = false;
    return { wrong, seen: seen.size };
  })()`)) as { wrong: string[]; seen: number };
  assert.equal(report.wrong, []);
  assert.is(report.seen, 2);
  await ask(child, { op: 'close' });
  assert.equal(
    leftovers(live).filter((name) => !name.includes('-bell')),
    [],
  );
});

test('no error in the page', () => assert.equal(faults, []));

window.run();
