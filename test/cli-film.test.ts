// sub --output: films that ffmpeg and ffprobe read, made by real processes.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Encoding, encodings, inspect, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';
import { Shell } from './support/shell';

const test = suite('command line: films');
const folder = mkdtempSync(join(tmpdir(), 'cli-film-'));
test.after(() => rmSync(folder, { recursive: true }));

const missing = ['ffmpeg', 'ffprobe'].filter((program) => spawnSync(program, ['-version']).status !== 0);
if (missing.length > 0) console.log(`skip: films: ${missing.join(' and ')} not installed (apt install ffmpeg)`);
const withFfmpeg = missing.length === 0 ? test : test.skip;

const [WIDTH, HEIGHT, FRAMES] = [64, 48, 5];

interface Stream {
  readonly codec_name: string;
  readonly width: number;
  readonly height: number;
  readonly pix_fmt: string;
  readonly r_frame_rate: string;
  readonly nb_read_frames: string;
  readonly color_range?: string;
  readonly color_space?: string;
}

/** What ffprobe says of a film, after it has read every frame. */
function probe(path: string): Stream {
  const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', path];
  const { streams } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })) as { streams: Stream[] };
  assert.is(streams.length, 1);
  return streams[0] as Stream;
}

/** Frames as ffmpeg has them in a pixel format, the first one first. */
function footage(format: string, frames = FRAMES): Buffer {
  const filter = `testsrc2=size=${WIDTH}x${HEIGHT}:rate=25,format=yuv444p,format=${format}`;
  return raw(['-f', 'lavfi', '-i', filter, '-frames:v', String(frames)], format);
}

function raw(input: readonly string[], format: string, data?: Uint8Array): Buffer {
  const exact = ['-sws_flags', 'neighbor+full_chroma_int+accurate_rnd', '-f', 'rawvideo', '-pix_fmt', format, '-'];
  const { status, stdout, stderr } = spawnSync('ffmpeg', ['-v', 'error', ...input, ...exact], { input: data, maxBuffer: 1e9 });
  assert.is(status, 0, stderr.toString());
  return stdout;
}

