// snapshot of pools that say what their elements mean: pictures as ffmpeg converts them, packets and point clouds as they are.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { type Encoding, encodings, inspect, TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, poolName, until } from './support/child';
import { cli, type Ended } from './support/cli-process';
import { Shell } from './support/shell';

const test = suite('snapshot by encoding');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-test-'));
test.after(() => rmSync(folder, { recursive: true }));

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!ffmpeg) console.log('skip: pictures as ffmpeg converts them: ffmpeg is not installed (apt install ffmpeg)');
const withFfmpeg = ffmpeg ? test : test.skip;

const [WIDTH, HEIGHT] = [64, 48];

interface Field {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly encoding?: Encoding;
  readonly unit?: string;
  readonly maxLength?: number;
}

/** What snapshot makes of a frame, in a file of this ending. */
async function snapshot(
  frame: Field | Record<string, Field>,
  ending: string,
  ...args: string[]
): Promise<Ended & { path: string }> {
  const name = poolName('snapshot-encoded');
  using producer = TensorProducer.fromSample(name, frame);
  producer.put(frame);
  const path = join(folder, `${name}.${ending}`);
  return { ...(await cli('snapshot', name, path, ...args)), path };
}

/** The picture that a snapshot wrote: its RGB bytes, by another decoder. */
async function picture(frame: Field, says: RegExp, ...args: string[]): Promise<Uint8Array> {
  const { code, stdout, stderr, path } = await snapshot(frame, 'png', ...args);
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), says);
  const { data } = PNG.sync.read(readFileSync(path));
  return data.filter((_, i) => i % 4 !== 3);
}

/** Bars of colour, raw, as ffmpeg has them in a pixel format. */
function bars(format: string): Buffer {
  // In one step from the source, so that nothing is lost but what the format cannot hold.
  const filter = `smptebars=size=${WIDTH}x${HEIGHT},format=yuv444p,format=${format}`;
  return raw(['-f', 'lavfi', '-i', filter], format);
}

function raw(input: readonly string[], format: string, data?: Uint8Array): Buffer {
  const args = ['-v', 'error', ...input, '-frames:v', '1', '-sws_flags', 'neighbor+full_chroma_int+accurate_rnd'];
  const { status, stdout, stderr } = spawnSync('ffmpeg', [...args, '-f', 'rawvideo', '-pix_fmt', format, '-'], { input: data });
  assert.is(status, 0, stderr.toString());
  return stdout;
}

/** The same bytes as RGB, by ffmpeg. */
function rgbOf(bytes: Buffer, format: string): Buffer {
  return raw(['-f', 'rawvideo', '-pix_fmt', format, '-s', `${WIDTH}x${HEIGHT}`, '-i', '-'], 'rgb24', bytes);
}

/** Byte for byte; the first difference tells more than two long lists. */
function same(found: Uint8Array, expected: Uint8Array): void {
  assert.is(found.length, expected.length);
  assert.is(
    found.findIndex((value, i) => value !== expected[i]),
    -1,
  );
}

function worst(found: Uint8Array, expected: Uint8Array): number {
  assert.is(found.length, expected.length);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
}

const SHAPES: Readonly<Partial<Record<Encoding, readonly number[]>>> = {
  rgb8: [HEIGHT, WIDTH, 3],
  bgr8: [HEIGHT, WIDTH, 3],
  rgba8: [HEIGHT, WIDTH, 4],
  bgra8: [HEIGHT, WIDTH, 4],
  nv12: [(HEIGHT * 3) / 2, WIDTH],
  nv21: [(HEIGHT * 3) / 2, WIDTH],
  i420: [(HEIGHT * 3) / 2, WIDTH],
  yuyv: [HEIGHT, WIDTH, 2],
  uyvy: [HEIGHT, WIDTH, 2],
};

for (const encoding of Object.keys(SHAPES) as Encoding[]) {
  withFfmpeg(`${encoding} is the picture that ffmpeg makes of it`, async () => {
    const { ffmpeg: format } = encodings[encoding];
    const bytes = bars(format as string);
    const found = await picture(
      { data: new Uint8Array(bytes), shape: SHAPES[encoding] ?? [], encoding },
      new RegExp(`, ${encoding}`),
    );
    const off = worst(found, rgbOf(bytes, format as string));
    assert.ok(off <= (encoding.includes('8') ? 0 : 3), `${off} of 255 off`);
    assert.ok(new Set(found).size > 10, 'there is something to see');
  });
}

