// The documents against the code: what README and guide show runs and type-checks, docs/api.md leaves nothing out, links lead
// somewhere.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as api from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { anchors, blocks, documents, links, pageProgram, read } from './support/documents';
import { Running } from './support/package-sandbox';

const WATCHDOG_MS = 120_000;

const apiDocument = read('docs/api.md');

function run(what: string, ...args: string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: WATCHDOG_MS });
  assert.is(status, 0, `${what} ended with ${status ?? signal}\n${stdout}${stderr}`);
  return stdout;
}

/** Pages whose TypeScript runs: in how many blocks at least, and what their output has to say besides. */
const PAGES: readonly (readonly [path: string, least: number, says: RegExp])[] = [
  ['README.md', 7, /^\[ 480, 640, 3 \] uint8 \d+ \d+n$/m],
  ['docs/guide.md', 10, /^SHAPE_MISMATCH$/m],
];

/** A folder for programs that are made from documents, in the place where they can be bundled. */
const folder = `build/documents-${process.pid}`;
test.before(() => {
  mkdirSync(folder, { recursive: true });
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

const programs: string[] = [];
for (const [path, least, says] of PAGES) {
  test(`${path} runs as written`, () => {
    assert.ok(blocks(path, 'ts').length >= least, `${path} shows the API`);
    const name = `${basename(path, '.md').toLowerCase()}-${process.pid}`;
    programs.push(`${name}.ts`);
    const pools = { camera_feed: poolName('feed'), wrist_camera: poolName('wrist') };
    writeFileSync(join(folder, `${name}.ts`), pageProgram(path, pools));
    const output = run(path, 'scripts/run.mjs', join(folder, `${name}.ts`));
    assert.match(output, `${path} has run`);
    assert.match(output, says);
  });
}

test('the programs of the pages type-check', () => {
  assert.is(programs.length, PAGES.length);
  const settings = {
    extends: '../../tsconfig.json',
    // A user's habits are not ours.
    compilerOptions: { noPropertyAccessFromIndexSignature: false, rootDir: '../..' },
    include: [...programs, '../../host/memory/wasm.d.ts', '../../examples/*.d.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  run('tsc', 'node_modules/typescript/bin/tsc', '-p', folder);
});

test("the README's two processes, as files in a project: in any order, and one restarted", async () => {
  const project = mkdtempSync(join(tmpdir(), 'tensor-ipc-readme-'));
  const pool = poolName('readme');
  const files = blocks('README.md', 'js').map((block) => {
    const file = /^\/\/ (\w+\.mjs)\n/.exec(block)?.[1];
    assert.ok(file !== undefined, 'a program begins with the name of its file');
    writeFileSync(join(project, file), block.replaceAll("'camera'", `'${pool}'`));
    return file;
  });
  assert.equal(files, ['camera.mjs', 'policy.mjs']);
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(process.cwd(), join(project, 'node_modules/tensor-ipc'));
  const start = (file: string) => new Running(process.execPath, [file], project, process.env);
  const lines = async (running: Running, count: number) => {
    let over = false;
    void running.ended.then(() => (over = true));
    while (running.output.split('\n').length <= count && !over) await sleep(20);
    return running.output.trimEnd().split('\n');
  };
  const policy = start('policy.mjs');
  let camera = start('camera.mjs');
  try {
    const before = await lines(policy, 4);
    for (const line of before) assert.match(line, /^\d+ \[ 480, 640, 3 \] \d+ \d+\.\d\d ms old$/);
    camera.signalGroup('SIGKILL');
    await camera.ended;
    const reached = policy.output.trimEnd().split('\n').length;
    camera = start('camera.mjs');
    const after = await lines(policy, reached + 4);
    const numbers = after.map((line) => Number.parseInt(line, 10));
    assert.ok(after.length >= reached + 4, policy.output);
    assert.equal(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
      'the numbering goes on',
    );
  } finally {
    for (const running of [camera, policy]) running.signalGroup('SIGTERM');
    const ended = await Promise.all([camera.ended, policy.ended]);
    for (const { signal, stderr } of ended) assert.is(signal, 'SIGTERM', stderr);
    rmSync(project, { recursive: true, force: true });
  }
  assert.equal(leftovers(pool), []);
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

test('links between documents lead somewhere', () => {
  let count = 0;
  for (const document of documents()) {
    for (const { target, path, anchor } of links(document)) {
      if (path === null) continue;
      count += 1;
      assert.ok(existsSync(path), `${document}: ${target} leads nowhere`);
      if (anchor !== null) assert.ok(anchors(path).has(anchor), `${document}: ${target} has no such heading`);
    }
  }
  assert.ok(count > 150, `${count} links found`);
});

test('docs/README.md leads to every document', () => {
  const listed = new Set(links('docs/README.md').map(({ path }) => path));
  const pages = documents().filter((path) => /^docs\/[^/]+$/.test(path) && path !== 'docs/README.md');
  assert.equal(
    pages.filter((path) => !listed.has(path)),
    [],
  );
});

test('every example is listed, and every listed example exists', () => {
  const files = readdirSync('examples').filter((file) => /^\d\d-.*\.ts$/.test(file));
  const listed = [...read('examples/README.md').matchAll(/^\| \[([^\]]+)\]/gm)].map((match) => match[1]);
  assert.equal(listed, files.sort());
});

test.run();
