// The window as Electron shows it: frames reach it over a MessagePort and move on to the drawing worker. In Electron the preload holds
// the other end; here a relay in the page does, which takes the frames of a real pool from the loopback server.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildWindow } from '../../examples/electron/bundle.mjs';
import { serveWindow } from '../../examples/electron/server';
import { leftovers, poolName, sleep } from '../support/child';
import { noBrowser, openBrowser } from './browser';

const WATCHDOG_MS = 60_000;
const window = suite('window over a port');
if (noBrowser !== null) console.log(`skip: the window over a MessagePort: ${noBrowser}`);
const test = noBrowser === null ? window : window.skip;

/** Does in the page what preload.ts does, with requests in the place of a PoolReader. Counts what it could not move. */
const RELAY = `(() => {
  globalThis.copied = 0;
  const pools = new Map();
  addEventListener('message', ({ data, source }) => {
    if (source !== window || data !== 'tensor-ipc-window-ready') return;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = async ({ data: request }) => {
      if (request.op === 'open') pools.set(request.stream, request.pool);
      if (request.op === 'pools') port1.postMessage({ op: 'pools', id: request.id, rows: await (await fetch('pools')).json() });
      if (request.op !== 'next') return;
      const query = new URLSearchParams({ stream: 'relay-' + request.stream, pool: pools.get(request.stream) });
      const answer = await (await fetch('next?' + query)).arrayBuffer();
      const end = 4 + new DataView(answer).getUint32(0, true);
      const header = JSON.parse(new TextDecoder().decode(new Uint8Array(answer, 4, end - 4)));
      if (header.kind === 'state') return port1.postMessage({ op: 'state', id: request.id, update: header });
      const bytes = new Uint8Array(answer.slice(end));
      port1.postMessage({ op: 'frame', id: request.id, header, bytes }, [bytes.buffer]);
      if (bytes.byteLength !== 0) globalThis.copied += 1;
    };
    // The preload reads both clocks at once. Here a request lies between: from its beginning on, so that no latency is below the true one.
    const asked = performance.now();
    fetch('clock').then((response) => response.json()).then(({ monotonicMs }) => {
      port1.postMessage({ op: 'clock', offsetMs: monotonicMs - performance.timeOrigin - asked });
      postMessage('tensor-ipc-port', location.origin, [port2]);
    });
  });
})()`;

const CANVAS = `(() => {
  const canvas = document.getElementById('picture');
  const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  context.drawImage(canvas, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data].join();
})()`;

test('frames come over the port, and their pixels to the canvas', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-port-'));
  const pool = poolName('port-window');
  const producer = TensorProducer.fromSample(pool, { data: new Uint8Array(6), shape: [1, 2, 3] });
  await buildWindow('examples/electron/window', folder, 'port');
  const server = await serveWindow(folder);
  const { page, close } = await openBrowser();
  try {
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.evaluateOnNewDocument(RELAY);
    await page.goto(`${server.url}?${new URLSearchParams({ pool })}`);
    const eventually = async (what: string, expression: string, expected: unknown) => {
      const deadline = Date.now() + WATCHDOG_MS;
      for (let found: unknown; ; await sleep(20)) {
        found = await page.evaluate(expression);
        if (found === expected) return;
        if (Date.now() > deadline) throw new Error(`waited in vain until ${what}: found ${found}; ${faults.join()}`);
      }
    };
    await eventually('it is live', 'document.body.dataset.state', 'live');
    for (let k = 0; k < 20; k++) {
      const data = Uint8Array.of(k, 2 * k, 3 * k, 255 - k, 100, 10 * k);
      producer.put({ data, shape: [1, 2, 3] });
      await eventually(`frame ${k} is named`, "document.getElementById('sequence').textContent", String(k));
      await eventually(`frame ${k} is drawn`, CANVAS, [...data.subarray(0, 3), 255, ...data.subarray(3), 255].join());
    }
    assert.is(await page.evaluate('globalThis.copied'), 0, 'every frame was moved');
    await eventually('a latency is shown', "document.getElementById('latency').textContent > 0", true);
    const latency = Number(await page.evaluate("document.getElementById('latency').textContent"));
    assert.ok(latency > 0 && latency < 10_000, `${latency} ms`);
    producer.close();
    await eventually('it says that the pool was closed', 'document.body.dataset.state', 'closed');
    assert.equal(faults, []);
  } finally {
    producer.close();
    await close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
  assert.equal(
    leftovers(pool).filter((name) => !name.includes('-bell')),
    [],
  );
});

window.run();
