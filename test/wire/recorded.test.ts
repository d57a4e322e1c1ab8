// The recorded session: samples as idlc's C writer puts them on the wire, beside the values that went in.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WIRE_CONFIGURATION, WIRE_DOMAIN, wireTools } from './support/peers';

interface Sample {
  readonly topic: string;
  readonly type: 'PoolMetadata' | 'PoolProgressMessage';
  readonly hex: string;
  /** 64-bit integers as text. */
  readonly value: Readonly<Record<string, string | readonly string[]>>;
}

interface Session {
  readonly samples: readonly Sample[];
}

/** What the test uses of @foxglove/cdr. */
interface Cdr {
  readonly CdrReader: new (
    data: Uint8Array,
  ) => {
    readonly kind: number;
    readonly decodedBytes: number;
    string(): string;
    int64(): bigint;
    sequenceLength(): number;
  };
}

const CDR_LE = 1;
const session = JSON.parse(readFileSync('test/wire/recorded/session.json', 'utf8')) as Session;

function loadCdr(): Cdr | null {
  const require = createRequire(resolve('test/wire/package.json'));
  try {
    return require('@foxglove/cdr') as Cdr;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    console.log('\nskip: @foxglove/cdr is not installed: run "npm run peers wire"');
    return null;
  }
}

const cdr = loadCdr();
const tools = wireTools();

/** The fields of a sample in the order of the IDL, and how many bytes they took. */
function decode({ CdrReader }: Cdr, { hex, type }: Sample) {
  const reader = new CdrReader(Buffer.from(hex, 'hex'));
  const text = () => reader.string();
  const int64 = () => String(reader.int64());
  const value: Record<string, string | string[]> = {};
  if (type === 'PoolProgressMessage') {
    value['pool_name'] = text();
    value['latest_frame'] = int64();
  } else {
    value['name'] = text();
    value['shape'] = Array.from({ length: reader.sequenceLength() }, int64);
    for (const key of ['dtype_str', 'backend_type']) value[key] = text();
    value['history_len'] = int64();
    value['device'] = text();
    for (const key of ['element_size', 'total_size']) value[key] = int64();
    value['shm_name'] = text();
    value['creator_pid'] = int64();
    value['payload_json'] = text();
  }
  return { value, kind: reader.kind, bytes: reader.decodedBytes };
}

test('the session has what padding depends on: names of every length modulo 8, shapes of none to five dimensions', () => {
  const metadata = session.samples.filter(({ type }) => type === 'PoolMetadata').map(({ value }) => value);
  const of = (numbers: number[]) => [...new Set(numbers)].sort((a, b) => a - b);
  assert.equal(of(metadata.map(({ name }) => (name as string).length % 8)), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(of(metadata.map(({ shape }) => shape?.length ?? -1)), [0, 1, 2, 3, 5]);
  assert.ok(metadata.some((value) => value['payload_json'] !== ''));
});

test('the sample that the format is told by: pool w0, frame 1', () => {
  const sample = session.samples.find(({ value }) => value['pool_name'] === 'w0' && value['latest_frame'] === '1');
  assert.is(sample?.hex, `00010000${'0300000077300000'}${'0100000000000000'}`);
});

test('the low bits of the options count the bytes that pad a sample to a multiple of four', () => {
  for (const { hex, topic } of session.samples) {
    assert.is((hex.length / 2) % 4, 0, topic);
    assert.is(hex.slice(0, 6), '000100', topic);
    // A text ends with its zero byte, and padding is zero too; progress ends with a number and needs none.
    if (topic.endsWith('_progress')) assert.is(hex.slice(6, 8), '00', topic);
  }
});

if (cdr === null) test.skip('every sample decodes to the values beside it');
else {
  test('every sample decodes to the values beside it', () => {
    assert.ok(session.samples.length >= 40);
    for (const sample of session.samples) {
      const { value, kind, bytes } = decode(cdr, sample);
      assert.equal(value, sample.value);
      assert.is(kind, CDR_LE);
      const padding = Number.parseInt(sample.hex.slice(6, 8), 16) & 3;
      assert.is(bytes + padding, sample.hex.length / 2, sample.topic);
    }
  });
}

if (tools === null) test.skip('recorded again, the session is the same');
else {
  test('recorded again, the session is the same', () => {
    const env = { ...process.env, CYCLONEDDS_URI: WIRE_CONFIGURATION };
    const printed = execFileSync(tools.record, ['--domain', String(WIRE_DOMAIN)], { env, encoding: 'utf8' });
    assert.equal(JSON.parse(printed), session);
  });
}

test.run();
