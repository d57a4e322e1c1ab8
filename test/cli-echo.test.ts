// echo: frames as text, in real processes; arrays as NumPy itself prints them.

import { execFileSync, spawnSync } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { type TensorLike, TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arrayText, shownElements } from '../host/cli/echo/array';
import { elementTexts } from '../host/cli/echo/numbers';
import { Child, leftovers, poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';
import { Random } from './support/random';
import { Shell } from './support/shell';

const test = suite('command line: echo');

const WIDTH = 80;
const text = (output: Buffer) => output.toString('utf8');

const python = ['/usr/bin/python3', 'python3'].find((path) => spawnSync(path, ['-c', 'import numpy']).status === 0);
if (python === undefined) console.log('skip: arrays as NumPy prints them: NumPy is not installed (apt install python3-numpy)');
const withNumpy = python === undefined ? test.skip : test;

type Sample = Exclude<TensorLike, TypedArray>;

/** What the command prints of one frame. */
async function echoed(frame: Sample | Record<string, Sample>, ...args: string[]): Promise<string> {
  using producer = TensorProducer.fromSample(poolName('echo'), frame);
  producer.put(frame);
  const { code, stdout, stderr } = await cli('echo', producer.name, '--once', ...args);
  assert.is(code, 0, stderr);
  for (const line of text(stdout).split('\n')) assert.ok(line.length <= WIDTH, `${line.length} columns: ${line}`);
  return text(stdout).replace(/age \S+ \S+/, 'age -');
}

test('a small tensor: its form, its statistics, every element', async () => {
  assert.is(
    await echoed({ data: Float32Array.of(0.5, -2, Number.NaN, 0.1, Infinity, 3), shape: [2, 3] }),
    [
      'frame 0  age -',
      'float32 [2, 3]',
      'min -2  max 3  mean 0.4  NaN 1  infinite 1',
      '[[ 0.5 -2.   nan]',
      ' [ 0.1  inf  3. ]]',
      '',
    ].join('\n'),
  );
  assert.match(
    await echoed({ data: BigInt64Array.of(-(2n ** 62n), 7n), shape: [2] }),
    /\nmin -4611686018427387904 {2}max 7 {2}mean /,
  );
  assert.match(await echoed({ data: Uint8Array.of(1, 0), shape: [2], dtype: 'bool' }), /\n\[ True False\]\n$/);
  assert.match(await echoed({ data: Uint16Array.of(0x3c00, 0x2e66), shape: [2], dtype: 'float16' }), /\n\[1\. {2}0\.1\]\n$/);
  assert.match(await echoed({ data: Float64Array.of(4.25), shape: [] }), /\nfloat64 \[\]\nmin 4\.25 .*\n4\.25\n$/);
  assert.match(await echoed({ data: Float32Array.of(Number.NaN), shape: [1] }), /\nno finite values {2}NaN 1\n\[nan\]\n$/);
});

const RECORD = {
  rgb: { data: new Uint8Array(48 * 64 * 3).map((_, i) => i % 251), shape: [48, 64, 3] },
  depth: { data: new Uint16Array(48 * 64).fill(1500), shape: [48, 64] },
  pose: { data: Float64Array.of(1, 2, 3), shape: [3] },
};

test('of several tensors all, or the one that is asked for; large ones without their middle', async () => {
  const all = await echoed(RECORD);
  assert.match(all, /\nrgb: uint8 \[48, 64, 3\]\nmin 0 {2}max 250 {2}mean \d+\.\d+\n\[\[\[ +0 +1 +2\]\n/);
  assert.match(
    all,
    /\ndepth: uint16 \[48, 64\]\nmin 1500 {2}max 1500 {2}mean 1500\n\[\[1500 1500 1500 \.\.\. 1500 1500 1500\]\n/,
  );
  assert.match(all, /\npose: float64 \[3\]\nmin 1 {2}max 3 {2}mean 2 {2}NaN 0\n\[1\. 2\. 3\.\]\n$/);
  const depth = await echoed(RECORD, '--field', 'depth');
  assert.match(depth, /^frame 0 {2}age -\ndepth: uint16/);
  assert.not.match(depth, /rgb|pose/);
  assert.is((await echoed(RECORD, '--field', 'depth', '--full')).split('1500').length, 48 * 64 + 4);
  assert.is(
    await echoed(RECORD, '--field', 'pose', '--stats'),
    'frame 0  age -\npose: float64 [3]\nmin 1  max 3  mean 2  NaN 0\n',
  );
});

test('what is said of a field stands beside its form; a varying one is as long as it is', async () => {
  const points = {
    data: new Float32Array(6),
    shape: [2, 3],
    maxLength: 100,
    encoding: 'xyz',
    unit: 'm',
    frameId: 'lidar',
  } as const;
  assert.match(await echoed(points), /\nfloat32 \[2, 3\], xyz, unit m, frame lidar\n/);
});

test('a field that is not there: which ones are', async () => {
  const name = poolName('echo-field');
  using producer = TensorProducer.fromSample(name, RECORD);
  producer.put(RECORD);
  for (const args of [['--once'], ['--count', '1']]) {
    const { code, stderr } = await cli('echo', name, '--field', 'infrared', ...args);
    assert.is(code, 1);
    assert.is(stderr, `tensor-ipc: pool '${name}' has no such field: expected one of rgb, depth, pose, found 'infrared'\n`);
  }
  using plain = TensorProducer.fromSample(poolName('echo-plain'), new Uint8Array(3));
  plain.put(new Uint8Array(3));
  const { stderr } = await cli('echo', plain.name, '--once', '--field', 'rgb');
  assert.match(stderr, /has no field 'rgb': its frames are one plain tensor; leave --field out/);
});

test('each new frame, or every Nth, until the producer closes its pool', async () => {
  const name = poolName('echo-every');
  const producer = TensorProducer.fromSample(name, new Int32Array(2), { historyLen: 1 });
  const every = new Cli(['echo', name, '--every', '10', '--count', '3']);
  const seconds = new Cli(['echo', name, '--every', '0.3s', '--count', '2']);
  const rest = new Cli(['echo', name]);
  let value = 0;
  const ticking = setInterval(() => void producer.put(new Int32Array(2).fill(value++)), 5);
  try {
    const { code, stdout, stderr } = await every.ended;
    assert.is(code, 0, stderr);
    const frames = [...text(stdout).matchAll(/^frame (\d+) .*\nint32 \[2\]\nmin (\d+) .*\n\[(\d+) (\d+)\]\n---$/gm)].map(
      (match) => match.slice(1).map(Number),
    );
    assert.is(frames.length, 3, text(stdout));
    for (const [i, [sequence = 0, min, a, b]] of frames.entries()) {
      assert.equal([min, a, b], [sequence, sequence, sequence]);
      if (i > 0) assert.ok(sequence >= (frames[i - 1]?.[0] ?? 0) + 10);
    }
    const paced = [...text((await seconds.ended).stdout).matchAll(/^frame (\d+) /gm)].map((match) => Number(match[1]));
    // At one frame in 5 ms or more 0.3 s are at most 60 frames, and surely more than one.
    assert.ok((paced[1] ?? 0) - (paced[0] ?? 0) > 1, String(paced));
    await until(() => rest.output.includes('---'), 'frames are printed');
  } finally {
    clearInterval(ticking);
  }
  const said = () => rest.output.split('\n').at(-3);
  await until(() => said() === `[${value - 1} ${value - 1}]`, 'the newest frame is printed');
  producer.put(new Int32Array(2).fill(77_777));
  producer.close();
  const { code, stderr } = await rest.ended;
  assert.equal([code, stderr], [0, '']);
  assert.is(said(), '[77777 77777]', 'the frame that was put right before the end');
  assert.equal(leftovers(name), []);
});

test('a producer that died: an error, and its last frame with --once', async () => {
  const pool = poolName('echo-died');
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 4 });
  await producer.ask({ op: 'put', value: 7 });
  const running = new Cli(['echo', pool]);
  await until(() => running.output.includes('---'), 'the frame is printed');
  await producer.kill();
  const { code, stderr } = await running.ended;
  assert.is(code, 1);
  assert.match(stderr, /the producer of pool '.*' died/);
  const last = await cli('echo', pool, '--once');
  assert.is(last.code, 0, last.stderr);
  assert.match(text(last.stdout), /^frame 0 {2}age .*; the producer is dead, and this is .* old\n/);
  unlinkSync(`/dev/shm/tensoripc.${pool}`);
});

test('a reader that has had enough is no error', async () => {
  using producer = TensorProducer.fromSample(poolName('echo-head'), new Uint8Array(4));
  const ticking = setInterval(() => void producer.put(new Uint8Array(4)), 5);
  try {
    assert.equal(await new Shell(`TI echo ${producer.name} | head -n 3 >/dev/null`).ended, { code: 0, stderr: '' });
  } finally {
    clearInterval(ticking);
  }
});

test('what cannot be used', async () => {
  for (const [args, says] of [
    [['--every', '0'], /--every is a number of frames \(10\) or of seconds \(2s\), found "0"/],
    [['--every', '1.5'], /found "1\.5"/],
    [['--every', 'often'], /found "often"/],
    [['--once', '--count', '2'], /--once or --count/],
    [['--full', '--stats'], /--full or --stats/],
    [['other'], /one pool, found also other/],
  ] as const) {
    const { code, stderr } = await cli('echo', 'camera', ...args);
    assert.is(code, 2, args.join(' '));
    assert.match(stderr, says);
  }
});

/** Arrays of many forms, with what JSON cannot hold as text. */
function arrays(): { dtype: 'int32' | 'uint8' | 'float32' | 'float64'; shape: number[]; values: number[] }[] {
  const random = new Random(12);
  const shapes = [[0], [1], [7], [40], [1000], [1001], [3, 4], [30, 40], [2, 3, 4], [9, 9, 20], [7, 2, 100], [1, 1, 1, 5]];
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const some = (shape: number[], value: (i: number) => number) => Array.from({ length: size(shape) }, (_, i) => value(i));
  return shapes.flatMap((shape) => [
    { dtype: 'int32' as const, shape, values: some(shape, () => random.integer(0, 20_000) - 10_000) },
    { dtype: 'uint8' as const, shape, values: some(shape, () => random.integer(0, 255)) },
    { dtype: 'float32' as const, shape, values: some(shape, () => Math.fround(random.integer(1, 900) / 100)) },
    {
      dtype: 'float64' as const,
      shape,
      values: some(shape, (i) => (i % 5 === 4 ? Number.NaN : (random.integer(0, 1000) - 500) / 7)),
    },
    { dtype: 'float64' as const, shape, values: some(shape, () => random.integer(1, 1_000_000) * 1e-7) },
    { dtype: 'float64' as const, shape, values: some(shape, (i) => 2 ** (i % 60) * (i % 2 === 0 ? 1 : -1)) },
    { dtype: 'float32' as const, shape, values: some(shape, (i) => [0, 0.1, -1, Infinity][i % 4] as number) },
  ]);
}

withNumpy('arrays are as NumPy prints them', () => {
  const program = `
import json, sys, numpy
numpy.set_printoptions(legacy=False)
for a in json.load(sys.stdin):
    values = [float(v) if isinstance(v, str) else v for v in a['values']]
    print(json.dumps(str(numpy.array(values, dtype=a['dtype']).reshape(a['shape']))))
`;
  const cases = arrays();
  const input = JSON.stringify(cases, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value).toLowerCase() : value,
  );
  const output = execFileSync(python as string, ['-c', program], { input, encoding: 'utf8', maxBuffer: 1e8 });
  const constructors = { int32: Int32Array, uint8: Uint8Array, float32: Float32Array, float64: Float64Array };
  for (const [i, line] of output.trimEnd().split('\n').entries()) {
    const { dtype, shape, values } = cases[i] as (typeof cases)[number];
    const data = constructors[dtype].from(values);
    // NumPy's lines have 75 columns.
    const layout = { shape, width: 75, full: false };
    assert.is(
      arrayText(layout, elementTexts(data, dtype, shownElements(layout))),
      JSON.parse(line),
      `${dtype} [${shape}], case ${i}`,
    );
  }
});

test.run();
