import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { MetadataCreator, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FfmpegLog } from '../host/cli/demo/ffmpeg';
import { Histogram } from '../host/cli/demo/histogram';
import { drawPicture } from '../host/cli/demo/picture';
import { leftovers, poolName, until } from './support/child';
import { Cli, cli, type Ended, processesWith } from './support/cli-process';

const test = suite('demo');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-demo-test-'));
test.after(() => rmSync(folder, { recursive: true }));

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const footage = findFootage();
if (!hasFfmpeg) console.log('skip: video through the demo: ffmpeg is not installed (sudo apt install ffmpeg)');
else if (footage === null) console.log('skip: real footage: vtest.avi is not there (sudo apt install opencv-doc)');
const withFfmpeg = hasFfmpeg ? test : test.skip;
const withFootage = hasFfmpeg && footage !== null ? test : test.skip;

/** Footage of pedestrians, 795 frames: beside the repository, or where Debian's opencv-doc puts it. */
function findFootage(): string | null {
  const installed = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';
  const beside = resolve('../shared/data/vtest.avi');
  if (existsSync(beside)) return beside;
  if (existsSync(installed)) return installed;
  if (!existsSync(`${installed}.gz`)) return null;
  const unpacked = join(folder, 'vtest.avi');
  writeFileSync(unpacked, gunzipSync(readFileSync(`${installed}.gz`)));
  return unpacked;
}

interface Json {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly bytes: number;
  readonly fps: number;
  readonly source: string;
  readonly notice: string | null;
  readonly interrupted: boolean;
  readonly consumers: readonly {
    readonly mode: string;
    readonly frames: number;
    readonly missed: number;
    readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
    readonly trouble: string | null;
  }[];
}

interface Run extends Ended {
  readonly json: Json;
  /** For each consumer, the hash of each frame that it was given, in the order in which it was. */
  readonly hashes: readonly (readonly (readonly [sequence: number, md5: string])[])[];
}

/** Runs the demo to its end with --json and --hashes, and checks what must hold for every run. */
async function run(...args: string[]): Promise<Run> {
  const pool = poolName('demo');
  const prefix = join(folder, pool);
  const ended = await cli('demo', '--name', pool, '--json', '--hashes', prefix, ...args);
  assert.is(ended.code, 0, `${ended.stderr}${ended.stdout}`);
  const json = JSON.parse(ended.stdout.toString()) as Json;
  const hashes = json.consumers.map((_, i) =>
    readFileSync(`${prefix}.${i + 1}`, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [sequence, md5 = ''] = line.split(' ');
        return [Number(sequence), md5] as const;
      }),
  );
  for (const [i, consumer] of json.consumers.entries()) {
    const got = hashes[i] as Run['hashes'][number];
    assert.is(consumer.trouble, null);
    assert.is(consumer.frames, got.length, 'a hash for every frame');
    assert.is(consumer.frames + consumer.missed, json.frames, `consumer ${i + 1}: received and missed are all`);
    for (let k = 1; k < got.length; k++) assert.ok((got[k]?.[0] ?? 0) > (got[k - 1]?.[0] ?? 0), 'sequence numbers rise');
    assert.is(got.at(-1)?.[0], json.frames - 1, 'the last frame reaches everybody');
    const { p50, p99, max } = consumer.latencyMs;
    assert.ok(p50 > 0 && p50 <= p99 && p99 <= max);
  }
  assert.is(json.bytes, json.frames * json.width * json.height * 3);
  assert.equal(leftovers(pool), []);
  return { ...ended, json, hashes };
}

