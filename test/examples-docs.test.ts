// The documents against the code: what the README shows runs and type-checks, docs/api.md leaves nothing out, links lead somewhere.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as api from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const WATCHDOG_MS = 120_000;

const read = (path: string) => readFileSync(path, 'utf8');
const apiDocument = read('docs/api.md');

function run(what: string, ...args: string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: WATCHDOG_MS });
  assert.is(status, 0, `${what} ended with ${status ?? signal}\n${stdout}${stderr}`);
  return stdout;
}

/** The README's TypeScript, as one program: the first block at the top, the others each in a scope of its own. */
function readmeProgram(suffix: string): string {
  const blocks = [...read('README.md').matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string);
  assert.ok(blocks.length >= 8, 'the README shows the API');
  const imports: string[] = [];
  const bodies = blocks.map((block) =>
    block.replaceAll(/^import .*;\n/gm, (line) => {
      imports.push(line);
      return '';
    }),
  );
  const [first, ...others] = bodies;
  const program = [
    ...imports,
    first,
    'const ticking = setInterval(() => void producer.put(image), 5);',
    ...others.map((body) => `{\n${body}}\n`),
    'clearInterval(ticking);',
    "console.log('the README has run');",
  ].join('\n');
  return program.replaceAll('camera_feed', `camera_feed-${suffix}`).replaceAll('wrist_camera', `wrist_camera-${suffix}`);
}

test('the README runs as written, and type-checks', () => {
  const name = `readme-${process.pid}`;
  const folder = `build/${name}-source`;
  mkdirSync(folder, { recursive: true });
  try {
    const file = `${folder}/${name}.ts`;
    writeFileSync(file, readmeProgram(String(process.pid)));
    const output = run('the README', 'scripts/run.mjs', file);
    assert.match(output, 'the README has run');
    assert.match(output, 'SHAPE_MISMATCH');
    const settings = {
      extends: '../../tsconfig.json',
      // A user's habits are not ours.
      compilerOptions: { noPropertyAccessFromIndexSignature: false, rootDir: '../..' },
      include: [`${name}.ts`, '../../host/memory/wasm.d.ts', '../../examples/*.d.ts'],
    };
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(settings));
    run('tsc', 'node_modules/typescript/bin/tsc', '-p', folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`build/${name}`, { recursive: true, force: true });
  }
});

/** A chapter of docs/api.md: from its heading to the next of the same level. */
function chapter(heading: string): string {
  const start = apiDocument.indexOf(`\n## \`${heading}\``);
  assert.ok(start >= 0, `docs/api.md has no chapter ${heading}`);
  const end = apiDocument.indexOf('\n## ', start + 4);
  return apiDocument.slice(start, end < 0 ? undefined : end);
}

/** Whether a text names something in code: `name`, `name(…)`, `a`, `b`, `.name`. */
function names(text: string, name: string): boolean {
  return new RegExp(`\`[^\`\n]*(?<![A-Za-z0-9_])${name}(?![A-Za-z0-9_])[^\`\n]*\``).test(text);
}

// Marked @internal in the source, and absent from the published types.
const INTERNAL = new Set(['constructor', 'commitLoan', 'releaseLoan', 'abandon', 'tensors', 'listenersChanged', 'emit']);

test('docs/api.md names every class and every member', () => {
  using producer = api.TensorProducer.fromSample(`api-doc-${process.pid}`, new Float32Array(4));
  using consumer = api.TensorConsumer.attach(producer.name);
  producer.put(new Float32Array(4));
  const frame = consumer.get();
  using view = consumer.borrow();
  using slot = producer.loan();
  assert.ok(frame !== null && view !== null);
  const instances = {
    PoolMetadata: producer.metadata,
    TensorProducer: producer,
    TensorConsumer: consumer,
    Frame: frame,
    View: view,
    Slot: slot,
  };
  for (const [name, instance] of Object.entries(instances)) {
    const text = chapter(name);
    const members = new Set(Object.getOwnPropertyNames(instance));
    for (
      let prototype = Object.getPrototypeOf(instance);
      prototype !== Object.prototype;
      prototype = Object.getPrototypeOf(prototype)
    ) {
      for (const member of Object.getOwnPropertyNames(prototype)) members.add(member);
    }
    for (const member of members) {
      if (!INTERNAL.has(member)) assert.ok(names(text, member), `docs/api.md, ${name}: ${member} is missing`);
    }
  }
  for (const name of Object.keys(api)) assert.ok(names(apiDocument, name), `docs/api.md: ${name} is missing`);
});

test('docs/api.md names every exported type and every option', () => {
  const sources = readdirSync('host', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const host = sources.map((file) => read(join('host', file))).join('\n');
  const exported = [...read('host/entry/api.ts').matchAll(/\btype ([A-Za-z]+)|\btype \{([^}]*)\}/g)]
    .flatMap((match) => (match[1] ?? match[2] ?? '').split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  assert.ok(exported.length > 15);
  for (const name of exported) {
    assert.ok(names(apiDocument, name), `docs/api.md: type ${name} is missing`);
    const body = host.match(new RegExp(`export interface ${name}\\b[^{]*\\{(.*?)^\\}`, 'ms'))?.[1] ?? '';
    // What is marked as internal is not in the published types.
    for (const member of body.matchAll(/^ {2}(?<!@internal \*\/\s*)readonly (\w+)/gm)) {
      assert.ok(names(apiDocument, member[1] as string), `docs/api.md: ${name}.${member[1]} is missing`);
    }
  }
  const events = host.match(/export type ConsumerEvents[^{]*\{(.*?)^\}/ms)?.[1] ?? '';
  const eventNames = [...events.matchAll(/^ {2}(\w+): \[/gm)].map((match) => match[1] as string);
  assert.ok(eventNames.length >= 5);
  for (const event of eventNames) assert.match(apiDocument, `| \`${event}\` |`);
});

test('every error code stands in both tables, and no other', () => {
  const codes = [...read('host/runtime/errors.ts').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map((match) => match[1]).sort();
  assert.ok(codes.length > 20);
  for (const file of ['docs/api.md', 'docs/troubleshooting.md']) {
    const listed = [...read(file).matchAll(/^\| `([A-Z_]{3,})` \|/gm)].map((match) => match[1]).sort();
    assert.equal(listed, codes, file);
  }
});

/** The anchors that GitHub gives to the headings of a document. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('links between documents lead somewhere', () => {
  const documents = ['README.md', 'CHANGELOG.md', 'examples/README.md'];
  for (const folder of ['docs', 'docs/design']) {
    documents.push(
      ...readdirSync(folder)
        .filter((file) => file.endsWith('.md'))
        .map((file) => join(folder, file)),
    );
  }
  let links = 0;
  for (const document of documents) {
    // Code blocks hold no links.
    const text = read(document).replaceAll(/^```.*?^```$/gms, '');
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const [path = '', anchor] = (match[1] as string).split('#');
      if (/^https?:/.test(path)) continue;
      links += 1;
      const target = path === '' ? document : join(dirname(document), path);
      assert.ok(existsSync(target), `${document}: ${match[1]} leads nowhere`);
      if (anchor !== undefined) assert.ok(anchors(read(target)).includes(anchor), `${document}: ${match[1]} has no such heading`);
    }
  }
  assert.ok(links > 30);
});

test('every example is listed, and every listed example exists', () => {
  const files = readdirSync('examples').filter((file) => /^\d\d-.*\.ts$/.test(file));
  const listed = [...read('examples/README.md').matchAll(/^\| \[([^\]]+)\]/gm)].map((match) => match[1]);
  assert.equal(listed, files.sort());
});

test.run();
