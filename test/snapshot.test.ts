import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { cli, type Ended } from './support/cli-process';

const test = suite('snapshot');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-test-'));
test.after(() => rmSync(folder, { recursive: true }));

type Sample = { readonly data: TypedArray; readonly shape: number[]; readonly dtype?: string };

/** Runs the command on a pool that holds these frames. */
async function snapshot(frames: Sample | Record<string, Sample>, ...args: string[]): Promise<Ended & { name: string }> {
  const name = poolName('snapshot');
  using producer = TensorProducer.fromSample(name, frames);
  producer.put(frames);
  const ended = await cli('snapshot', name, join(folder, `${name}.png`), ...args);
  return { ...ended, name };
}

/** The picture that was written, decoded by somebody else's code: RGBA pixels. */
function decoded(name: string): { width: number; height: number; pixels: number[][] } {
  const { width, height, data } = PNG.sync.read(readFileSync(join(folder, `${name}.png`)));
  return { width, height, pixels: Array.from({ length: width * height }, (_, i) => [...data.subarray(i * 4, i * 4 + 4)]) };
}

/** Asserts that a snapshot of these frames has these pixels, and says so much. */
async function shows(
  frames: Sample | Record<string, Sample>,
  width: number,
  height: number,
  expected: number[][],
  says: RegExp,
  ...args: string[]
) {
  const { code, stdout, stderr, name } = await snapshot(frames, ...args);
  assert.is(code, 0, stderr);
  assert.is(stderr, '');
  assert.equal(decoded(name), { width, height, pixels: expected });
  assert.match(stdout.toString(), says);
  assert.match(stdout.toString(), /, frame 0/);
  assert.equal(leftovers(name), []);
}

const grey = (...shades: number[]) => shades.map((shade) => [shade, shade, shade, 255]);

test('uint8 as it is, in every shape that is a picture', async () => {
  const ramp = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 37 + 11) % 256);
  const pixels = (data: Uint8Array, channels: number) =>
    Array.from({ length: data.length / channels }, (_, i) => [...data.subarray(i * channels, (i + 1) * channels)]);
  const one = ramp(5 * 7);
  await shows({ data: one, shape: [5, 7] }, 7, 5, grey(...one), /7×5, uint8 \[5, 7\], frame 0, values \d+ to \d+\n/);
  await shows({ data: one, shape: [5, 7, 1] }, 7, 5, grey(...one), /uint8 \[5, 7, 1\]/);
  const three = ramp(5 * 7 * 3);
  const rgb = pixels(three, 3).map((p) => [...p, 255]);
  await shows({ data: three, shape: [5, 7, 3] }, 7, 5, rgb, /uint8 \[5, 7, 3\]/);
  const four = ramp(5 * 7 * 4);
  await shows({ data: four, shape: [5, 7, 4] }, 7, 5, pixels(four, 4), /uint8 \[5, 7, 4\]/);
  const planes = Uint8Array.from({ length: 105 }, (_, i) => three[(i % 35) * 3 + Math.floor(i / 35)] as number);
  await shows({ data: planes, shape: [3, 5, 7] }, 7, 5, rgb, /uint8 \[3, 5, 7\]/);
  // Three rows of RGB or three planes: channels last, as everywhere else.
  const both = ramp(3 * 4 * 3);
  await shows(
    { data: both, shape: [3, 4, 3] },
    4,
    3,
    pixels(both, 3).map((p) => [...p, 255]),
    /4×3/,
  );
});

test('a picture larger than a buffer, and one of a single pixel', async () => {
  const data = Uint8Array.from({ length: 300 * 500 * 3 }, (_, i) => (i * i) >> 7);
  const pixels = Array.from({ length: 300 * 500 }, (_, i) => [...data.subarray(i * 3, i * 3 + 3), 255]);
  await shows({ data, shape: [300, 500, 3] }, 500, 300, pixels, /500×300/);
  await shows({ data: Uint8Array.of(9), shape: [1, 1] }, 1, 1, grey(9), /1×1/);
});

test('bool is black and white', async () => {
  await shows(
    { data: Uint8Array.of(0, 1, 1, 0), shape: [2, 2], dtype: 'bool' },
    2,
    2,
    grey(0, 255, 255, 0),
    /bool \[2, 2\].*values 0 to 1\n/,
  );
});

