// The JSON that describes a pool, byte for byte, and what a reader makes of another writer's.

import { MetadataCreator, type PoolMetadata } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeDescription, encodeDescription } from '../host/tensor/description';
import { hasCode } from './support/child';

const test = suite('description of a pool');

const CLOUD: PoolMetadata = MetadataCreator.fromSample(
  'cloud',
  {
    points: { data: new Float32Array(3), shape: [1, 3], maxLength: 300, encoding: 'xyz', unit: 'm', frameId: 'lidar' },
    id: { data: new BigUint64Array(1), shape: [1] },
  },
  { historyLen: 4, attributes: { serial: 'Ä"\n', '2': [0.1, 1e21], mount: { z: 1.2 } } },
);
const TEXT =
  '{"format":"tensor-ipc","version":2,"name":"cloud","device":"cpu","historyLen":4,"historyPad":"fill","frameBytes":3712,"fields":[' +
  '{"name":"points","dtype":"float32","shape":[300,3],"byteOffset":0,"bytes":3600,"maxLength":300,"encoding":"xyz","unit":"m","frameId":"lidar"},' +
  '{"name":"id","dtype":"uint64","shape":[1],"byteOffset":3648,"bytes":8}],' +
  '"attributes":{"2":[0.1,1e+21],"serial":"Ä\\"\\n","mount":{"z":1.2}}}';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (text: string) => decodeDescription('cloud', encode(text));

test('keys stand in the order of docs/pool-format.md; what is not said is left out', () => {
  assert.is(new TextDecoder().decode(encodeDescription({ metadata: CLOUD, historyPad: 'fill' })), TEXT);
  const plain = MetadataCreator.fromSample('plain', new Uint8Array(4), { attributes: {} });
  assert.is(
    new TextDecoder().decode(encodeDescription({ metadata: plain, historyPad: 'zero' })),
    '{"format":"tensor-ipc","version":2,"name":"plain","device":"cpu","historyLen":1,"historyPad":"zero","frameBytes":4,' +
      '"fields":[{"name":"data","dtype":"uint8","shape":[4],"byteOffset":0,"bytes":4}]}',
  );
});

test('what is written is read back', () => {
  const { metadata, historyPad } = decode(TEXT);
  assert.is(historyPad, 'fill');
  assert.equal(JSON.stringify(metadata), JSON.stringify(CLOUD));
});

test('white space, another order and unknown keys change nothing', () => {
  const raw = JSON.parse(TEXT) as { fields: object[] };
  const reversed = (value: object) => Object.fromEntries(Object.entries(value).reverse());
  const other = JSON.stringify(
    { ...reversed(raw), fields: raw.fields.map((field) => ({ ...reversed(field), colour: 'red' })), next: [1] },
    null,
    2,
  );
  assert.equal(JSON.stringify(decode(other).metadata), JSON.stringify(CLOUD));
});

test('an encoding that a later version has brought is one that is not stated', () => {
  const { metadata } = decode(TEXT.replace('"xyz"', '"splat3d"'));
  assert.is(metadata.fields[0]?.encoding, undefined);
  assert.is(metadata.fields[0]?.unit, 'm');
  CLOUD.assertMatches(CLOUD);
  assert.throws(() => CLOUD.assertMatches(metadata), hasCode('FIELDS_MISMATCH', /expected encoding xyz/));
  metadata.assertMatches(CLOUD);
});

const DAMAGED: readonly (readonly [string, string, string])[] = [
  ['version 1', '"version":2', '"version":1'],
  ['an encoding that no writer gives', '"xyz"', '"XYZ"'],
  ['a known encoding of another form', '"xyz"', '"rgb8"'],
  ['a length that the shape does not have', '"maxLength":300', '"maxLength":299'],
  ['a length of 2^32', '"maxLength":300', '"maxLength":4294967296'],
  ['a length of nothing', '"maxLength":300', '"maxLength":null'],
  ['room for other lengths', '"bytes":3600', '"bytes":3588'],
  ['a frame of another size', '3712', '3713'],
  ['a unit with a control character', '"unit":"m"', '"unit":"\\u001b[2J"'],
  ['a frame that is no text', '"lidar"', '["lidar"]'],
  ['attributes that are no object', '"attributes":{"2"', '"attributes":[],"2":{"2"'],
  ['attributes beyond all numbers', '1e+21', '1e999'],
  ['attributes with a prototype', '"mount":{"z"', '"mount":{"__proto__"'],
  ['attributes too deep', '1.2', '['.repeat(16) + ']'.repeat(16)],
  ['attributes too large', '1.2', JSON.stringify('x'.repeat(65_536))],
];
for (const [what, from, to] of DAMAGED) {
  test(`refused: ${what}`, () => {
    assert.ok(TEXT.includes(from));
    assert.throws(() => decode(TEXT.replace(from, to)), hasCode('CORRUPT_OBJECT'));
  });
}

test('attributes as deep and as large as they may be', () => {
  const deep = TEXT.replace('1.2', '['.repeat(14) + ']'.repeat(14));
  assert.ok(decode(deep).metadata.attributes['mount']);
  const room = 65_536 - JSON.stringify(CLOUD.attributes).length - 1;
  assert.ok(decode(TEXT.replace('1.2', JSON.stringify('x'.repeat(room + 1)))).metadata.attributes['mount']);
});

test.run();
