// snapshot by the ending of the file: JPEG, npy, depth in colour; names of fields; and what is refused.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { TensorProducer, type TypedArray } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TURBO_TABLE } from '../host/cli/snapshot/colors';
import { Child, poolName } from './support/child';
import { cli, type Ended } from './support/cli-process';

const test = suite('snapshot: forms');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-test-'));
test.after(() => rmSync(folder, { recursive: true }));

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!ffmpeg) console.log('skip: JPEG files: ffmpeg is not installed (apt install ffmpeg)');
const withFfmpeg = ffmpeg ? test : test.skip;
const python = ['/usr/bin/python3', 'python3'].find((path) => spawnSync(path, ['-c', 'import numpy']).status === 0);
if (python === undefined) console.log('skip: npy files as NumPy reads them: NumPy is not installed (apt install python3-numpy)');
const withNumpy = python === undefined ? test.skip : test;

interface Sample {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype?: string;
  readonly encoding?: 'depth16u' | 'depth32f' | 'rgb8';
}

async function snapshot(
  frame: Sample | Record<string, Sample>,
  ending: string,
  ...args: string[]
): Promise<Ended & { path: string; said: string }> {
  const name = poolName('snapshot-forms');
  using producer = TensorProducer.fromSample(name, frame);
  producer.put(frame);
  const path = join(folder, `${name}.${ending}`);
  const ended = await cli('snapshot', name, path, ...args);
  return { ...ended, path, said: ended.stdout.toString() };
}

withFfmpeg('a picture as JPEG: its size, and its colours but for what JPEG loses', async () => {
  const [width, height] = [32, 16];
  const halves = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const left = Math.floor(i / 3) % width < width / 2;
    return (left ? [200, 30, 30] : [30, 30, 200])[i % 3] as number;
  });
  for (const [data, shape, channels] of [
    [halves, [height, width, 3], 3],
    [halves.filter((_, i) => i % 3 === 0), [height, width], 1],
    [
      Uint8Array.from({ length: width * height * 4 }, (_, i) =>
        i % 4 === 3 ? 255 : (halves[Math.floor(i / 4) * 3 + (i % 4)] as number),
      ),
      [height, width, 4],
      3,
    ],
  ] as const) {
    for (const ending of ['jpg', 'JPEG']) {
      const { code, said, stderr, path } = await snapshot({ data, shape }, ending);
      assert.is(code, 0, stderr);
      assert.match(said, /: 32×16, uint8 .*, frame 0, values 30 to 200\n$/);
      assert.equal([...readFileSync(path).subarray(0, 3)], [0xff, 0xd8, 0xff]);
      const decoded = execFileSync('ffmpeg', [
        '-v',
        'error',
        '-i',
        path,
        '-f',
        'rawvideo',
        '-pix_fmt',
        channels === 1 ? 'gray' : 'rgb24',
        '-',
      ]);
      const expected = channels === 1 ? halves.filter((_, i) => i % 3 === 0) : halves;
      assert.is(decoded.length, expected.length);
      const off = decoded.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
      assert.ok(off <= 12, `${off} of 255 off`);
    }
  }
});

test('a JPEG without ffmpeg: where to get it', async () => {
  const { code, stderr } = await snapshot({ data: new Uint8Array(4), shape: [2, 2] }, 'jpg', '--ffmpeg', '/no/such/ffmpeg');
  assert.is(code, 1);
  assert.match(
    stderr,
    /\/no\/such\/ffmpeg was not found: install it \("sudo apt install ffmpeg"\) or name it with --ffmpeg PATH/,
  );
});

withNumpy('any tensor as npy, as NumPy reads it', async () => {
  const samples: Sample[] = [
    { data: Float32Array.of(1.5, -2, Number.NaN, 4, 5, 6), shape: [3, 2] },
    { data: Float64Array.of(7), shape: [] },
    { data: BigInt64Array.of(-(2n ** 60n), 3n), shape: [2] },
    { data: Uint16Array.of(0x3c00, 0xc000), shape: [1, 2, 1], dtype: 'float16' },
    { data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'bool' },
    { data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [2, 2, 2] },
  ];
  const expected = [
    'float32 (3, 2) [[1.5, -2.0], [nan, 4.0], [5.0, 6.0]]',
    'float64 () 7.0',
    'int64 (2,) [-1152921504606846976, 3]',
    'float16 (1, 2, 1) [[[1.0], [-2.0]]]',
    'bool (3,) [True, False, True]',
    'uint8 (2, 2, 2) [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]',
  ];
  for (const [i, sample] of samples.entries()) {
    const { code, said, stderr, path } = await snapshot(sample, 'npy');
    assert.is(code, 0, stderr);
    assert.match(said, new RegExp(`: ${sample.dtype ?? '\\w+'} \\[${sample.shape.join(', ')}\\], frame 0\n$`));
    const program = 'import sys, numpy; a = numpy.load(sys.argv[1]); print(a.dtype, a.shape, a.tolist())';
    assert.is(execFileSync(python as string, ['-c', program, path], { encoding: 'utf8' }).trim(), expected[i]);
  }
  const record = { pose: { data: Float32Array.of(1, 2, 3), shape: [3] }, rgb: { data: new Uint8Array(12), shape: [2, 2, 3] } };
  assert.match((await snapshot(record, 'npy')).said, /float32 \[3\], field pose, frame 0\n$/);
  assert.match((await snapshot(record, 'npy', '--field', 'rgb')).said, /uint8 \[2, 2, 3\], field rgb, frame 0\n$/);
  const brain = await snapshot({ data: new Uint16Array(2), shape: [2], dtype: 'bfloat16' }, 'npy');
  assert.is(brain.code, 1);
  assert.match(brain.stderr, /\.npy has no bfloat16/);
});