test('every other dtype is scaled between its own smallest and largest value', async () => {
  const arrays: Sample[] = [
    { data: Int8Array.of(-100, -50, 0, 100), shape: [2, 2] },
    { data: Int16Array.of(-1000, -500, 0, 1000), shape: [2, 2] },
    { data: Int32Array.of(-1e9, -5e8, 0, 1e9), shape: [2, 2] },
    { data: BigInt64Array.of(-(10n ** 15n), -(10n ** 15n) / 2n, 0n, 10n ** 15n), shape: [2, 2] },
    { data: Uint16Array.of(100, 600, 1100, 2100), shape: [2, 2] },
    { data: Uint32Array.of(0, 1e9, 2e9, 4e9), shape: [2, 2] },
    { data: BigUint64Array.of(0n, 4n * 10n ** 18n, 8n * 10n ** 18n, 16n * 10n ** 18n), shape: [2, 2] },
    { data: Float32Array.of(-1, -0.5, 0, 1), shape: [2, 2] },
    { data: Float64Array.of(-1e-9, -0.5e-9, 0, 1e-9), shape: [2, 2] },
  ];
  for (const sample of arrays) await shows(sample, 2, 2, grey(0, 64, 128, 255), /values \S+ to \S+ \(black \S+, white \S+\)/);
});

test('float16 and bfloat16 are decoded', async () => {
  // -2, -0.5, 0, 1, 2^-24 (the smallest there is), NaN, infinity, 2
  const half = Uint16Array.of(0xc000, 0xb800, 0x0000, 0x3c00, 0x0001, 0x7e00, 0x7c00, 0x4000);
  const shades = grey(0, 96, 128, 191, 128, 0, 255, 255);
  await shows({ data: half, shape: [2, 4], dtype: 'float16' }, 4, 2, shades, /float16 \[2, 4\], frame 0, values -2 to 2 /);
  const brain = Uint16Array.of(0xc000, 0xbf00, 0x0000, 0x3f80, 0x0001, 0x7fc0, 0x7f80, 0x4000);
  await shows({ data: brain, shape: [2, 4], dtype: 'bfloat16' }, 4, 2, shades, /bfloat16 \[2, 4\], frame 0, values -2 to 2 /);
});

test('NaN is black, infinities are the ends, and neither counts for the range', async () => {
  const data = Float32Array.of(Number.NaN, Infinity, -Infinity, 2, 3, 4);
  await shows({ data, shape: [2, 3] }, 3, 2, grey(0, 255, 0, 0, 128, 255), /values 2 to 4 \(black 2, white 4\)/);
  const nothing = Float32Array.of(Number.NaN, Number.NaN);
  await shows({ data: nothing, shape: [1, 2] }, 2, 1, grey(0, 0), /no finite values/);
});

test('a constant picture is black', async () => {
  await shows({ data: Float32Array.of(7.25, 7.25), shape: [1, 2] }, 2, 1, grey(0, 0), /values 7\.25 to 7\.25/);
});

test('channels share one scale; alpha has its own', async () => {
  const colour = Float32Array.of(0, 1, 2, 4, 3, 2);
  await shows(
    { data: colour, shape: [1, 2, 3] },
    2,
    1,
    [
      [0, 64, 128, 255],
      [255, 191, 128, 255],
    ],
    /float32 \[1, 2, 3\]/,
  );
  const clear = Float32Array.of(10, 20, 30, 0.5, 30, 20, 10, 1);
  await shows(
    { data: clear, shape: [1, 2, 4] },
    2,
    1,
    [
      [0, 128, 255, 128],
      [255, 128, 0, 255],
    ],
    /values 10 to 30/,
  );
  const whole = Uint16Array.of(0, 500, 1000, 0x7fff, 1000, 500, 0, 0xffff);
  await shows(
    { data: whole, shape: [1, 2, 4] },
    2,
    1,
    [
      [0, 128, 255, 127],
      [255, 128, 0, 255],
    ],
    /values 0 to 1000/,
  );
});

test('--min and --max set black and white, for uint8 as well', async () => {
  const depth = { data: Uint16Array.of(0, 500, 1500, 65535), shape: [2, 2] };
  await shows(
    depth,
    2,
    2,
    grey(0, 0, 128, 255),
    /values 0 to 65535 \(black 1000, white 2000\)/,
    '--min',
    '1000',
    '--max',
    '2000',
  );
  await shows(depth, 2, 2, grey(0, 64, 191, 255), /white 2000/, '--max', '2000');
  const cold = { data: Float32Array.of(-3, -2, 0, 2), shape: [2, 2] };
  await shows(cold, 2, 2, grey(0, 0, 128, 255), /black -2/, '--min', '-2');
  await shows(
    { data: Uint8Array.of(100, 150, 200), shape: [1, 3] },
    3,
    1,
    grey(0, 128, 255),
    /black 100/,
    '--min',
    '100',
    '--max',
    '200',
  );
});