/** What ffmpeg itself says about a file's frames. */
function ffmpegHashes(file: string, ...filters: string[]): { md5: string[]; width: number; height: number } {
  const args = [
    '-v',
    'error',
    '-i',
    file,
    '-map',
    '0:v:0',
    ...filters,
    '-c:v',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
    '-f',
    'framemd5',
    '-',
  ];
  const lines = execFileSync('ffmpeg', args, { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');
  const size = lines.join('\n').match(/^#dimensions 0: (\d+)x(\d+)$/m);
  const frames = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return {
    md5: frames.map((line) => (line.split(',')[5] as string).trim()),
    width: Number(size?.[1]),
    height: Number(size?.[2]),
  };
}

function assertHashes({ hashes }: Run, expected: readonly string[]): void {
  for (const [i, got] of hashes.entries()) {
    for (const [sequence, md5] of got) assert.is(md5, expected[sequence], `consumer ${i + 1}, frame ${sequence}`);
  }
}

withFootage('all 795 frames of real footage reach three consumers as ffmpeg decoded them', async () => {
  const expected = ffmpegHashes(footage as string);
  assert.is(expected.md5.length, 795);
  // Three consumers that hash 1.3 MB a frame keep two cores half busy at this pace.
  const result = await run('--input', footage as string, '--fps', '60');
  const { json } = result;
  assert.is(json.frames, 795);
  assert.equal([json.width, json.height], [768, 576]);
  assert.equal(
    json.consumers.map(({ mode }) => mode),
    ['borrow', 'copy', 'window'],
  );
  assertHashes(result, expected.md5);
  console.log(`delivered of 795: ${json.consumers.map(({ frames }) => frames).join(', ')}`);
  for (const consumer of json.consumers) assert.ok(consumer.frames > 795 * 0.75, `${consumer.frames} of 795 frames`);
});

withFootage('as fast as it goes: what is delivered is whole, and what is missed is counted', async () => {
  const result = await run('--input', footage as string, '--fps', 'max', '--consumers', '5');
  assert.is(result.json.frames, 795);
  assert.equal(
    result.json.consumers.map(({ mode }) => mode),
    ['borrow', 'copy', 'window', 'borrow', 'copy'],
  );
  assertHashes(result, ffmpegHashes(footage as string).md5);
});

withFootage('--frames and --size', async () => {
  const result = await run('--input', footage as string, '--frames', '25', '--size', '160x120', '--fps', '50');
  assert.is(result.json.frames, 25);
  const expected = ffmpegHashes(footage as string, '-vf', 'scale=160:120');
  assert.equal([result.json.width, result.json.height], [160, 120]);
  assertHashes(result, expected.md5);
});

withFfmpeg('a file at its own pace; a colon in its name; a picture that is turned', async () => {
  const straight = join(folder, 'with: colon.mkv');
  const make = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=50', '-frames:v', '100'];
  execFileSync('ffmpeg', [...make, '-c:v', 'ffv1', `file:${straight}`]);
  const result = await run('--input', straight, '--consumers', '1');
  assert.is(result.json.frames, 100);
  // Paced: it cannot have been faster. How much slower it is, is up to the machine.
  assert.ok(result.json.fps < 51, `${result.json.fps} fps`);
  assertHashes(result, ffmpegHashes(`file:${straight}`).md5);

  const turned = join(folder, 'turned.mp4');
  execFileSync('ffmpeg', [...make, '-c:v', 'mpeg4', '-metadata:s:v', 'rotate=90', turned]);
  const expected = ffmpegHashes(turned);
  const upright = await run('--input', turned, '--consumers', '1', '--fps', '200');
  assert.equal([upright.json.width, upright.json.height], [expected.width, expected.height]);
  assertHashes(upright, expected.md5);
});

withFfmpeg('what ffmpeg cannot read is an error with its reason', async () => {
  const pool = poolName('demo-bad');
  const { code, stderr } = await cli('demo', '--name', pool, '--input', 'package.json');
  assert.is(code, 1);
  assert.match(stderr, /^tensor-ipc: ffmpeg cannot read package.json: .*Invalid data found/);
  assert.equal(leftovers(pool), []);
});

test('an input that is not there, and a name that is taken', async () => {
  const absent = await cli('demo', '--input', 'no-such-film.avi');
  assert.is(absent.code, 1);
  assert.is(absent.stderr, 'tensor-ipc: --input no-such-film.avi: no such file or device\n');

  const pool = poolName('demo-taken');
  using _ = new TensorProducer(MetadataCreator.fromSample(pool, new Uint8Array(3)));
  const taken = await cli('demo', '--name', pool, '--frames', '3');
  assert.is(taken.code, 1);
  assert.match(taken.stderr, /^tensor-ipc: PRODUCER_EXISTS: /);
});

/** Hashes of the generated picture, drawn here. */
function pictureHashes(width: number, height: number, frames: number): string[] {
  const pixels = new Uint8Array(width * height * 3);
  return Array.from({ length: frames }, (_, index) => {
    drawPicture(pixels, { width, height }, index);
    return createHash('md5').update(pixels).digest('hex');
  });
}

test('without ffmpeg: it says so and how to get it, and shows a generated picture', async () => {
  const film = join(folder, 'film.avi');
  writeFileSync(film, 'not looked at');
  const result = await run('--input', film, '--ffmpeg', '/nonexistent/ffmpeg', '--frames', '40');
  assert.match(result.stderr, /\/nonexistent\/ffmpeg was not found.*apt install ffmpeg.*--ffmpeg PATH.*generated picture/);
  assert.match(result.json.notice ?? '', /apt install ffmpeg/);
  assert.is(result.json.source, 'a generated picture');
  assert.equal([result.json.width, result.json.height, result.json.frames], [640, 480, 40]);
  assertHashes(result, pictureHashes(640, 480, 40));
});

test('the generated picture: every frame differs, at any size', async () => {
  const hashes = pictureHashes(96, 64, 400);
  assert.is(new Set(hashes).size, 400);
  for (const size of ['1x1', '7x5', '33x200']) {
    const [width = 0, height = 0] = size.split('x').map(Number);
    const result = await run('--size', size, '--frames', '12', '--fps', '100', '--consumers', '2');
    assertHashes(result, pictureHashes(width, height, 12));
  }
});

test('no consumers: the pool is there for others', async () => {
  const { json } = await run('--consumers', '0', '--frames', '20', '--fps', 'max', '--size', '64x48');
  assert.equal(json.consumers, []);
  assert.is(json.frames, 20);
});

test('in a pipe: a line every couple of seconds and a table, without escape codes', async () => {
  const pool = poolName('demo-pipe');
  const { code, stdout, stderr } = await cli('demo', '--name', pool, '--frames', '75');
  assert.is(code, 0);
  assert.is(stderr, '');
  const text = stdout.toString();
  assert.not.ok(text.includes('\u001b') || text.includes('\r'));
  assert.match(text, /^a generated picture: 640×480 RGB, 30 frames a second, 75 frames\n/);
  assert.match(text, /^frame \d+\/75 {2}\S+ fps {2}latency \S+ ms \(p99 \S+\) {2}missed \d+ {2}\S+ MB read$/m);
  assert.match(
    text,
    /^published 75 frames \(69\.1 MB\) in \S+ s, \S+ fps\nconsumer +frames +missed +fps +p50 ms +p99 ms +seen\n/m,
  );
  for (const row of ['1 borrowed views', '2 copies', '3 borrowed windows of 5']) {
    assert.match(text, new RegExp(`^${row} +\\d+ +\\d+ +\\d+\\.?\\d* +\\S+ +\\S+ +\\S+ MB$`, 'm'));
  }
});

test('on a terminal: a line that is rewritten, and colour unless NO_COLOR asks for none', () => {
  if (spawnSync('script', ['--version']).status !== 0) {
    console.log('skip: the demo on a terminal: script is not installed (sudo apt install bsdutils)');
    return;
  }
  const line = `${process.execPath} ${Cli.program} demo --name ${poolName('demo-tty')} --frames 40 --size 64x48`;
  const onTerminal = (noColour: string) =>
    spawnSync('script', ['-qec', line, '/dev/null'], {
      encoding: 'utf8',
      env: { ...process.env, TERM: 'xterm', NO_COLOR: noColour },
    }).stdout;
  const colourful = onTerminal('');
  assert.ok(colourful.includes('\r\u001b[2Kframe '));
  assert.ok(colourful.includes('\u001b[1mpublished 40 frames'));
  const plain = onTerminal('1');
  assert.ok(plain.includes('\r\u001b[2Kframe '));
  assert.not.ok(plain.includes('\u001b[1m'));
});

/** Starts a demo that would go on for long, and waits until it runs. */
async function started(pool: string, ...args: string[]): Promise<Cli> {
  const demo = new Cli(['demo', '--name', pool, '--frames', '100000', ...args]);
  await until(() => /^frame [1-9]/m.test(demo.output), 'the demo streams');
  return demo;
}

test('Ctrl-C ends it in order: a summary, no process and nothing in /dev/shm left', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const pool = poolName('demo-interrupt');
    const demo = await started(pool);
    assert.is(processesWith(pool).length, 5);
    demo.process.kill(signal);
    const { code, stdout, stderr } = await demo.ended;
    assert.is(code, 0, stderr);
    assert.is(stderr, '');
    assert.match(stdout.toString(), /^published \d+ frames/m);
    assert.match(stdout.toString(), /^3 borrowed windows of 5 +\d+ +\d+ /m);
    assert.equal(processesWith(pool), []);
    assert.equal(leftovers(pool), []);
  }
});

test('Ctrl-C before the first frame', async () => {
  for (const delayMs of [100, 200, 300, 400, 500]) {
    const pool = poolName('demo-early');
    const demo = new Cli(['demo', '--name', pool]);
    await new Promise((done) => setTimeout(done, delayMs));
    demo.process.kill('SIGINT');
    const { stderr, stdout } = await demo.ended;
    assert.is(stderr, '');
    assert.not.match(stdout.toString(), /ended by/);
    assert.equal(processesWith(pool), []);
    assert.equal(leftovers(pool), []);
  }
});

withFootage('Ctrl-C ends ffmpeg too', async () => {
  // A name of its own, to find ffmpeg by.
  const film = join(folder, `film-${process.pid}.avi`);
  symlinkSync(footage as string, film);
  const pool = poolName('demo-ffmpeg');
  const demo = await started(pool, '--input', film);
  const decoders = () => processesWith(film).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('ffmpeg'));
  assert.is(decoders().length, 1);
  demo.process.kill('SIGINT');
  assert.is((await demo.ended).code, 0);
  assert.equal(processesWith(film), []);
  assert.equal(leftovers(pool), []);
});

