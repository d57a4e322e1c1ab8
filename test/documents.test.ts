// Tables and sample outputs of the documents, compared with the code and with real runs, so that they cannot go stale.

import { statSync } from 'node:fs';
import { type Dtype, inspect, MetadataCreator, PoolMetadata, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_CONSUMERS, MAX_HISTORY_LEN, MAX_VARYING_FIELDS } from '../assembly/layout';
import { commands } from '../host/cli/commands';
import { CREATE_OPTIONS, checkProducerOptions, PRODUCER_OPTIONS } from '../host/client/producer-options';
import { CONSUMER_OPTIONS, checkConsumerOptions, OPEN_OPTIONS, READ_OPTIONS } from '../host/endpoint/options';
import { WRITE_OPTIONS } from '../host/endpoint/slot';
import { MAX_ATTRIBUTES_BYTES } from '../host/tensor/attributes';
import { SAMPLE_OPTIONS } from '../host/tensor/creator';
import { poolName, until } from './support/child';
import { cli } from './support/cli-process';
import { anchors, blocks, documents, read, rows } from './support/documents';

const test = suite('documents');

/** Tables of a document, from their heads on. */
function tables(path: string): string[] {
  return read(path)
    .split(/\n(?!\|)/)
    .map((part) => part.trim())
    .filter((part) => part.startsWith('|'));
}

/** The rows of api.md's table of options that has this one; by the names of the options, several of which may share a row. */
function optionTable(member: string): { names: Set<string>; cellOf: Map<string, string> } {
  const found = tables('docs/api.md').filter(
    (table) => /^\| (option|`init`) \|/.test(table) && rows(table).some(([names]) => names?.includes(`\`${member}\``)),
  );
  const table = found[0];
  assert.ok(table !== undefined, `docs/api.md has no table with the option ${member}`);
  const names = new Set<string>();
  const cellOf = new Map<string, string>();
  for (const [first = '', , standard = ''] of rows(table)) {
    const own = [...first.matchAll(/`(\w+)`/g)].map((match) => match[1] as string);
    for (const name of own) names.add(name);
    if (own.length === 1) cellOf.set(own[0] as string, standard);
  }
  return { names, cellOf };
}

/** What a cell states as a default: undefined where it states no value. */
function stated(cell: string): unknown {
  const text = cell.replaceAll('`', '');
  if (/^'.*'$/.test(text)) return text.slice(1, -1);
  if (/^(true|false)$/.test(text)) return text === 'true';
  if (/^(\d+|0o\d+)$/.test(text)) return Number(text);
  return text === '{}' ? {} : undefined;
}

/** Every option with a default in the code has it in the table, and the other way round. */
function sameDefaults(member: string, defaults: Readonly<Record<string, unknown>>): void {
  const { cellOf } = optionTable(member);
  let compared = 0;
  for (const [name, cell] of cellOf) {
    if (!(name in defaults)) continue;
    compared += 1;
    assert.equal(stated(cell), defaults[name], `docs/api.md: default of ${name}`);
  }
  assert.ok(compared >= Object.values(defaults).filter((value) => value !== undefined).length - 3, `${member}: ${compared}`);
}

const sameNames = (member: string, expected: ReadonlySet<string>, ...more: string[]) =>
  assert.equal([...new Set([...optionTable(member).names, ...more])].sort(), [...expected].sort(), `options beside ${member}`);

test('the options of docs/api.md are those of the code', () => {
  sameNames('historyPad', PRODUCER_OPTIONS);
  sameNames('onNewData', CONSUMER_OPTIONS);
  sameNames('into', READ_OPTIONS.get);
  sameNames('timeoutMs', READ_OPTIONS.next, ...READ_OPTIONS.get);
  sameNames('borrow', READ_OPTIONS.frames);
  sameNames('timestampNs', WRITE_OPTIONS.put);
  sameNames('onProgress', CREATE_OPTIONS, ...PRODUCER_OPTIONS);
  assert.ok(OPEN_OPTIONS.has('onProgress'));
  const sample = tables('docs/api.md').find((table) => table.startsWith('| option |') && !table.includes('historyPad'));
  assert.equal(
    rows(sample ?? '').map(([name]) => name?.replaceAll('`', '')),
    [...SAMPLE_OPTIONS],
  );
});

test('the defaults of docs/api.md are those of the code', () => {
  sameDefaults('historyPad', checkProducerOptions({}, null));
  sameDefaults('onNewData', checkConsumerOptions({}, null));
  const { historyLen, backend, attributes } = new PoolMetadata({
    name: 'x',
    fields: [{ name: 'data', dtype: 'uint8', shape: [1] }],
  });
  sameDefaults('fields', { historyLen, backend, attributes });
  const sampled = MetadataCreator.fromSample('x', new Uint8Array(1));
  assert.equal([sampled.historyLen, sampled.backend, sampled.attributes], [historyLen, backend, attributes]);
});