test('of several tensors the first that is a picture, or the one that is asked for', async () => {
  const frame = {
    pose: { data: Float64Array.of(1, 2, 3), shape: [3] },
    rgb: { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [1, 2, 3] },
    depth: { data: Float32Array.of(0.5, 1.5), shape: [1, 2] },
  };
  await shows(
    frame,
    2,
    1,
    [
      [1, 2, 3, 255],
      [4, 5, 6, 255],
    ],
    /uint8 \[1, 2, 3\], field rgb, frame 0/,
  );
  await shows(frame, 2, 1, grey(0, 255), /float32 \[1, 2\], field depth, frame 0, values 0.5 to 1.5/, '--field', 'depth');
  const { code, stderr, name } = await snapshot(frame, '--field', 'infrared');
  assert.is(code, 1);
  assert.is(stderr, `tensor-ipc: pool '${name}' has no such field: expected one of pose, rgb, depth, found 'infrared'\n`);
});

test('the latest frame, to the standard output too', async () => {
  const name = poolName('snapshot-latest');
  using producer = TensorProducer.fromSample(name, { data: new Uint8Array(4), shape: [2, 2] });
  for (let i = 0; i < 20; i++) producer.put({ data: new Uint8Array(4).fill(i), shape: [2, 2] });
  const { code, stdout, stderr } = await cli('snapshot', name, '-');
  assert.is(code, 0);
  assert.is(PNG.sync.read(stdout).data[0], 19);
  assert.match(stderr, /^standard output: 2×2, uint8 \[2, 2\], frame 19, values 19 to 19\n$/);
});

test('it waits for a producer, and for its first frame', async () => {
  const name = poolName('snapshot-late');
  const running = cli('snapshot', name, join(folder, `${name}.png`), '--timeout', '60000');
  await new Promise((resolve) => setTimeout(resolve, 300));
  using producer = TensorProducer.fromSample(name, { data: new Uint8Array(4), shape: [2, 2] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  producer.put({ data: Uint8Array.of(5, 6, 7, 8), shape: [2, 2] });
  const { code, stderr } = await running;
  assert.is(code, 0, stderr);
  assert.equal(decoded(name).pixels, grey(5, 6, 7, 8));
});

test('what is no picture is an error that says what is one', async () => {
  for (const shape of [[12], [], [2, 6, 1, 1], [2, 3, 2], [4, 3, 1, 1]]) {
    const length = shape.reduce((a, b) => a * b, 1);
    const { code, stderr } = await snapshot({ data: new Float32Array(length), shape });
    assert.is(code, 1);
    assert.match(
      stderr,
      new RegExp(`float32 \\[${shape.join(', ')}\\] is no picture; shapes that can be shown: H×W, H×W×1, H×W×3`),
    );
  }
  const states = { a: { data: new Float32Array(2), shape: [2] }, b: { data: new Float32Array(3), shape: [3] } };
  const { code, stderr } = await snapshot(states);
  assert.is(code, 1);
  assert.match(stderr, /has no field that is a picture/);
});

test('no producer, no frame, no such field, nowhere to write: an error each, and code 1', async () => {
  const absent = poolName('snapshot-absent');
  const nobody = await cli('snapshot', absent, join(folder, 'absent.png'), '--timeout', '100');
  assert.is(nobody.code, 1);
  assert.match(nobody.stderr, new RegExp(`^tensor-ipc: pool '${absent}' has no producer, and none came within 100 ms`));
  assert.equal(leftovers(absent), []);

  const silent = poolName('snapshot-silent');
  using producer = TensorProducer.fromSample(silent, { data: new Uint8Array(4), shape: [2, 2] });
  const nothing = await cli('snapshot', silent, join(folder, 'silent.png'), '--timeout', '100');
  assert.is(nothing.code, 1);
  assert.match(nothing.stderr, /has a producer, but no frame came within 100 ms/);

  producer.put({ data: new Uint8Array(4), shape: [2, 2] });
  const unknown = await cli('snapshot', silent, join(folder, 'silent.png'), '--field', 'rgb');
  assert.is(unknown.code, 1);
  assert.match(unknown.stderr, /has no field 'rgb': its frames are one plain tensor/);

  const lost = await cli('snapshot', silent, join(folder, 'no-such-folder', 'out.png'));
  assert.is(lost.code, 1);
  assert.match(lost.stderr, /^tensor-ipc: cannot write ".*no-such-folder.*": ENOENT: /);
  assert.not.match(lost.stderr, /^\s+at /m);
});

test.run();
