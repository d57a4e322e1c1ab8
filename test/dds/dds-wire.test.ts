// The topics of the Python wire with its types and QoS, against peers in C on idlc's types and on Fast DDS, in both roles and in every
// runtime: what is found, what arrives, byte for byte, and what a late joiner gets.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { POOL_METADATA_TYPE, POOL_PROGRESS_TYPE } from '../../host/entry/dds';
import { installedRuntimes } from '../support/runtimes';
import { buildFastPeer, buildPeer, DOMAIN, GENERATED, hasLibrary, hex, loadCdr, OUR_PEER, Peer } from './support/peers';

const test = suite('dds-wire');
const library = hasLibrary();
const peer = library ? buildPeer() : null;
const fast = library ? buildFastPeer() : null;
const foxglove = loadCdr();
const testWith = (...needs: unknown[]) => (needs.every(Boolean) ? test : test.skip);
const NODE = ['node', [process.execPath, '--no-warnings', OUR_PEER]] as const;

let count = 0;
const prefixOf = () => `tensoripc_wire${process.pid}${count++}`;

function progressSample(pool: string, frame: bigint): string {
  if (foxglove === null) throw new Error('no encoder');
  const writer = new foxglove.CdrWriter({ kind: 1 });
  writer.string(pool);
  writer.int64(frame);
  return hex(writer.data);
}

function metadataSample(name: string): string {
  if (foxglove === null) throw new Error('no encoder');
  const writer = new foxglove.CdrWriter({ kind: 1 });
  writer.string(name);
  writer.sequenceLength(3);
  for (const extent of [480n, 640n, 3n]) writer.int64(extent);
  writer.string('uint8');
  writer.string('numpy');
  writer.int64(10n);
  writer.string('cpu');
  writer.int64(1n);
  writer.int64(9216000n);
  writer.string('tensoripc_camera');
  writer.int64(4711n);
  writer.string('{}');
  return hex(writer.data);
}

const metadataLine = (name: string) => `meta ${name} [480,640,3] uint8 numpy 10 cpu 1 9216000 tensoripc_camera 4711 {}`;
/** As it arrives: filled up to a multiple of four. Cyclone puts the number of those bytes into the header, Fast DDS does not. */
function padded(sample: string): RegExp {
  const missing = (8 - (sample.length % 8)) % 8;
  return new RegExp(`^meta 0001000[0${missing / 2}]${sample.slice(8)}${'0'.repeat(missing)}$`);
}

testWith(foxglove)('the sample of the format, byte for byte', () => {
  assert.is(progressSample('w0', 1n), '0001000003000000773000000100000000000000');
});

testWith(peer)("the types' descriptors are idlc's", () => {
  const source = readFileSync(GENERATED, 'utf8');
  const blob = (name: string) => {
    const body = source.match(new RegExp(`#define ${name} \\(unsigned char \\[\\]\\)\\{([^}]*)\\}`))?.[1] ?? '';
    return (body.match(/0x[0-9a-f]{2}/g) ?? []).map((byte) => byte.slice(2)).join('');
  };
  for (const { name, descriptor } of [POOL_METADATA_TYPE, POOL_PROGRESS_TYPE]) {
    const information = blob(`TYPE_INFO_CDR_${name}`);
    assert.ok(information.length > 100);
    assert.is(hex(descriptor?.typeInformation ?? new Uint8Array()), information);
    assert.is(hex(descriptor?.typeMapping ?? new Uint8Array()), blob(`TYPE_MAP_CDR_${name}`));
  }
});

/** What Cyclone keeps for late joiners is up to the writer's durability service, and by default the last sample. */
const KEPT = [11];
/** Fast DDS keeps its history. */
const KEPT_BY_FAST = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const LATER = [12, 3, 0];

/** Whether a reader is sent what was written before it came. Best effort, as on the wire, is not. */
type Role = 'reader' | 'reliable-reader';

/** Our reader against their writer: what was there, what comes, the leave. */
async function theirWriter(theirs: readonly string[], ours: readonly string[], role: Role): Promise<void> {
  const prefix = prefixOf();
  const line = (frame: number) => `progress ${progressSample(prefix, BigInt(frame))}`;
  const before = role === 'reader' ? [] : theirs[0] === fast ? KEPT_BY_FAST : KEPT;
  await using writer = new Peer(theirs, [DOMAIN, prefix, 'writer']);
  await writer.find('ready');
  for (let frame = 0; frame < 12; frame++) writer.send(`progress ${frame}`);
  await using reader = new Peer(ours, [DOMAIN, prefix, role]);
  await writer.findAll('meta matched 1', 'progress matched 1');
  await reader.findAll('meta matched 1', 'progress matched 1', 'alive 1 not-alive 0', ...before.map(line));
  writer.send('meta');
  await reader.find(padded(metadataSample(prefix)));
  for (const frame of LATER) {
    writer.send(`progress ${frame}`);
    await reader.find(line(frame));
  }
  await writer.leave();
  await reader.findAll('meta matched 0', 'progress matched 0', 'alive 0 not-alive 0');
  await reader.leave();
  const taken = reader.lines.filter((text) => text.startsWith('progress 0'));
  assert.equal(taken, [...before, ...LATER].map(line), 'in order, and nothing else');
}