test('depth in colour: near is blue, far is red, what was not measured is black', async () => {
  const colour = (step: number) => [...TURBO_TABLE.subarray(step * 3, step * 3 + 3)];
  const pixels = (path: string) => {
    const { data } = PNG.sync.read(readFileSync(path));
    return Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(i * 4, i * 4 + 3)]);
  };
  const depth = { data: Uint16Array.of(0, 1000, 2000, 3000), shape: [2, 2], encoding: 'depth16u' } as const;
  const found = await snapshot(depth, 'png', '--color-map', 'turbo');
  assert.match(found.said, /values 1000 to 3000 mm \(blue 1000, red 3000\)\n$/);
  assert.equal(pixels(found.path), [[0, 0, 0], colour(0), colour(128), colour(255)]);
  const limited = await snapshot(depth, 'png', '--color-map', 'turbo', '--range', '0,4000');
  assert.match(limited.said, /\(blue 0, red 4000\)\n$/);
  assert.equal(pixels(limited.path), [[0, 0, 0], colour(64), colour(128), colour(191)]);
  const metres = { data: Float32Array.of(Number.NaN, 1, -1, Infinity), shape: [2, 2] };
  assert.equal(pixels((await snapshot(metres, 'png', '--color-map', 'turbo')).path), [
    [0, 0, 0],
    colour(255),
    colour(0),
    colour(255),
  ]);
  const gray = await snapshot(depth, 'png', '--color-map', 'gray', '--range', '-1000,3000');
  assert.match(gray.said, /\(black -1000, white 3000\)/);
  const colours = { data: Uint8Array.of(1, 2, 3), shape: [1, 1, 3] };
  assert.equal(pixels((await snapshot(colours, 'png', '--color-map', 'turbo')).path), [[1, 2, 3]], 'colours stay');
  // The ends and the middle of the published table.
  assert.equal(
    [colour(0), colour(255)],
    [
      [35, 23, 27],
      [144, 13, 0],
    ],
  );
  const [r = 0, g = 0, b = 0] = colour(128);
  assert.ok(g > 240 && r < 180 && b < 120, `${colour(128)}`);
});

test('of a dead pool its last frame, in every form', async () => {
  const pool = poolName('snapshot-forms-dead');
  const peer = new Child('film-peer', [pool]);
  await peer.receive();
  await cli('snapshot', pool, join(folder, 'alive.png'));
  await peer.kill();
  for (const ending of ['png', 'npy', ...(ffmpeg ? ['jpg'] : [])]) {
    const { code, stdout, stderr } = await cli('snapshot', pool, join(folder, `dead.${ending}`));
    assert.is(code, 0, stderr);
    assert.match(stdout.toString(), /; the producer is dead, and this is .* old\n$/);
  }
  rmSync(`/dev/shm/tensoripc.${pool}`);
});

test('what cannot be used', async () => {
  for (const [args, says] of [
    [['a.png', '--range', '3'], /--range is like 0,4000, found "3"/],
    [['a.png', '--range', '3,x'], /--range is a number, found "x"/],
    [['a.png', '--range', '5,4'], /--range is from the lower to the higher value, found 5,4/],
    [['a.png', '--range', '1,4', '--min', '2'], /--range, or --min and --max, not both/],
    [['a.png', '--color-map', 'jet'], /--color-map is one of gray, turbo, found 'jet'/],
    [['a.png', '--graphics', 'blocks'], /say also --show/],
    [['--show', '--graphics', 'ascii'], /--graphics is one of auto, kitty, sixel, blocks, text, found 'ascii'/],
    [['-', '--show'], /--show or "-", not both/],
  ] as const) {
    const { code, stderr } = await cli('snapshot', 'camera', ...args);
    assert.is(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, says);
  }
});

test.run();