test('the defaults of reads are what reads do', () => {
  using producer = TensorProducer.fromSample(poolName('defaults'), new Uint8Array(1), { historyLen: 2 });
  using consumer = TensorConsumer.attach(producer.name);
  for (const value of [1, 2]) producer.put(Uint8Array.of(value));
  const { cellOf } = optionTable('into');
  const standard = { historyLen: stated(cellOf.get('historyLen') ?? ''), latestFirst: stated(cellOf.get('latestFirst') ?? '') };
  assert.equal(standard, { historyLen: 1, latestFirst: true });
  assert.equal(consumer.get()?.shape, [1]);
  assert.equal(consumer.get({ historyLen: 2 })?.at(0)[0], 2);
});

test("docs/cli.md's table has every command, in the order of the help, and a section for each", () => {
  const table = tables('docs/cli.md').find((part) => part.startsWith('| command |')) ?? '';
  // Several commands may share a section.
  const entries = rows(table).map(([cell = '']) => ({
    names: [...cell.matchAll(/`([\w-]+)`/g)].map((match) => match[1] as string),
    anchor: /\(#([\w-]+)\)$/.exec(cell)?.[1] ?? '',
  }));
  const headings = anchors('docs/cli.md');
  for (const { names, anchor } of entries) assert.ok(headings.has(anchor), `docs/cli.md has no section for ${names.join(', ')}`);
  const shown = commands.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
  assert.equal(
    entries.flatMap(({ names }) => names),
    shown,
  );
});

/** What a sample shows besides its values: words that hold a digit, and units, are values. */
function form(line: string): string {
  const unit = /^(ns|µs|ms|s|min|h|B|kB|MB|GB)$/;
  const words = line.replaceAll(/tensoripc-bell\.\S+/g, '').split(/[\s,]+/);
  return words.filter((word) => word !== '' && !/\d/.test(word) && !unit.test(word)).join(' ');
}

test("info's sample in docs/cli.md has the form of a real run", async () => {
  const sample = blocks('docs/cli.md', 'text').find((block) => block.startsWith('$ tensor-ipc info camera\n')) ?? '';
  const image = { data: new Uint8Array(480 * 640 * 3), shape: [480, 640, 3] };
  using producer = TensorProducer.fromSample(poolName('sample'), image, { historyLen: 10 });
  using recorder = TensorConsumer.attach(producer.name, { delivery: 'all' });
  let taken = 0;
  const reading = (async () => {
    for await (const frame of recorder) taken = frame.sequence;
  })();
  const ticking = setInterval(() => void producer.put(image), 33);
  try {
    await until(() => taken > 2, 'frames arrive');
    const { code, stdout, stderr } = await cli('info', producer.name);
    assert.is(code, 0, stderr);
    const real = stdout.toString('utf8').trimEnd().split('\n').slice(1);
    const shown = sample.trimEnd().split('\n').slice(2);
    // The last line is a consumer, whose words are values, too.
    assert.equal(shown.slice(0, -1).map(form), real.slice(0, -1).map(form));
    const cellsOf = (line: string | undefined) => (line ?? '').trim().split(/\s{2,}/);
    const [head, consumer] = [cellsOf(real.at(-2)), cellsOf(real.at(-1))];
    assert.is(cellsOf(shown.at(-1)).length, head.length);
    assert.is(cellsOf(shown.at(-1)).at(-1), consumer.at(-1), 'what wakes it');
  } finally {
    clearInterval(ticking);
    recorder.close();
    await reading;
  }
});

test('the table of dtypes says which arrays are handed out and accepted, and how long elements are', () => {
  const table = rows(tables('docs/api.md').find((part) => part.startsWith('| dtype | bytes |')) ?? '');
  const names = (cell = '') => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1] as string);
  const seen: string[] = [];
  for (const [dtypes, bytes, out, accepted] of table) {
    const sizes = (bytes ?? '').split(', ').map(Number);
    for (const [i, dtype] of names(dtypes).entries()) {
      seen.push(dtype);
      const own = names(out)[names(dtypes).length === names(out).length ? i : 0] as string;
      const arrays = accepted === 'the same' ? [own] : accepted === 'both' ? names(out) : names(accepted);
      using producer = new TensorProducer(
        new PoolMetadata({ name: poolName('dtype'), fields: [{ name: 'data', dtype: dtype as Dtype, shape: [2] }] }),
      );
      using consumer = TensorConsumer.attach(producer.name);
      for (const name of arrays) {
        const Elements = (globalThis as Readonly<Record<string, unknown>>)[name] as Uint8ArrayConstructor | undefined;
        // Older engines have no Float16Array, which the table says, too.
        if (Elements === undefined) continue;
        producer.put({ data: name === 'Buffer' ? Buffer.alloc(2) : new Elements(2), shape: [2], dtype: dtype as Dtype });
      }
      const data = consumer.get()?.data;
      assert.is(data?.BYTES_PER_ELEMENT, sizes[sizes.length === 1 ? 0 : i], dtype);
      assert.ok(data?.constructor.name === own || (dtype === 'float16' && data?.constructor.name === 'Uint16Array'), dtype);
    }
  }
  const type = /export type Dtype =([^;]*);/.exec(read('host/tensor/dtype.ts'))?.[1] ?? '';
  assert.equal(seen.sort(), [...type.matchAll(/'(\w+)'/g)].map((match) => match[1] as string).sort());
});