/** Our writer against their reader. */
async function theirReader(theirs: readonly string[], ours: readonly string[], role: Role): Promise<void> {
  const prefix = prefixOf();
  const line = (frame: number) => `progress ${prefix} ${frame}`;
  const before = role === 'reader' ? [] : KEPT;
  await using writer = new Peer(ours, [DOMAIN, prefix, 'writer']);
  await writer.find('ready');
  for (let frame = 0; frame < 12; frame++) writer.send(`progress ${progressSample(prefix, BigInt(frame))}`);
  // Once it says so they are written, and the reader is late.
  writer.send('acknowledged');
  await writer.find('acknowledged true');
  await using reader = new Peer(theirs, [DOMAIN, prefix, role]);
  await writer.findAll('meta matched 1', 'progress matched 1');
  await reader.findAll('meta matched 1', 'progress matched 1', ...before.map(line));
  writer.send(`meta ${metadataSample(prefix)}`);
  await reader.find(metadataLine(prefix));
  for (const frame of LATER) {
    writer.send(`progress ${progressSample(prefix, BigInt(frame))}`);
    await reader.find(line(frame));
  }
  await writer.leave();
  await reader.findAll('meta matched 0', 'progress matched 0');
  await reader.leave();
  const taken = reader.lines.filter((text) => text.startsWith(`progress ${prefix}`));
  assert.equal(taken, [...before, ...LATER].map(line), 'in order, and nothing else');
}

testWith(
  peer,
  fast,
  foxglove,
)('the other peers understand each other', async () => {
  const prefix = prefixOf();
  await using writer = new Peer([peer as string], [DOMAIN, prefix, 'writer']);
  await using reader = new Peer([fast as string], [DOMAIN, prefix, 'reader']);
  await writer.findAll('meta matched 1', 'progress matched 1');
  await reader.findAll('meta matched 1', 'progress matched 1');
  writer.send('meta');
  await reader.find(metadataLine(prefix));
  await writer.leave();
  await reader.leave();
});

const runtimes = library ? installedRuntimes() : [];
const ours = [NODE, ...runtimes.map(({ name, program, args }) => [name, [program, ...args, OUR_PEER]] as const)];
for (const [name, program] of ours) {
  testWith(peer, foxglove)(`${name} reads what the peer in C writes`, () => theirWriter([peer as string], program, 'reader'));
  testWith(peer, foxglove)(`the peer in C reads what ${name} writes`, () => theirReader([peer as string], program, 'reader'));
}
for (const role of ['reader', 'reliable-reader'] as const) {
  testWith(fast, foxglove)(`${role}: reads what Fast DDS writes`, () => theirWriter([fast as string], NODE[1], role));
  testWith(fast, foxglove)(`${role}: Fast DDS reads what is written`, () => theirReader([fast as string], NODE[1], role));
}
testWith(peer, foxglove)('a late joiner is sent the last sample', () =>
  theirWriter([peer as string], NODE[1], 'reliable-reader'),
);
testWith(peer, foxglove)('a late joiner in C is sent the last sample', () =>
  theirReader([peer as string], NODE[1], 'reliable-reader'),
);

const EXTREMES = [0n, 2n ** 63n - 1n, -(2n ** 63n), -1n, 2n ** 53n + 1n];
testWith(peer, foxglove)('any pool name and number arrives as it was', async () => {
  if (foxglove === null) return;
  const prefix = prefixOf();
  await using writer = new Peer(NODE[1], [DOMAIN, prefix, 'writer']);
  await using reader = new Peer(NODE[1], [DOMAIN, prefix, 'reader']);
  await writer.findAll('meta matched 1', 'progress matched 1');
  for (const [index, frame] of EXTREMES.entries()) {
    const sample = progressSample('x'.repeat(index * 7), frame);
    writer.send(`progress ${sample}`);
    const line = await reader.find(`progress ${sample}`);
    const decoder = new foxglove.CdrReader(Buffer.from(line.split(' ')[1] as string, 'hex'));
    assert.equal([decoder.string(), decoder.int64()], ['x'.repeat(index * 7), frame]);
  }
});

test.run();
