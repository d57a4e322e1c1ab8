// Debian's Chromium, driven by puppeteer-core, and the little of it that the tests use.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Of puppeteer's pages. What runs in the page is given as text: the tests' own types are Node's. */
export interface Page {
  goto(url: string): Promise<unknown>;
  evaluate(expression: string): Promise<unknown>;
  evaluateOnNewDocument(script: string): Promise<unknown>;
  click(selector: string): Promise<void>;
  setViewport(size: { width: number; height: number; deviceScaleFactor?: number }): Promise<void>;
  screenshot(options: { path: string }): Promise<unknown>;
  on(event: 'pageerror', listener: (error: Error) => void): void;
}

interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

interface Puppeteer {
  launch(options: { executablePath: string; args: string[]; userDataDir: string }): Promise<Browser>;
}

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell'];
const FLAGS = [
  '--no-sandbox',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-dev-shm-usage',
];
const program = PROGRAMS.find(existsSync);
const peer = resolve('test/window/package.json');
const installed = existsSync(resolve('test/window/node_modules/puppeteer-core'));

/** Why there is no browser here, and what to do about it; null if there is one. */
export const noBrowser: string | null =
  program === undefined
    ? 'Chromium is not installed (sudo apt install chromium)'
    : installed
      ? null
      : 'puppeteer-core is not installed: run "npm run peers"';

export async function openBrowser(): Promise<{ page: Page; close(): Promise<void> }> {
  const userDataDir = mkdtempSync(join(tmpdir(), 'tensor-ipc-chromium-'));
  const puppeteer = createRequire(peer)('puppeteer-core') as Puppeteer;
  const browser = await puppeteer.launch({ executablePath: program ?? '', args: FLAGS, userDataDir });
  return {
    page: await browser.newPage(),
    async close() {
      await browser.close();
      // Its last processes may still be writing.
      rmSync(userDataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