test('docs/api.md names all that inspect gives', () => {
  using producer = TensorProducer.fromSample(poolName('inspected'), new Uint8Array(1));
  using consumer = TensorConsumer.attach(producer.name);
  producer.put(new Uint8Array(1));
  assert.is(consumer.get()?.sequence, 0);
  const info = inspect(producer.name);
  assert.ok(info !== null);
  const [reader] = info.consumers;
  assert.ok(reader !== undefined);
  for (const [type, object] of Object.entries({ PoolInfo: info, ProducerInfo: info.producer, ConsumerInfo: reader })) {
    const table = tables('docs/api.md').find((part) => part.startsWith(`| \`${type}\` |`)) ?? '';
    const listed = rows(table).flatMap(([cell]) => [...(cell ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]));
    assert.equal(listed.sort(), Object.keys(object).sort(), type);
  }
});

test('limits that documents state are those of the layout', () => {
  const api = read('docs/api.md');
  const grouped = (value: number) => String(value).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
  assert.match(api, `| \`historyLen\` | \`number\` | 1 | 1 to ${grouped(MAX_HISTORY_LEN)} |`);
  assert.match(api, `At most ${MAX_ATTRIBUTES_BYTES / 1024} KiB of JSON`);
  assert.is(MAX_VARYING_FIELDS, 6);
  for (const path of ['docs/api.md', 'docs/varying.md']) assert.match(read(path), /[Aa]t most six fields of a frame/);
  for (const path of ['docs/guide.md', 'docs/concepts.md'])
    assert.match(read(path), new RegExp(`\\b${MAX_CONSUMERS}\\b.*consumers|up to ${MAX_CONSUMERS} `, 'i'));
});

test('README and documents use no words that read translated', () => {
  const words = /\b(whoever|meanwhile|hearsay|lest|to be had|at hand|by itself|is told|are told|was told)\b/i;
  const offences = documents()
    .filter((path) => !/^(docs\/design\/.*|docs\/(architecture|cli)\.md|CHANGELOG\.md)$/.test(path))
    .flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, i) => (words.test(line) ? [`${path}:${i + 1}: ${words.exec(line)?.[0]}`] : [])),
    );
  assert.equal(offences, []);
});

test('README.md has 9000 bytes at most, begins with one sentence and a picture, and shows the six calls', () => {
  assert.ok(statSync('README.md').size <= 9000, `${statSync('README.md').size} bytes`);
  const [title, sentence, picture] = read('README.md').split('\n\n');
  assert.is(title, '# tensor-ipc');
  assert.match(sentence as string, /^[^.]*\.$/);
  assert.match(picture as string, /docs\/images\/window\.png/);
  const calls = [...read('README.md').matchAll(/^(?:A )?\*\*(\w+)\*\*/gm)].map((match) => match[1]);
  assert.equal(calls, ['put', 'loan', 'get', 'borrow', 'window', 'loop']);
});

test('every table of docs/performance.md says where its figures come from', () => {
  const chapters = read('docs/performance.md')
    .split(/\n## /)
    .filter((chapter) => /^\|/m.test(chapter));
  assert.ok(chapters.length >= 4);
  for (const chapter of chapters) {
    const before = chapter.slice(0, chapter.search(/^\|/m));
    const title = chapter.slice(0, chapter.indexOf('\n'));
    for (const [what, pattern] of [
      ['the machine', /virtual (cores|machine)/i],
      ['the kernel', /Linux \d+\.\d+/],
      ['the versions', /Node \d+|the versions are/],
      ['the date', /20\d\d/],
      ['the commit', /commits? [0-9a-f]{7}/],
    ] as const)
      assert.match(before, pattern, `docs/performance.md, ${title}: ${what}`);
    assert.match(chapter, /`?npm (run|test)/, `docs/performance.md, ${title}: the command`);
  }
});

test.run();