test('a consumer that is killed costs nobody else a frame: it is said, and the demo ends with code 1', async () => {
  const pool = poolName('demo-dead-consumer');
  const demo = new Cli(['demo', '--name', pool, '--frames', '120']);
  await until(() => /^frame [1-9]/m.test(demo.output), 'the demo streams');
  const [victim] = processesWith('demo-consumer').filter((pid) => processesWith(pool).includes(pid));
  process.kill(victim as number, 'SIGKILL');
  const { code, stdout, stderr } = await demo.ended;
  assert.is(code, 1);
  assert.match(stderr, new RegExp(`^consumer \\d \\(pid ${victim}\\) is gone: ended by SIGKILL\\n$`));
  assert.match(stdout.toString(), /^published 120 frames/m);
  assert.is([...stdout.toString().matchAll(/^\d (borrowed|copies)[^-]* {2}-.*ended by SIGKILL$/gm)].length, 1);
  assert.is([...stdout.toString().matchAll(/^\d (borrowed|copies).* \d+ +\d+ +[\d.]+ .* MB$/gm)].length, 2);
  // The dead one's doorbell may stay until somebody collects it; nothing else may.
  for (const name of leftovers(pool)) {
    assert.ok(name.startsWith('tensoripc-bell.'), name);
    unlinkSync(`/dev/shm/${name}`);
  }
});

