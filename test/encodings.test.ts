// The list of encodings against those whose names it gives: ffmpeg and GStreamer where they are installed, ROS by its recorded list.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Encoding, type EncodingInfo, encodings, PoolMetadata, type TensorIpcErrorCode } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkEncoding } from '../host/tensor/encodings';
import { hasCode } from './support/child';

const test = suite('encodings');

const ALL = Object.entries(encodings) as [Encoding, EncodingInfo][];

function ofKind(kinds: readonly string[]): [Encoding, EncodingInfo][] {
  return ALL.filter(([, { rule }]) => kinds.includes(rule.kind));
}

const SOUND = ALL.filter(([name]) => name.startsWith('pcm_'));
const PACKETS = ofKind(['packet']);
const IMAGES = ALL.filter(([name, { rule }]) => rule.kind !== 'packet' && !name.startsWith('pcm_') && !name.startsWith('xyz'));

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!ffmpeg) console.log('skip: the names that ffmpeg gives to encodings: ffmpeg is not installed (apt install ffmpeg)');
const withFfmpeg = ffmpeg ? test : test.skip;

/** The names in one of ffmpeg's lists: a line each, flags in front. */
function listed(option: string): Set<string> {
  const { stdout, status } = spawnSync('ffmpeg', ['-hide_banner', option], { encoding: 'utf8' });
  assert.is(status, 0);
  return new Set(stdout.split('\n').flatMap((line) => /^ ?[A-Z.]{1,6} +(\S+)/.exec(line)?.[1]?.split(',') ?? []));
}

withFfmpeg('every name of ffmpeg is one that ffmpeg has', () => {
  for (const [option, entries] of [
    ['-pix_fmts', IMAGES],
    ['-codecs', PACKETS],
    ['-formats', SOUND],
  ] as const) {
    const names = listed(option);
    assert.ok(names.size > 50, `${option} lists ${names.size}`);
    for (const [encoding, { ffmpeg: name }] of entries)
      assert.ok(name === null || names.has(name), `${encoding}: ffmpeg ${option} has no ${name}`);
  }
});

/** Bytes of an element, and bits of a pixel, of a picture of 4 × 2 pixels. */
const BITS: Readonly<Record<string, number>> = { uint8: 8, uint16: 16, float32: 32 };
const SHAPES: Readonly<Record<string, (info: EncodingInfo) => number[]>> = {
  gray: () => [2, 4],
  channels: ({ rule }) => [2, 4, rule.kind === 'channels' ? rule.channels : 0],
  yuv420: () => [3, 4],
  yuv422: () => [2, 4, 2],
};

