// pub --input: films, y4m streams and raw files, through real pipes and ffmpeg.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';
import { Shell } from './support/shell';

const test = suite('command line: media');
const folder = mkdtempSync(join(tmpdir(), 'cli-media-'));
test.after(() => rmSync(folder, { recursive: true }));

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!ffmpeg) console.log('skip: films: ffmpeg is not installed (apt install ffmpeg)');
const withFfmpeg = ffmpeg ? test : test.skip;

const [WIDTH, HEIGHT, FRAMES] = [64, 48, 6];
const path = (name: string) => join(folder, name);

function make(name: string, ...args: string[]): string {
  const source = `testsrc2=size=${WIDTH}x${HEIGHT}:rate=20`;
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, '-frames:v', String(FRAMES), ...args, path(name)]);
  return path(name);
}

/** Readers that have come so far as to wait. */
const waitingAt = (pool: string) => inspect(pool)?.consumers.filter(({ alive, wakes }) => alive && wakes !== null).length ?? 0;

/** Publishes, and collects every frame that a reader of all gets. What the pool said of itself comes along. */
async function published(pool: string, command: string): Promise<{ bytes: Buffer; stderr: string; said: string }> {
  const out = path(`${pool}.out`);
  const reader = new Shell(`TI sub ${pool} --all > '${out}'`);
  const writer = new Shell(command);
  await until(() => inspect(pool)?.state === 'live' && waitingAt(pool) === 1, 'the reader is there');
  const { metadata, producer } = inspect(pool) ?? {};
  const { encoding = '-', shape = [] } = metadata?.fields[0] ?? {};
  const ended = await writer.ended;
  assert.is(ended.code, 0, ended.stderr);
  assert.is((await reader.ended).code, 0);
  return { bytes: readFileSync(out), stderr: ended.stderr, said: `${encoding} [${shape}] ${producer?.periodMs} ms` };
}

const decoded = (film: string, format: string) =>
  execFileSync('ffmpeg', ['-v', 'error', '-i', film, '-f', 'rawvideo', '-pix_fmt', format, '-'], { maxBuffer: 1e9 });

withFfmpeg('a film: its size, its rate and its pixels, in the encoding that is asked for', async () => {
  const film = make('film.mkv', '-c:v', 'ffv1');
  for (const [encoding, format, shape] of [
    [null, 'rgb24', `${HEIGHT},${WIDTH},3`],
    ['nv12', 'nv12', `${(HEIGHT * 3) / 2},${WIDTH}`],
    ['mono8', 'gray', `${HEIGHT},${WIDTH}`],
  ] as const) {
    const pool = poolName('media-film');
    const option = encoding === null ? '' : `--encoding ${encoding}`;
    const { bytes, stderr, said } = await published(pool, `TI pub ${pool} --input '${film}' ${option} --history 20 --fps 8`);
    assert.is(stderr, `${pool}: ${FRAMES} frames published\n`);
    assert.is(said, `${encoding ?? 'rgb8'} [${shape}] 125 ms`);
    const expected = decoded(film, format);
    // The reader may have come after the first frames: what it has are the last ones.
    assert.ok(bytes.length > 0 && bytes.equals(expected.subarray(expected.length - bytes.length)), format);
  }
  const own = poolName('media-own');
  const running = new Cli(['pub', own, '--input', film, '--loop']);
  await until(() => (inspect(own)?.framesPublished ?? 0) > FRAMES, 'it began again');
  assert.is(inspect(own)?.producer.periodMs, 50);
  running.process.kill('SIGINT');
  await running.ended;
  assert.equal(leftovers(own), []);
});