const SHAPES: Readonly<Partial<Record<Encoding, readonly number[]>>> = {
  mono8: [HEIGHT, WIDTH],
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

/** A pool whose ring holds all of these frames. */
function pool(label: string, encoding: Encoding, bytes: Uint8Array, periodMs = 40): TensorProducer {
  const shape = SHAPES[encoding] as number[];
  const size = shape.reduce((a, b) => a * b, 1);
  const count = bytes.length / size;
  const sample = { data: new Uint8Array(size), shape, encoding };
  const producer = TensorProducer.fromSample(poolName(label), sample, { historyLen: count, periodMs });
  for (let i = 0; i < count; i++) producer.put({ data: Uint8Array.from(bytes.subarray(i * size, (i + 1) * size)), shape });
  return producer;
}

const CHROMA: Readonly<Partial<Record<Encoding, string>>> = {
  mono8: 'gray',
  nv12: 'yuv420p',
  nv21: 'yuv420p',
  i420: 'yuv420p',
  yuyv: 'yuv422p',
  uyvy: 'yuv422p',
};

for (const encoding of Object.keys(SHAPES) as Encoding[]) {
  withFfmpeg(`${encoding} as y4m: the planes that ffmpeg makes of it`, async () => {
    const format = encodings[encoding].ffmpeg as string;
    const bytes = footage(format);
    using producer = pool('y4m', encoding, bytes);
    const path = join(folder, `${encoding}.y4m`);
    const { code, stdout, stderr } = await cli('sub', producer.name, '--all', '--count', String(FRAMES), '--output', path);
    assert.equal([code, stdout.length], [0, 0], stderr);
    assert.is(stderr, `${path}: ${FRAMES} frames of ${WIDTH}×${HEIGHT}, 25.0 a second (as the producer states)\n`);
    const planar = CHROMA[encoding] ?? 'yuv444p';
    const stream = probe(path);
    assert.equal([stream.width, stream.height, stream.pix_fmt, stream.r_frame_rate], [WIDTH, HEIGHT, planar, '25/1']);
    assert.is(stream.nb_read_frames, String(FRAMES));
    if (planar !== 'gray') assert.is(stream.color_range, 'tv');
    const found = raw(['-i', path], planar);
    const filter = 'scale=out_color_matrix=bt601:out_range=limited';
    const expected = raw(
      [
        '-f',
        'rawvideo',
        '-pix_fmt',
        format,
        '-s',
        `${WIDTH}x${HEIGHT}`,
        '-i',
        '-',
        ...(planar === 'yuv444p' ? ['-vf', filter] : []),
      ],
      planar,
      bytes,
    );
    assert.is(found.length, expected.length);
    const off = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
    assert.ok(off <= (planar === 'yuv444p' ? 1 : 0), `${off} of 255 off`);
    assert.ok(new Set(found).size > 10, 'there is something to see');
  });
}

withFfmpeg('mp4: recorded until Ctrl-C, playable, its colours stated; the pool is left', async () => {
  const producer = pool('mp4', 'rgb8', footage('rgb24', 1));
  const path = join(folder, 'stopped.mp4');
  const running = new Cli(['sub', producer.name, '--output', path]);
  const frame = { data: new Uint8Array(WIDTH * HEIGHT * 3).fill(200), shape: [HEIGHT, WIDTH, 3] };
  await until(() => inspect(producer.name)?.consumers[0]?.framesTaken === 1, 'it records');
  for (let i = 0; i < 20; i++) {
    producer.put(frame);
    await until(() => (inspect(producer.name)?.consumers[0]?.lastSequence ?? -1) >= i + 1, 'it was taken');
  }
  running.process.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.is(code, 0, stderr);
  assert.match(stderr, /stopped\.mp4: 21 frames of 64×48, 25\.0 a second \(as the producer states\)\n$/);
  const stream = probe(path);
  assert.equal(
    [stream.width, stream.height, stream.pix_fmt, stream.r_frame_rate, stream.nb_read_frames],
    [WIDTH, HEIGHT, 'yuv420p', '25/1', '21'],
  );
  assert.equal([stream.color_range, stream.color_space], ['tv', 'smpte170m']);
  assert.equal(inspect(producer.name)?.consumers, []);
  producer.close();
});

withFfmpeg('a film ends with its producer; when that died it is playable all the same, and the code is 1', async () => {
  const closed = pool('film-closed', 'nv12', footage('nv12'));
  const path = join(folder, 'closed.mkv');
  const running = new Cli(['sub', closed.name, '--all', '--output', path]);
  await until(() => inspect(closed.name)?.consumers[0]?.framesTaken === FRAMES, 'it has all of them');
  closed.close();
  assert.is((await running.ended).code, 0);
  assert.is(probe(path).nb_read_frames, String(FRAMES));

  const name = poolName('film-died');
  const peer = new Child('film-peer', [name]);
  await peer.receive();
  const died = join(folder, 'died.mp4');
  const recording = new Cli(['sub', name, '--all', '--output', died, '--fps', '10']);
  await until(() => (inspect(name)?.consumers[0]?.framesTaken ?? 0) >= 3, 'it records');
  await peer.kill();
  const { code, stderr } = await recording.ended;
  assert.is(code, 1);
  assert.match(stderr, /died\.mp4: \d+ frames of 64×48, 10\.0 a second \(as --fps says\)\n.*the producer of pool '.*' died\n$/);
  const stream = probe(died);
  assert.ok(Number(stream.nb_read_frames) >= 3);
  assert.is(stream.r_frame_rate, '10/1');
  unlinkSync(`/dev/shm/tensoripc.${name}`);
});

withFfmpeg('frames that were missed are replaced, so that the film keeps its time', async () => {
  using producer = pool('film-missed', 'mono8', new Uint8Array(WIDTH * HEIGHT));
  const path = join(folder, 'missed.y4m');
  const running = new Cli(['sub', producer.name, '--output', path]);
  const taken = () => inspect(producer.name)?.consumers[0]?.lastSequence ?? -1;
  await until(() => taken() === 0, 'it records');
  running.process.kill('SIGSTOP');
  for (let i = 0; i < 9; i++) producer.put({ data: new Uint8Array(WIDTH * HEIGHT).fill(i), shape: [HEIGHT, WIDTH] });
  running.process.kill('SIGCONT');
  await until(() => taken() === 9, 'it has the newest');
  running.process.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  assert.is(code, 0, stderr);
  assert.is(probe(path).nb_read_frames, '10');
  const [, frames, missed] = (/: (\d+) frames of 64×48, missed (\d+), /.exec(stderr) as RegExpExecArray).map(Number);
  assert.is((frames as number) + (missed as number), 10);
});

withFfmpeg('to a pipe as y4m; odd sizes and depth in colour as mp4', async () => {
  using producer = pool('film-pipe', 'bgr8', footage('bgr24'));
  const out = join(folder, 'piped.y4m');
  const piped = await new Shell(`TI sub ${producer.name} --all --format y4m --count 3 > '${out}'`).ended;
  assert.is(piped.code, 0, piped.stderr);
  assert.match(piped.stderr, /^standard output: 3 frames/);
  assert.is(probe(out).nb_read_frames, '3');
  const enough = await new Shell(`TI sub ${producer.name} --all --format y4m | head -c 100 >/dev/null`).ended;
  assert.is(enough.code, 0, enough.stderr);

  const depth = { data: new Uint16Array(33 * 21).map((_, i) => i), shape: [21, 33], encoding: 'depth16u' } as const;
  using odd = TensorProducer.fromSample(poolName('film-depth'), { depth, pose: new Float32Array(3) });
  odd.put({ depth, pose: new Float32Array(3) });
  const path = join(folder, 'depth.mp4');
  const args = ['--count', '1', '--fps', '29.97', '--color-map', 'turbo', '--range', '0,700', '--field', 'depth'];
  const { code, stderr } = await cli('sub', odd.name, '--output', path, ...args);
  assert.is(code, 0, stderr);
  const stream = probe(path);
  assert.equal([stream.width, stream.height, stream.r_frame_rate], [34, 22, '30000/1001']);
  const rgb = raw(['-i', path], 'rgb24');
  const at = (x: number, y: number) => rgb.subarray((y * 34 + x) * 3, (y * 34 + x) * 3 + 3);
  const [[red = 0, , blue = 0], [nearRed = 0, , nearBlue = 0]] = [at(28, 18), at(28, 4)];
  assert.ok(red > blue + 60 && nearBlue > nearRed + 60, `near is blue and far away red: ${at(28, 4)}, ${at(28, 18)}`);
});

withFfmpeg('pools of packets: JPEG images, and H.264 as it is', async () => {
  for (const [encoding, codec, ending, found] of [
    ['jpeg', 'mjpeg', 'mp4', null],
    ['h264', 'libx264', 'mkv', 'h264'],
  ] as const) {
    const args = [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      `testsrc2=size=${WIDTH}x${HEIGHT}`,
      '-frames:v',
      '1',
      '-c:v',
      codec,
      '-f',
      encoding === 'jpeg' ? 'mjpeg' : 'h264',
      '-',
    ];
    const { status, stdout: packet } = spawnSync('ffmpeg', args);
    if (status !== 0) {
      console.log(`skip: a film of ${encoding}: ffmpeg has no ${codec}`);
      continue;
    }
    const frame = { data: new Uint8Array(packet), shape: [packet.length], maxLength: 1_000_000, encoding };
    using producer = TensorProducer.fromSample(poolName(`film-${encoding}`), frame, { historyLen: 4 });
    for (let i = 0; i < 3; i++) producer.put(frame);
    const path = join(folder, `${encoding}.${ending}`);
    const { code, stderr } = await cli('sub', producer.name, '--all', '--count', '3', '--output', path, '--fps', '20');
    assert.is(code, 0, stderr);
    const stream = probe(path);
    assert.equal([stream.width, stream.height, stream.nb_read_frames], [WIDTH, HEIGHT, '3']);
    if (found !== null) assert.is(stream.codec_name, found);
  }
});

test('a rate that nobody states is measured', async () => {
  const sample = { data: new Uint8Array(12), shape: [2, 2, 3] };
  using producer = TensorProducer.fromSample(poolName('film-rate'), sample);
  const ticking = setInterval(() => void producer.put(sample), 20);
  try {
    const path = join(folder, 'measured.y4m');
    const { code, stderr } = await cli('sub', producer.name, '--count', '2', '--output', path);
    assert.is(code, 0, stderr);
    assert.match(stderr, / a second \(measured\)\n$/);
    assert.match(
      readFileSync(path, 'latin1'),
      /^YUV4MPEG2 W2 H2 F\d+:\d+ Ip A1:1 C444 XCOLORRANGE=LIMITED XMATRIX=BT601\nFRAME\n/,
    );
  } finally {
    clearInterval(ticking);
  }
});

test('raw frames to a file, complete at Ctrl-C', async () => {
  using producer = TensorProducer.fromSample(poolName('film-raw'), new Uint8Array(1000));
  producer.put(new Uint8Array(1000).fill(3));
  const path = join(folder, 'frames.bin');
  const running = new Cli(['sub', producer.name, '--output', path]);
  await until(() => existsSync(path) && readFileSync(path).length === 1000, 'it is written');
  running.process.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal([code, stderr], [0, `${path}: 1 frames\n`]);
  assert.ok(readFileSync(path).every((value) => value === 3));
  assert.equal(inspect(producer.name)?.consumers, []);
});

test('what cannot be done is said: no ffmpeg, no picture, no frame, nowhere to write, no such field', async () => {
  using vector = TensorProducer.fromSample(poolName('film-vector'), new Float32Array(7));
  vector.put(new Float32Array(7));
  using image = TensorProducer.fromSample(poolName('film-image'), { data: new Uint8Array(12), shape: [2, 2, 3] });
  image.put({ data: new Uint8Array(12), shape: [2, 2, 3] });
  const out = (name: string) => join(folder, name);
  const silent = poolName('film-silent');
  using never = TensorProducer.fromSample(silent, { data: new Uint8Array(12), shape: [2, 2, 3] });
  assert.is(never.nextSequence, 0);
  for (const [name, args, code, says] of [
    [
      image.name,
      ['--output', out('a.mp4'), '--ffmpeg', '/no/such/ffmpeg', '--count', '1'],
      1,
      /\/no\/such\/ffmpeg was not found: install it \("sudo apt install ffmpeg"\)/,
    ],
    [vector.name, ['--output', out('b.y4m')], 1, /float32 \[7\] is no picture/],
    [image.name, ['--output', '/no/such/folder/c.y4m'], 1, /cannot write "\/no\/such\/folder\/c\.y4m": ENOENT/],
    [image.name, ['--output', out('d.y4m'), '--field', 'depth'], 1, /has no field 'depth': its frames are one plain tensor/],
    [silent, ['--output', out('e.y4m'), '--timeout', '50'], 1, /has a producer, but no frame came within 50 ms/],
    [image.name, ['--format', 'mp4'], 2, /mp4 is a file that is completed at its end: name it with --output/],
    [image.name, ['--format', 'gif'], 2, /--format is one of raw, y4m, mp4, mov, mkv, found 'gif'/],
    [image.name, ['--output', out('f.raw'), '--fps', '30'], 2, /--fps is of films/],
    [image.name, ['--output', out('g.mp4'), '--framed'], 2, /--framed is of raw frames/],
    [image.name, ['--output', out('h.mp4'), '--fps', '0'], 2, /--fps is above 0/],
  ] as const) {
    const ended = await cli('sub', name, ...args);
    assert.is(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stderr, says);
  }
});

test.run();
