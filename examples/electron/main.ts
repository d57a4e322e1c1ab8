// The main process: opens the window, and keeps a utility process watching a pool. Built as ESM (main.mjs) and CommonJS (main.cjs).

import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, protocol, utilityProcess } from 'electron';
import { list } from 'tensor-ipc';
import type { Statistics } from './statistics';

const SCHEME = 'viewer';
const ORIGIN = `${SCHEME}://window`;
const folder = fileURLToPath(new URL('.', import.meta.url));
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const FILES: ReadonlySet<string> = new Set(['index.html', 'style.css', 'entry.js', 'draw-worker.js']);

protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);

/** The window's files, under a scheme of their own: file:// pages cannot be cross-origin isolated. */
async function serveFile(request: Request): Promise<Response> {
  const name = new URL(request.url).pathname.slice(1);
  if (!FILES.has(name)) return new Response('not found', { status: 404 });
  return new Response(new Uint8Array(await readFile(join(folder, 'window', name))), {
    headers: {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'content-security-policy': "default-src 'self'; img-src 'self' data:",
    },
  });
}

function openWindow(pool: string | null): BrowserWindow {
  const window = new BrowserWindow({
    width: 1280,
    height: 820,
    minWidth: 480,
    minHeight: 360,
    backgroundColor: '#0f1217',
    webPreferences: {
      preload: join(folder, 'preload.cjs'),
      // The preload loads koffi, which the sandbox would not allow. The page itself stays isolated and without Node.
      sandbox: false,
      contextIsolation: true,
      nodeIntegration: false,
      // Frames go on arriving while the window is covered.
      backgroundThrottling: false,
    },
  });
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event) => event.preventDefault());
  window.removeMenu();
  void window.loadURL(`${ORIGIN}/index.html${pool === null ? '' : `?${new URLSearchParams({ pool })}`}`);
  return window;
}

/** A process of its own for work that must not disturb the window: here statistics, printed once a second. */
function watch(pool: string): void {
  const program = join(folder, import.meta.url.endsWith('.cjs') ? 'utility.cjs' : 'utility.mjs');
  const child = utilityProcess.fork(program, [pool], { serviceName: `statistics of ${pool}` });
  child.on('message', ({ frames, missed, longestGapMs, meanByte }: Statistics) => {
    const gap = longestGapMs === null ? '' : `, longest gap ${longestGapMs.toFixed(1)} ms`;
    const mean = meanByte === null ? '' : `, mean byte ${meanByte.toFixed(1)}`;
    console.log(`${pool}: ${frames} frames/s, ${missed} missed${gap}${mean}`);
  });
  child.on('exit', (code) => console.log(`statistics of ${pool} ended with code ${code}`));
  app.once('before-quit', () => child.postMessage('stop'));
}

// Not awaited at the top level: CommonJS has no such thing.
void app.whenReady().then(() => {
  protocol.handle(SCHEME, serveFile);
  const wanted = app.commandLine.getSwitchValue('pool');
  // The main process has the library too: here it only looks, which maps nothing.
  const pool = wanted !== '' ? wanted : (list().find(({ info }) => info?.state === 'live')?.name ?? null);
  openWindow(pool);
  if (pool !== null) watch(pool);
});
app.on('window-all-closed', () => app.quit());
