// The window without Electron, in any browser of this machine. From a checkout:
//
//   node scripts/run.mjs examples/electron/serve.ts [--pool NAME] [--port N] [--window FOLDER]

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWindow } from './bundle.mjs';
import { serveWindow } from './server';

const { values } = parseArgs({
  options: {
    pool: { type: 'string' },
    port: { type: 'string', default: '0' },
    window: { type: 'string', default: 'examples/electron/window' },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-window-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
await buildWindow(values.window, folder, 'http');
const server = await serveWindow(folder, Number(values.port));
console.log(`${server.url}${values.pool === undefined ? '' : `?${new URLSearchParams({ pool: values.pool })}`}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
