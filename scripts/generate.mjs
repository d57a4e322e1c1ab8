// Generates what follows from assembly/layout.ts: the C header, the layout signature, the byte tables of docs/pool-format.md.
//
//   node scripts/generate.mjs           rewrites them
//   node scripts/generate.mjs --check   compares, and ends with 1 and a hint if anything differs
import { readFileSync, writeFileSync } from 'node:fs';
import { build, transform } from 'esbuild';
import { renderHeader } from './generate-header.mjs';

const LAYOUT = 'assembly/layout.ts';
const DTYPES = 'host/tensor/dtype.ts';
const ENCODINGS = 'host/tensor/encodings.ts';
const HEADER = 'native-shim/include/tensor_ipc_layout.h';
const FORMAT = 'docs/pool-format.md';

async function importTypeScript(path) {
  const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'ts', format: 'esm' });
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** A module that imports others. */
async function importBundled(path) {
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, write: false, format: 'esm', logLevel: 'error' });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

/** The ruled tables in the comment at the top of the layout: { header, consumer, slot }, each a list of fields in order. */
function parseDiagram(source) {
  const structs = {};
  let fields = null;
  for (const line of source.split('\n')) {
    if (!line.startsWith('//')) fields = null;
    const title = line.match(/^\/\/ {3}(\w+) +offset +bytes +field +written by/);
    if (title) {
      fields = [];
      structs[title[1]] = fields;
      continue;
    }
    const row = line.match(/^\/\/ {3}(\w*) +(\d+) +(\d+) {2}(\w+) {2,}(\S.*)$/);
    if (row && fields) {
      const [, group, offset, bytes, name, note] = row;
      fields.push({ group, name, offset: Number(offset), bytes: Number(bytes), note });
    }
  }
  for (const [name, list] of Object.entries(structs))
    if (list.length === 0) throw new Error(`the diagram of ${name} has no rows`);
  return structs;
}

/** The named constants of a source file in order, with the doc comment above each and the ruled headings between them. */
function parseConstants(source, values) {
  const constants = [];
  let doc = [];
  for (const line of source.split('\n')) {
    const heading = line.match(/^\/\/ -{4} (.+?) -+$/);
    const constant = line.match(/^export const (\w+) = /);
    if (heading) constants.push({ heading: heading[1] });
    else if (line.startsWith('/**')) doc = [line.replace(/^\/\*\* ?| ?\*\/$/g, '')];
    else if (constant) {
      constants.push({ name: constant[1], value: values[constant[1]], doc: doc.join(' ') });
      doc = [];
    } else doc = [];
  }
  return constants;
}

/** DLDataTypeCode of dlpack.h. */
const DLPACK_CODES = { int: 0, uint: 1, float: 2, bfloat: 4, bool: 6 };

/** The dtypes of the library, with DLPack's code and bits. */
function parseDtypes(source) {
  const rows = [...source.matchAll(/^ {2}(([a-z]+)\d*): \{ itemBytes: (\d),/gm)];
  return rows.map(([, name, kind, bytes]) => ({ name, bytes: Number(bytes), code: DLPACK_CODES[kind], bits: 8 * bytes }));
}

function dtypeTable(dtypes) {
  const rows = dtypes.map(({ name, bytes, code, bits }) => `| \`${name}\` | ${bytes} | ${code} | ${bits} |`);
  return ['| dtype | bytes | DLPack code | DLPack bits |', '|---|---:|---:|---:|', ...rows].join('\n');
}

function encodingTable({ encodings, shapeOf }) {
  const code = (text) => (text === null ? '' : `\`${text}\``);
  const rows = Object.entries(encodings).map(
    ([name, { dtypes, rule, ros, ffmpeg, gstreamer }]) =>
      `| \`${name}\` | ${dtypes.map(code).join(' ')} | ${shapeOf(rule)} | ${code(ros)} | ${code(ffmpeg)} | ${code(gstreamer)} |`,
  );
  return ['| encoding | dtype | shape | ROS | ffmpeg | GStreamer |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

const MASK = (1n << 64n) - 1n;
const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
];
const multiply = (a, b) => (a * b) & MASK;
const rotate = (value, bits) => ((value << BigInt(bits)) | (value >> BigInt(64 - bits))) & MASK;
const mix = (accumulator, lane) => multiply(rotate((accumulator + multiply(lane, P2)) & MASK, 31), P1);

/** XXH64 with seed 0. In JavaScript, because the generator runs before the core is built. */
function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = mix(lanes[i], view.getBigUint64(at + 8 * i, true));
    }
    hash = (rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18)) & MASK;
    for (const lane of lanes) hash = (multiply(hash ^ mix(0n, lane), P1) + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (multiply(rotate(hash ^ mix(0n, view.getBigUint64(at, true)), 27), P1) + P4) & MASK;
  }
  for (; at + 4 <= bytes.length; at += 4) {
    hash = (multiply(rotate(hash ^ multiply(BigInt(view.getUint32(at, true)), P1), 23), P2) + P3) & MASK;
  }
  for (; at < bytes.length; at++) hash = multiply(rotate(hash ^ multiply(BigInt(bytes[at]), P5), 11), P1);
  hash = multiply(hash ^ (hash >> 33n), P2);
  hash = multiply(hash ^ (hash >> 29n), P3);
  return hash ^ (hash >> 32n);
}