test('a producer that is killed ends the demo with code 1, and its pool is cleared away', async () => {
  const pool = poolName('demo-dead-producer');
  const demo = await started(pool);
  const [victim] = processesWith('demo-producer').filter((pid) => processesWith(pool).includes(pid));
  process.kill(victim as number, 'SIGKILL');
  const { code, stdout, stderr } = await demo.ended;
  assert.is(code, 1);
  assert.match(stderr, new RegExp(`^the producer \\(pid ${victim}\\) is gone: ended by SIGKILL\\n$`));
  assert.match(stdout.toString(), /^1 borrowed views +\d+ +\d+ /m);
  assert.equal(leftovers(pool), []);
  assert.equal(processesWith(pool), []);
});

test('a parent that is killed takes its children with it', async () => {
  const pool = poolName('demo-dead-parent');
  const demo = await started(pool);
  demo.process.kill('SIGKILL');
  await until(() => processesWith(pool).length === 0, 'all processes have ended');
  assert.equal(leftovers(pool), []);
});

test('what a reader of the output closes ends it quietly', async () => {
  const pool = poolName('demo-head');
  const line = `${process.execPath} ${Cli.program} demo --name ${pool} --frames 100000 | head -n 1`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  assert.is(status, 0);
  assert.match(stdout, /^a generated picture/);
  assert.is(stderr, '');
  await until(() => processesWith(pool).length === 0, 'all processes have ended');
  assert.equal(leftovers(pool), []);
});

test("what ffmpeg says about its output is read whatever its version's habits", async () => {
  const log = new FfmpegLog();
  const text = [
    "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'film.mp4':",
    '  Duration: 01:02:03.50, start: 0.000000, bitrate: 1205 kb/s',
    '  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 1280x720 [SAR 1:1 DAR 16:9], 1200 kb/s, 29.97 fps, 29.97 tbr',
    'Stream mapping:',
    "Output #0, rawvideo, to 'pipe:1':",
    '  Stream #0:0(und): Video: rawvideo (RGB[24] / 0x18424752), rgb24(pc, gbr/bt709/bt709, progressive), 720x1280 [SAR 1:1 DAR 9:16], q=2-31, 662857 kb/s, 29.97 fps, 29.97 tbn (default)',
    '',
  ].join('\n');
  for (let at = 0; at < text.length; at += 17) log.take(text.slice(at, at + 17));
  assert.equal(await log.output, { width: 720, height: 1280, fps: 29.97, durationSeconds: 3723.5 });
});

test('percentiles from a histogram', () => {
  const histogram = new Histogram();
  assert.is(histogram.quantileMs(0.5), null);
  for (let i = 1; i <= 1000; i++) histogram.add(i * 1000);
  const near = (value: number | null, expected: number) =>
    assert.ok(Math.abs((value ?? 0) / expected - 1) < 0.025, `${value} for ${expected}`);
  near(histogram.quantileMs(0.5), 0.5);
  near(histogram.quantileMs(0.99), 0.99);
  assert.is(histogram.maxMs, 1);
  assert.ok((histogram.quantileMs(1) ?? 2) <= 1);
  const merged = new Histogram();
  merged.merge(histogram.counts());
  merged.merge(histogram.counts());
  near(merged.quantileMs(0.5), 0.5);
  histogram.clear();
  assert.is(histogram.quantileMs(0.5), null);
});

test('the tests leave nothing behind', () => {
  const mine = readdirSync('/dev/shm').filter((name) => name.includes(`-${process.pid}-`));
  assert.equal(mine, []);
});

test.run();