withFfmpeg('a frame of ffmpeg has the size of the shape that the encoding asks for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-encodings-'));
  try {
    // ffmpeg reads Bayer pictures and writes none of them.
    const written = IMAGES.filter(([encoding, { ffmpeg: format }]) => format !== null && !encoding.startsWith('bayer_'));
    const outputs = written.flatMap(([encoding, { ffmpeg: format }]) => [
      ...['-map', '0:v', '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', format as string],
      join(folder, encoding),
    ]);
    const source = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=4x2'];
    const { status, stderr } = spawnSync('ffmpeg', [...source, ...outputs], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    for (const [encoding, info] of written) {
      const shape = SHAPES[info.rule.kind]?.(info) ?? [];
      assert.is(checkEncoding(encoding, info.dtypes[0] ?? 'uint8', shape, encoding), encoding);
      const bytes = (shape.reduce((a, b) => a * b, 1) * (BITS[info.dtypes[0] ?? ''] ?? 0)) / 8;
      assert.is(statSync(join(folder, encoding)).size, bytes, encoding);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const gstreamer = spawnSync('gst-inspect-1.0', ['--version']).status === 0;
if (!gstreamer) {
  console.log(
    'skip: the names that GStreamer gives to encodings: gst-inspect-1.0 is not installed (apt install gstreamer1.0-tools ' +
      'gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad)',
  );
}
const withGstreamer = gstreamer ? test : test.skip;

/** An element that takes each kind of encoding, and so has their names in its description. */
function elementOf(encoding: string): string {
  if (encoding.startsWith('bayer_')) return 'bayer2rgb';
  if (encoding.startsWith('pcm_')) return 'audioconvert';
  const parsers: Readonly<Record<string, string>> = { jpeg: 'jpegdec', png: 'pngdec', h264: 'h264parse', h265: 'h265parse' };
  return parsers[encoding] ?? 'videoconvert';
}

withGstreamer('every name of GStreamer is one that its elements take', () => {
  for (const [encoding, { gstreamer: name }] of ALL) {
    if (name === null) continue;
    const element = elementOf(encoding);
    const { status, stdout } = spawnSync('gst-inspect-1.0', ['--no-colors', element], { encoding: 'utf8' });
    // Sixteen bits of Bayer are known from 1.24 on; a plugin may be one that is not installed.
    if (status !== 0) console.log(`skip: GStreamer's ${name}: there is no element ${element}`);
    else if (encoding.startsWith('bayer_') && encoding.endsWith('16') && !stdout.includes('16le')) continue;
    else assert.match(stdout, new RegExp(`(^|[^A-Za-z0-9_])${name}($|[^A-Za-z0-9_])`, 'm'), `${encoding}, ${element}`);
  }
});

/**
 * The constants of sensor_msgs/include/sensor_msgs/image_encodings.hpp, from ros2/common_interfaces at
 * 20c3b9556b38269fe03db694e14b166b62995815: colours, Bayer, YUV; of the OpenCV types the unsigned and floating ones of one channel.
 */
const ROS_IMAGES = new Set(
  (
    'rgb8 rgba8 rgb16 rgba16 bgr8 bgra8 bgr16 bgra16 mono8 mono16 8UC1 16UC1 32FC1 64FC1 bayer_rggb8 bayer_bggr8 bayer_gbrg8 ' +
    'bayer_grbg8 bayer_rggb16 bayer_bggr16 bayer_gbrg16 bayer_grbg16 uyvy yuv422 yuyv yuv422_yuy2 nv12 nv21 nv24'
  ).split(' '),
);
/** `format` of sensor_msgs/CompressedImage (image_transport's), and of foxglove_msgs/CompressedVideo. */
const ROS_PACKETS = new Set(['jpeg', 'png', 'h264', 'h265', 'vp9', 'av1']);

test('every name of ROS is in its list', () => {
  for (const [encoding, { ros }] of IMAGES) assert.ok(ros === null || ROS_IMAGES.has(ros), `${encoding}: ${ros}`);
  for (const [encoding, { ros }] of PACKETS) assert.ok(ros !== null && ROS_PACKETS.has(ros), `${encoding}: ${ros}`);
  // Where ROS has a name, it is given: an encoding that shares its own with ROS's list names it.
  for (const [encoding, { ros }] of ALL) if (ROS_IMAGES.has(encoding)) assert.is.not(ros, null, encoding);
});

type Refusal = TensorIpcErrorCode | null;
const RULES: readonly [encodings: string, dtype: string, shape: number[], refusal: Refusal][] = [
  ['rgb8 bgr8', 'uint8', [480, 640, 3], null],
  ['rgb8 bgr8', 'uint8', [480, 640, 4], 'SHAPE_MISMATCH'],
  ['rgb8', 'uint8', [1000, 3], null],
  ['rgb8 bgr8', 'uint8', [3], 'SHAPE_MISMATCH'],
  ['rgb8 bgr8', 'uint8', [480, 640], 'SHAPE_MISMATCH'],
  ['rgb8 bgr8 rgba8 mono8 jpeg nv12 yuyv', 'int8', [480, 640, 3], 'DTYPE_MISMATCH'],
  ['rgba8 bgra8', 'uint8', [480, 640, 4], null],
  ['rgba8 bgra8', 'uint8', [480, 640, 3], 'SHAPE_MISMATCH'],
  ['rgb16', 'uint16', [4, 4, 3], null],
  ['rgba16', 'uint16', [4, 4, 4], null],
  ['rgb16 rgba16', 'uint8', [4, 4, 3], 'DTYPE_MISMATCH'],
  ['mono8 bayer_rggb8 bayer_bggr8 bayer_gbrg8 bayer_grbg8', 'uint8', [480, 640], null],
  ['mono8 bayer_rggb8 bayer_bggr8 bayer_gbrg8 bayer_grbg8', 'uint8', [480, 640, 1], null],
  ['mono8 bayer_rggb8 bayer_bggr8 bayer_gbrg8 bayer_grbg8', 'uint8', [480, 640, 3], 'SHAPE_MISMATCH'],
  ['mono8 bayer_rggb8', 'uint16', [480, 640], 'DTYPE_MISMATCH'],
  ['mono16 depth16u bayer_rggb16 bayer_bggr16 bayer_gbrg16 bayer_grbg16', 'uint16', [480, 640], null],
  ['mono16 depth16u bayer_rggb16 bayer_bggr16 bayer_gbrg16 bayer_grbg16', 'uint16', [640], 'SHAPE_MISMATCH'],
  ['depth32f', 'float32', [480, 640], null],
  ['depth32f', 'float64', [480, 640], 'DTYPE_MISMATCH'],
  ['nv12 nv21 i420', 'uint8', [720, 640], null],
  ['nv12 nv21 i420', 'uint8', [721, 640], 'SHAPE_MISMATCH'],
  ['nv12 nv21 i420', 'uint8', [720, 641], 'SHAPE_MISMATCH'],
  ['nv12 nv21 i420', 'uint8', [720, 640, 1], 'SHAPE_MISMATCH'],
  ['yuyv uyvy', 'uint8', [480, 640, 2], null],
  ['yuyv uyvy', 'uint8', [480, 641, 2], 'SHAPE_MISMATCH'],
  ['yuyv uyvy', 'uint8', [480, 1280], 'SHAPE_MISMATCH'],
  ['jpeg png h264 h265', 'uint8', [100_000], null],
  ['jpeg png h264 h265', 'uint8', [100, 1000], 'SHAPE_MISMATCH'],
  ['xyz', 'float32', [300_000, 3], null],
  ['xyz', 'float64', [480, 640, 3], null],
  ['xyz', 'float32', [3], 'SHAPE_MISMATCH'],
  ['xyz', 'float16', [300_000, 3], 'DTYPE_MISMATCH'],
  ['xyzi', 'float32', [300_000, 4], null],
  ['xyzi', 'float32', [300_000, 3], 'SHAPE_MISMATCH'],
  ['pcm_s16', 'int16', [480, 2], null],
  ['pcm_f32', 'float32', [480, 1], null],
  ['pcm_s16', 'int16', [480], 'SHAPE_MISMATCH'],
  ['pcm_s16', 'uint16', [480, 2], 'DTYPE_MISMATCH'],
];

test('dtypes and shapes: what an encoding takes, and what it refuses', () => {
  const met = new Map<string, Set<boolean>>();
  for (const [names, dtype, shape, refusal] of RULES) {
    for (const encoding of names.split(' ') as Encoding[]) {
      const make = () => new PoolMetadata({ name: 'p', fields: [{ name: 'data', dtype: dtype as 'uint8', shape, encoding }] });
      met.set(encoding, (met.get(encoding) ?? new Set()).add(refusal === null));
      if (refusal === null) assert.is(make().fields[0]?.encoding, encoding);
      else assert.throws(make, hasCode(refusal), `${encoding}: ${dtype} [${shape}]`);
    }
  }
  for (const [encoding] of ALL) assert.ok(met.get(encoding)?.has(true), `${encoding}: something that it takes`);
});

test('the list in docs/varying.md is this one', () => {
  const rows = [
    ...readFileSync('docs/varying.md', 'utf8').matchAll(/^\| `(\w+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm),
  ];
  const named = (text = '') => (text === '–' ? null : text.replaceAll('`', ''));
  assert.equal(
    rows.map(([, name, dtypes, ...names]) => [name, dtypes?.split(', '), ...names.map(named)]),
    ALL.map(([name, { dtypes, ros, ffmpeg: theirs, gstreamer: caps }]) => [name, [...dtypes], ros, theirs, caps]),
  );
});

test('what is no encoding is refused with the list', () => {
  const make = (encoding: string) =>
    new PoolMetadata({ name: 'p', fields: [{ name: 'data', dtype: 'uint8', shape: [4, 4], encoding: encoding as Encoding }] });
  for (const wrong of ['rgb', 'RGB8', '', 'constructor', '__proto__'])
    assert.throws(() => make(wrong), hasCode('INVALID_ARGUMENT', /rgb8 bgr8/));
});

test.run();