/** A picture through the filter of a Bayer sensor. */
function mosaic(rgb: Uint8Array, pattern: string): Uint8Array {
  return Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const letter = pattern[((Math.floor(i / WIDTH) & 1) << 1) | ((i % WIDTH) & 1)] as string;
    return rgb[i * 3 + 'rgb'.indexOf(letter)] as number;
  });
}

for (const pattern of ['rggb', 'bggr', 'gbrg', 'grbg'] as const) {
  test(`bayer_${pattern}8 and 16: flat colours come back exactly, and every measured value everywhere`, async () => {
    const flat = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => [200, 120, 30][i % 3] as number);
    const shape = [HEIGHT, WIDTH];
    const says = new RegExp(`, bayer_${pattern}\\d+ \\(bilinear demosaic\\)`);
    same(await picture({ data: mosaic(flat, pattern), shape, encoding: `bayer_${pattern}8` }, says), flat);
    const varied = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 7919) % 251);
    const seen = mosaic(varied, pattern);
    const found = await picture({ data: seen, shape, encoding: `bayer_${pattern}8` }, says);
    same(mosaic(found, pattern), seen);
    const wide = Uint16Array.from(seen, (value) => value * 257);
    const limits = ['--min', '0', '--max', '65535'];
    same(await picture({ data: wide, shape, encoding: `bayer_${pattern}16` }, says, ...limits), found);
  });
}

test('depth: zero is no measurement, and does not count', async () => {
  const data = Uint16Array.of(0, 500, 1500, 1000);
  const found = await picture(
    { data, shape: [2, 2], encoding: 'depth16u' },
    /depth16u, frame 0, values 500 to 1500 mm \(black 500,/,
  );
  assert.equal(
    [...found].filter((_, i) => i % 3 === 0),
    [0, 0, 255, 128],
  );
  const metres = Float32Array.of(0, 0.5, 1.5, Number.NaN);
  const near = await picture({ data: metres, shape: [2, 2], encoding: 'depth32f' }, /values 0\.5 to 1\.5 m /);
  assert.equal(
    [...near].filter((_, i) => i % 3 === 0),
    [0, 0, 255, 0],
  );
});

withFfmpeg('packets are written as they are, each as long as it is', async () => {
  for (const [encoding, codec, muxer, ending] of [
    ['jpeg', 'mjpeg', 'mjpeg', 'jpg'],
    ['png', 'png', 'image2pipe', 'png'],
    ['h264', 'libx264', 'h264', 'h264'],
  ] as const) {
    const args = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=64x48', '-frames:v', '1', '-c:v', codec, '-f', muxer, '-'];
    const { status, stdout: packet, stderr } = spawnSync('ffmpeg', args);
    if (status !== 0) {
      console.log(`skip: ${encoding}: ffmpeg has no ${codec} (${stderr.toString().trim()})`);
      continue;
    }
    const field = { data: new Uint8Array(packet), shape: [packet.length], maxLength: 1_000_000, encoding };
    const { code, stdout, stderr: errors, path } = await snapshot(field, ending);
    assert.is(code, 0, errors);
    assert.match(stdout.toString(), new RegExp(`: ${encoding} as it is, [\\d.]+ k?B, frame 0\n$`));
    assert.ok(readFileSync(path).equals(packet), `${encoding}: the same bytes`);
    const wrong = await snapshot(field, ending === 'png' ? 'jpg' : 'png');
    assert.is(wrong.code, 1);
    assert.match(wrong.stderr, new RegExp(`this is ${encoding} as it is, .*: name the file \\.${ending}, found`));
  }
});

test('points become PLY: its header, and the bytes of the frame', async () => {
  const data = Float32Array.of(1, 2, 3, -4, 5.5, Number.NaN, 7, 8, 9);
  const field: Field = { data, shape: [3, 3], maxLength: 300_000, encoding: 'xyz' };
  const { code, stdout, stderr, path } = await snapshot(field, 'ply');
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), /: 3 points, float32 \[3, 3\], frame 0, x -4 to 7, y 2 to 8, z 3 to 9 m\n$/);
  const bytes = readFileSync(path);
  const end = bytes.indexOf('end_header\n') + 'end_header\n'.length;
  assert.match(
    bytes.subarray(0, end).toString(),
    /^ply\nformat binary_little_endian 1\.0\ncomment pool \S+, frame 0\nelement vertex 3\n(property float [xyz]\n){3}end_header\n$/,
  );
  assert.equal(bytes.subarray(end), Buffer.from(data.buffer));
  const doubles: Field = { data: new Float64Array(8), shape: [2, 4], encoding: 'xyzi', unit: 'cm' };
  const four = await snapshot(doubles, 'ply');
  assert.match(
    readFileSync(four.path).toString('latin1'),
    /element vertex 2\nproperty double x\n.*\n.*\nproperty double intensity\nend/,
  );
  assert.match(four.stdout.toString(), / cm\n$/);
  assert.match((await snapshot(field, 'png')).stderr, /this is 3 points, .*: name the file \.ply/);
});

