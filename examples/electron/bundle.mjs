// What is bundled how: main process twice (ESM and CommonJS), preload, utility process, and the window's files.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles the window's files into a folder. `entry` says where its frames come from: 'http' or 'port'.
 * @param {string} windowFolder the folder window/
 * @param {string} outdir
 * @param {'http' | 'port'} entry
 */
export async function buildWindow(windowFolder, outdir, entry) {
  mkdirSync(outdir, { recursive: true });
  for (const file of ['index.html', 'style.css']) cpSync(join(windowFolder, file), join(outdir, file));
  await build({
    entryPoints: { entry: join(windowFolder, `${entry}-entry.ts`), 'draw-worker': join(windowFolder, 'draw-worker.ts') },
    outdir,
    bundle: true,
    format: 'esm',
    target: 'chrome120',
    logLevel: 'warning',
  });
}

/**
 * @param {string} folder where this file lies
 * @param {string} outdir
 */
export async function buildApplication(folder, outdir) {
  rmSync(outdir, { recursive: true, force: true });
  await buildWindow(join(folder, 'window'), join(outdir, 'window'), 'port');
  /** koffi is native code: like Electron it stays outside every bundle, and tensor-ipc, which loads it, with it. */
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['electron', 'tensor-ipc', 'koffi'],
    outdir,
    logLevel: 'warning',
  };
  const entryPoints = { main: join(folder, 'main.ts'), utility: join(folder, 'utility.ts') };
  await build({ ...common, entryPoints, format: 'esm', outExtension: { '.js': '.mjs' } });
  await build({
    ...common,
    entryPoints,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
  // A preload may be an ES module too (.mjs), but is then loaded later than the page wants it.
  await build({
    ...common,
    entryPoints: { preload: join(folder, 'preload.ts') },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
  });
}
