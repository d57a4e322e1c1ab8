// docs/interop.md shows what these tests run: each piece of code stands, line by line, in the file that it names.

import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const document = readFileSync('docs/interop.md', 'utf8');
const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

test('every piece of code in docs/interop.md is run by the test it names', () => {
  const blocks = [...document.matchAll(/^<!-- (\S+) -->\n```ts\n(.*?)^```$/gms)];
  assert.is(blocks.length, document.match(/^```ts$/gm)?.length, 'every piece names its file');
  for (const [, file = '', code = ''] of blocks) {
    const source = lines(readFileSync(file, 'utf8')).join('\n');
    assert.ok(`\n${source}\n`.includes(`\n${lines(code).join('\n')}\n`), `${file} does not run:\n${code}`);
  }
  const shown = new Set(blocks.map((block) => block[1]));
  const files = readdirSync('test/interop').filter((file) => file.endsWith('.test.ts') && file !== 'interop-docs.test.ts');
  for (const file of files) assert.ok(shown.has(`test/interop/${file}`), `docs/interop.md shows nothing of ${file}`);
});

test('versions in docs/interop.md are those installed', () => {
  const { dependencies } = JSON.parse(readFileSync('test/interop/package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const [, name = '', version = ''] of document.matchAll(/^\| \[([a-z-]+)\]\(#[a-z-]+\) ([\d.]+) \|/gm)) {
    const installed = dependencies[name];
    if (installed !== undefined) assert.ok(installed.startsWith(`${version}.`), `${name}: ${version}, installed ${installed}`);
  }
});

test.run();