test('of several fields the first that can be shown; colours of points and sound cannot', async () => {
  const points: Field = { data: new Float32Array(6), shape: [2, 3], maxLength: 10, encoding: 'xyz' };
  const colours: Field = { data: new Uint8Array(6), shape: [2, 3], encoding: 'rgb8' };
  const sound: Field = { data: new Int16Array(8), shape: [4, 2], encoding: 'pcm_s16' };
  assert.match((await snapshot({ sound, points }, 'ply')).stdout.toString(), /2 points, .*, field points, frame 0/);
  for (const [field, what] of [
    [colours, 'rgb8'],
    [sound, 'pcm_s16'],
  ] as const) {
    const { code, stderr } = await snapshot(field, 'png');
    assert.is(code, 1);
    assert.match(stderr, new RegExp(` of ${what} is no picture`));
  }
  const empty: Field = { data: new Uint8Array(0), shape: [0], maxLength: 10, encoding: 'jpeg' };
  const { code, stderr } = await snapshot(empty, 'jpg');
  assert.is(code, 1);
  assert.match(stderr, /frame 0 is empty/);
});

test('of a dead producer the last frame, at once; with --timeout it waits for another one first', async () => {
  const pool = poolName('snapshot-dead');
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 6, options: { historyLen: 2 } });
  await producer.ask({ op: 'put', value: 3, count: 5 });
  await producer.kill();
  const path = join(folder, 'dead.png');
  const sample = { data: new Uint8Array(12), shape: [2, 2, 3], encoding: 'bgr8' } as const;
  try {
    // What the peer puts is no picture, which is found out from its last frame.
    const dead = await cli('snapshot', pool, path);
    assert.is(dead.code, 1);
    assert.match(dead.stderr, /float64 \[6\] is no picture/);
    const waiting = cli('snapshot', pool, path, '--timeout', '60000');
    using next = TensorProducer.fromSample(pool, sample);
    const timer = setInterval(() => next.put({ ...sample, data: new Uint8Array(12).fill(7) }), 20);
    const { code, stdout, stderr } = await waiting;
    clearInterval(timer);
    assert.is(code, 0, stderr);
    assert.not.match(stdout.toString(), /is dead/);
  } finally {
    rmSync(`/dev/shm/tensoripc.${pool}`, { force: true });
  }
});

test('the last frame of a dead producer is a picture like any other, with its age', async () => {
  const pool = poolName('snapshot-last');
  const pub = new Shell(`(head -c 12 /dev/zero | tr '\\0' '\\7'; cat) | TI pub ${pool} --shape 2,2,3 --encoding bgr8`);
  await until(() => inspect(pool)?.framesPublished === 1, 'it is published');
  process.kill(inspect(pool)?.producer.pid as number, 'SIGKILL');
  await until(() => inspect(pool)?.state === 'dead', 'it is dead');
  try {
    const { code, stdout, stderr } = await cli('snapshot', pool, join(folder, 'last.png'));
    assert.is(code, 0, stderr);
    assert.match(stdout.toString(), /frame 0, values 7 to 7; the producer is dead, and this is [\d.]+ (ms|s|min) old\n$/);
    assert.equal(new Set(PNG.sync.read(readFileSync(join(folder, 'last.png'))).data), new Set([7, 255]));
    assert.is((await cli('snapshot', pool, '-', '--trust', 'owner')).code, 0);
  } finally {
    rmSync(`/dev/shm/tensoripc.${pool}`, { force: true });
  }
  pub.end();
  await pub.ended;
});

test.run();