withFfmpeg('y4m on the standard input and in a file: no shape, no rate to be said, no ffmpeg', async () => {
  const stream = make('stream.y4m', '-pix_fmt', 'yuv420p');
  for (const [how, format] of [
    [`< '${stream}'`, 'yuv420p'],
    [`--input '${stream}' --ffmpeg /no/such/ffmpeg`, 'yuv420p'],
    [`--input - < '${make('gray.y4m', '-pix_fmt', 'gray')}'`, 'gray'],
  ] as const) {
    const pool = poolName('media-y4m');
    const { bytes, said } = await published(pool, `TI pub ${pool} --history 20 --fps 8 ${how}`);
    assert.is(said, format === 'gray' ? `mono8 [${HEIGHT},${WIDTH}] 125 ms` : `i420 [${(HEIGHT * 3) / 2},${WIDTH}] 125 ms`);
    const expected = decoded(format === 'gray' ? path('gray.y4m') : stream, format);
    assert.ok(bytes.length > 0 && bytes.equals(expected.subarray(expected.length - bytes.length)));
  }
  const paced = poolName('media-rate');
  const running = new Shell(`cat '${stream}' - | TI pub ${paced}`);
  await until(() => inspect(paced)?.framesPublished === FRAMES, 'all are there');
  assert.is(inspect(paced)?.producer.periodMs, 50, 'the rate of the header is stated');
  process.kill(inspect(paced)?.producer.pid as number, 'SIGTERM');
  await until(() => leftovers(paced).length === 0, 'the pool is closed');
  running.end();
});

test('a file of raw frames is read from its beginning', async () => {
  const frames = Buffer.from(Uint8Array.from({ length: 120 }, (_, i) => i));
  writeFileSync(path('frames.raw'), frames);
  const pool = poolName('media-raw');
  const { bytes } = await published(pool, `TI pub ${pool} --input '${path('frames.raw')}' --shape 2,3 --history 30 --fps 10`);
  assert.ok(bytes.length > 0 && bytes.equals(frames.subarray(frames.length - bytes.length)));
});

test('a size that does not divide is refused before anything is published, with a shape that would fit', async () => {
  const pool = poolName('media-left');
  writeFileSync(path('odd.raw'), Buffer.alloc(640 * 480 * 3 * 2));
  const says = /1843200 bytes are 1 frames of 1228800 bytes and 614400 bytes more; --shape 480,640,3 of uint8 would fit/;
  for (const how of [`--input '${path('odd.raw')}'`, `< '${path('odd.raw')}'`]) {
    const { code, stderr } = await new Shell(`TI pub ${pool} --shape 480,640,4 ${how}`).ended;
    assert.is(code, 1);
    assert.match(stderr, says);
    assert.not.match(stderr, /published/);
  }
  const { code, stderr } = await new Shell(`cat '${path('odd.raw')}' | TI pub ${pool} --shape 480,640,4`).ended;
  assert.is(code, 1);
  assert.match(stderr, /1 frames published\n.*the input ended inside a frame: 614400 of 1228800 bytes .*--shape 480,640,3/);
  assert.equal(leftovers(pool), []);
});

