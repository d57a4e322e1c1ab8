// The window without Electron, in any browser of this machine. From a checkout:
//
//   npm ci
//   node scripts/run.mjs examples/electron/serve.ts [--pool NAME] [--port N] [--window FOLDER] [--stay]
//
// Ctrl-C ends it, and so does the end of the terminal or program that started it; with --stay it goes on without them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWindow } from './bundle.mjs';
import { whenParentEnds } from './parents';
import { serveWindow } from './server';

const { values } = parseArgs({
  options: {
    pool: { type: 'string' },
    port: { type: 'string', default: '0' },
    window: { type: 'string', default: 'examples/electron/window' },
    stay: { type: 'boolean', default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-window-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => (signal === 'SIGHUP' && values.stay ? undefined : process.exit(0)));
}
// A terminal that is gone takes no more lines.
process.stdout.on('error', () => undefined);
if (!values.stay) whenParentEnds(() => process.exit(0));

await buildWindow(values.window, folder, 'http');
const server = await serveWindow(folder, Number(values.port));
console.log(`${server.url}${values.pool === undefined ? '' : `?${new URLSearchParams({ pool: values.pool })}`}`);