/** The text whose hash is the layout signature. docs/pool-format.md describes it. */
function canonicalText(structs, layout) {
  const lines = [`layout ${layout.LAYOUT_VERSION}`];
  for (const [name, fields] of Object.entries(structs)) {
    for (const field of fields) lines.push(`${name} ${field.name} ${field.offset} ${field.bytes}`);
    lines.push(`${name} ${layout[`${name.toUpperCase()}_BYTES`]}`);
  }
  return `${lines.join('\n')}\n`;
}

function structTable(fields) {
  const rows = fields.map(({ name, offset, bytes, note }) => `| ${offset} | ${bytes} | \`${name}\` | ${note} |`);
  return ['| offset | bytes | field | written by, when |', '|---:|---:|---|---|', ...rows].join('\n');
}

function constantTable(constants, heading) {
  const from = constants.findIndex((constant) => constant.heading === heading);
  const to = constants.findIndex((constant, i) => i > from && constant.heading !== undefined);
  const rows = constants.slice(from + 1, to).map(({ name, value }) => `| \`${name}\` | ${value} |`);
  return ['| name | value |', '|---|---:|', ...rows].join('\n');
}

/** Replaces what stands between `<!-- generated: NAME -->` and `<!-- end -->`. */
function fill(document, name, text) {
  const pattern = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
  if (!pattern.test(document)) throw new Error(`${FORMAT} has no "<!-- generated: ${name} -->" … "<!-- end -->"`);
  return document.replace(pattern, (_, start, end) => `${start}${text}\n${end}`);
}

const source = readFileSync(LAYOUT, 'utf8');
const layout = { ...(await importTypeScript(LAYOUT)) };
const structs = parseDiagram(source);
const text = canonicalText(structs, layout);
const signature = xxh64(new TextEncoder().encode(text));
// asc gives a literal without a type the type i32 only if it fits one, so the halves are signed.
layout.LAYOUT_SIGNATURE_LOW = Number(BigInt.asIntN(32, signature));
layout.LAYOUT_SIGNATURE_HIGH = Number(BigInt.asIntN(32, signature >> 32n));

const constants = parseConstants(source, layout);
const dtypes = parseDtypes(readFileSync(DTYPES, 'utf8'));
const hex = `0x${signature.toString(16).padStart(16, '0')}`;

let newSource = source;
for (const half of ['LOW', 'HIGH']) {
  const name = `LAYOUT_SIGNATURE_${half}`;
  newSource = newSource.replace(new RegExp(`^export const ${name} = .*;$`, 'm'), `export const ${name} = ${layout[name]};`);
}
let format = readFileSync(FORMAT, 'utf8');
for (const [name, fields] of Object.entries(structs)) format = fill(format, name, structTable(fields));
format = fill(format, 'values', constantTable(constants, 'values'));
format = fill(format, 'limits', constantTable(constants, 'limits'));
format = fill(format, 'dtypes', dtypeTable(dtypes));
format = fill(format, 'encodings', encodingTable(await importBundled(ENCODINGS)));
format = fill(format, 'signature', ['```text', text.trimEnd(), '```', '', `Its XXH64 is \`${hex}\`.`].join('\n'));

const files = {
  [LAYOUT]: newSource,
  [HEADER]: renderHeader({ structs, constants, layout, dtypes, signature: hex }),
  [FORMAT]: format,
};

let stale = false;
for (const [path, wanted] of Object.entries(files)) {
  let found = '';
  try {
    found = readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (found === wanted) continue;
  if (!process.argv.includes('--check')) {
    writeFileSync(path, wanted);
    console.log(`generated ${path}`);
    continue;
  }
  stale = true;
  const is = found.split('\n');
  const should = wanted.split('\n');
  const line = should.findIndex((expected, i) => expected !== is[i]);
  const at = line < 0 ? should.length : line;
  console.error(`${path}:${at + 1} does not follow from ${LAYOUT}: run "npm run generate", then rebuild the core`);
  console.error(`  expected  ${should[at] ?? '(end of file)'}\n  found     ${is[at] ?? '(end of file)'}`);
}
process.exit(stale ? 1 : 0);