test('what cannot be read is said', async () => {
  const pool = poolName('media-wrong');
  writeFileSync(path('text.txt'), 'no film');
  writeFileSync(path('odd.y4m'), 'YUV4MPEG2 W4 H4 F25:1 C444\nFRAME\n');
  writeFileSync(path('cut.y4m'), `YUV4MPEG2 W4 H4 F25:1 C420\nFRAME\n${'x'.repeat(24)}FRAMES\n`);
  writeFileSync(path('short.y4m'), 'YUV4MPEG2 W4 H4 F25:1 C420\nFRAME\n');
  writeFileSync(path('slow.y4m'), 'YUV4MPEG2 W4 H4 F1:99999999999 Cmono\n');
  for (const [args, input, code, says] of [
    ['--input /no/such/film.mp4', '/dev/null', 1, /cannot read \/no\/such\/film\.mp4: ENOENT/],
    [`--input '${path('text.txt')}' --ffmpeg /no/such/ffmpeg`, '/dev/null', 1, /\/no\/such\/ffmpeg was not found: install it/],
    ['', path('odd.y4m'), 1, /expected y4m of chroma 420 \(of even size\) or mono, found 444 of 4×4: convert it with "ffmpeg/],
    ['--encoding rgb8', path('cut.y4m'), 1, /the y4m stream is i420, found --encoding rgb8/],
    ['', path('cut.y4m'), 1, /expected the line "FRAME" before a frame of y4m, found "FRAMES"/],
    ['', path('short.y4m'), 1, /the input ended inside a frame: 0 of 24 bytes after the line "FRAME"/],
    ['', path('slow.y4m'), 1, /expected a y4m header with 0\.001 to 1000000 frames a second, found F1:99999999999/],
    [`--input '${folder}'`, '/dev/null', 1, /cannot read .*: it is a directory/],
    ['', '/dev/null', 2, /no shape given: tensor-ipc pub .* --shape 480,640,3/],
    ['--loop', '/dev/null', 2, /--loop is of films/],
    ['--shape 2,2 --loop --input x', '/dev/null', 2, /--loop is of films/],
  ] as const) {
    const ended = await new Shell(`TI pub ${pool} ${args} < '${input}'`).ended;
    assert.is(ended.code, code, `${args} < ${input}: ${ended.stderr}`);
    assert.match(ended.stderr, says);
    assert.equal(leftovers(pool), []);
  }
  if (ffmpeg) assert.match((await cli('pub', pool, '--input', path('text.txt'))).stderr, /ffmpeg cannot read .*text\.txt: /);
});

withFfmpeg(
  'y4m that is not taken as it is goes to ffmpeg, where it is a file; again and again it is of the same form',
  async () => {
    const full = make('full.y4m', '-pix_fmt', 'yuv444p');
    const pool = poolName('media-444');
    const { bytes, said } = await published(pool, `TI pub ${pool} --input '${full}' --history 20 --fps 8`);
    assert.is(said, `rgb8 [${HEIGHT},${WIDTH},3] 125 ms`);
    const expected = decoded(full, 'rgb24');
    assert.ok(bytes.length > 0 && bytes.equals(expected.subarray(expected.length - bytes.length)));
    const looped = poolName('media-loop');
    const running = new Cli(['pub', looped, '--input', make('loop.y4m', '-pix_fmt', 'yuv420p'), '--loop', '--fps', '200']);
    await until(() => (inspect(looped)?.framesPublished ?? 0) > 3 * FRAMES, 'it began again');
    assert.is(inspect(looped)?.metadata.fields[0]?.encoding, 'i420');
    running.process.kill('SIGINT');
    await running.ended;
    const empty = poolName('media-empty');
    writeFileSync(path('empty.y4m'), 'YUV4MPEG2 W4 H4 F25:1 Cmono\n');
    const { code, stderr } = await cli('pub', empty, '--input', path('empty.y4m'), '--loop');
    assert.is(code, 0, stderr);
    assert.match(stderr, /0 frames published/);
  },
);

withFfmpeg('16 bits a pixel: the dtype follows from the encoding; an odd size is told', async () => {
  const film = make('odd.mkv', '-c:v', 'ffv1', '-vf', 'scale=65:49', '-pix_fmt', 'yuv444p');
  const pool = poolName('media-16');
  const { bytes, said } = await published(pool, `TI pub ${pool} --input '${film}' --encoding mono16 --history 20 --fps 8`);
  assert.is(said, 'mono16 [49,65] 125 ms');
  const expected = decoded(film, 'gray16le');
  assert.ok(bytes.length > 0 && bytes.equals(expected.subarray(expected.length - bytes.length)));
  const { code, stderr } = await cli('pub', pool, '--input', film, '--encoding', 'i420');
  assert.is(code, 1);
  assert.match(stderr, /65×49: i420 needs an even size; take --encoding rgb8/);
});

test('pipes with a name: y4m and raw frames are read, anything else is refused', async () => {
  const fifo = path('fifo');
  execFileSync('mkfifo', [fifo]);
  const y4m = `YUV4MPEG2 W4 H4 F25:1 Cmono\n${`FRAME\n${'x'.repeat(16)}`.repeat(3)}`;
  for (const [content, args, code, says] of [
    [y4m, '', 0, /3 frames published/],
    ['x'.repeat(12), '--shape 2,3', 0, /2 frames published/],
    ['x'.repeat(100), '', 1, /fifo is a pipe: expected y4m in it, or raw frames and --shape/],
    [y4m, '--encoding rgb8', 1, /the y4m stream is mono8, found --encoding rgb8/],
  ] as const) {
    writeFileSync(path('content'), content);
    const pool = poolName('media-fifo');
    const ended = await new Shell(`cat '${path('content')}' > '${fifo}' & TI pub ${pool} --input '${fifo}' ${args}`).ended;
    assert.is(ended.code, code, ended.stderr);
    assert.match(ended.stderr, says);
    assert.equal(leftovers(pool), []);
  }
});

test.run();
