// What the commands show of frames of varying length, of what fields mean, and of producers that are late; and how such frames are piped.

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Frame, inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_PERIOD_NS } from '../assembly/layout';
import { fittedTable } from '../host/cli/format';
import { leftovers, poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';
import { Random } from './support/random';
import { Shell } from './support/shell';

const test = suite('command line: lengths and meanings');
const WATCHDOG_MS = 120_000;
const WIDTH = 80;

const scratch = mkdtempSync(join(tmpdir(), 'cli-meaning-'));
test.after(() => rmSync(scratch, { recursive: true, force: true }));
const text = (output: Buffer) => output.toString('utf8');
/** Readers that have come so far as to wait: an entry alone may be of one that is still on its way, and misses what closes now. */
const waitingAt = (pool: string) => inspect(pool)?.consumers.filter(({ alive, wakes }) => alive && wakes !== null).length ?? 0;

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!ffmpeg) console.log('skip: packets of ffmpeg through pub and sub: ffmpeg is not installed (apt install ffmpeg)');
const withFfmpeg = ffmpeg ? test : test.skip;

const RECORD = {
  points: { data: new Float32Array(3), shape: [1, 3], maxLength: 300_000, encoding: 'xyz', unit: 'm', frameId: 'lidar_top' },
  rgb: { data: new Uint8Array(12), shape: [2, 2, 3], encoding: 'rgb8', frameId: 'f'.repeat(128) },
  state: { data: new Float64Array(7), shape: [7], unit: 'rad/s' },
} as const;
const ATTRIBUTES = {
  serial: 'A-17',
  matrix: [615.2, 0, 320.5, 0, 615.1, 240.5, 0, 0, 1, 0.25, 0.125, -0.0625, 0.001, 17],
  'a\u001b[2Jb': '\u009b2J',
} as const;

/** States a period, as a producer's option does. */
function statePeriod(pool: string, periodNs: number): void {
  const fd = openSync(`/dev/shm/tensoripc.${pool}`, 'r+');
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(periodNs));
  writeSync(fd, word, 0, 8, HEADER_PERIOD_NS);
  closeSync(fd);
}

test('info tells lengths, encodings, units, frames and attributes, on 80 columns; --json has all of it', async () => {
  const name = poolName('meaning');
  using producer = TensorProducer.fromSample(name, RECORD, { attributes: ATTRIBUTES });
  producer.put(RECORD);
  const { code, stdout, stderr } = await cli('info', name, '--interval', '1');
  assert.is(code, 0, stderr);
  const said = text(stdout);
  for (const line of said.split('\n')) assert.ok(line.length <= WIDTH, `${line.length} columns: ${line}`);
  assert.match(said, /\ntensor points +float32 \[≤300000, 3\], at most 3\.60 MB at 0\n +xyz, unit m, frame lidar_top\n/);
  assert.match(said, /\ntensor rgb +uint8 \[2, 2, 3\], 12 B at 3600000\n +rgb8,\n +frame f{40,}…\n/);
  assert.match(said, /\ntensor state +float64 \[7\], 56 B at 3600064\n +unit rad\/s\n/);
  assert.match(said, /\nattributes +serial +"A-17"\n +matrix +\[615\.2,0,320\.5,.*…\n +a\\u001b\[2Jb +"\\u009b2J"\n/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the question.
  assert.not.match(said.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f]/);
  const json = JSON.parse(text((await cli('info', name, '--json', '--interval', '1')).stdout)) as {
    fields: { name: string }[];
    attributes: object;
    lateMs: number | null;
    producer: { epoch: number; periodMs: number | null };
  };
  assert.equal(json.fields[0], {
    name: 'points',
    dtype: 'float32',
    shape: [300_000, 3],
    byteOffset: 0,
    bytes: 3_600_000,
    maxLength: 300_000,
    encoding: 'xyz',
    unit: 'm',
    frameId: 'lidar_top',
  });
  assert.equal(json.attributes, ATTRIBUTES);
  assert.equal([json.lateMs, json.producer.epoch, json.producer.periodMs], [null, 1, null]);
});

test('ls shows the length that varies and the encoding', async () => {
  const [cloud, packets] = [poolName('ls-cloud'), poolName('ls-packets')];
  using one = TensorProducer.fromSample(cloud, RECORD.points);
  using two = TensorProducer.fromSample(packets, { data: new Uint8Array(0), shape: [0], maxLength: 9000, encoding: 'jpeg' });
  const lines = text((await cli('ls', '--interval', '1')).stdout).split('\n');
  assert.match(lines.find((line) => line.startsWith(one.name)) ?? '', /live +float32 +\[≤300000, 3\] xyz +1 /);
  assert.match(lines.find((line) => line.startsWith(two.name)) ?? '', /live +uint8 +\[≤9000\] jpeg +1 /);
});

test('who states a period and is late is late in ls, top and info; in time it is live', async () => {
  const [late, inTime, never] = [poolName('late'), poolName('in-time'), poolName('late-never')];
  using slow = TensorProducer.fromSample(late, new Float32Array(2));
  using good = TensorProducer.fromSample(inTime, new Float32Array(2));
  using silent = TensorProducer.fromSample(never, new Float32Array(2));
  slow.put(new Float32Array(2));
  good.put(new Float32Array(2));
  statePeriod(late, 1e6);
  statePeriod(inTime, 3600e9);
  statePeriod(never, 1e6);
  for (const command of [['ls'], ['top', '--count', '1', '--interval', '50']]) {
    const lines = text((await cli(...command)).stdout).split('\n');
    const state = (pool: string) => lines.find((line) => line.startsWith(`${pool} `))?.split(/ +/)[2];
    assert.equal([state(late), state(inTime), state(never)], ['late', 'live', 'late'], command[0]);
  }
  assert.match(text((await cli('info', late)).stdout), /\nperiod +a frame every 1\.00 ms, late by [\d.]+ (ms|s)\n/);
  assert.match(text((await cli('info', inTime)).stdout), /\nperiod +a frame every 1\.00 h, in time\n/);
  const json = JSON.parse(text((await cli('info', late, '--json')).stdout)) as {
    state: string;
    lateMs: number;
    ageMs: number;
    producer: { periodMs: number };
  };
  assert.equal([json.state, json.producer.periodMs], ['live', 1]);
  assert.ok(Math.abs(json.lateMs - (json.ageMs - 1)) < 1e-6, `${json.lateMs} after ${json.ageMs}`);
  assert.is(silent.nextSequence, 0);
});

test('watch tells the mean length, and who is late', async () => {
  using producer = TensorProducer.fromSample(poolName('watch-length'), RECORD.points);
  const ticking = setInterval(() => void producer.put({ data: new Float32Array(3 * 40), shape: [40, 3] }), 10);
  try {
    const { code, stdout, stderr } = await cli('watch', producer.name, '--interval', '300', '--count', '2');
    assert.is(code, 0, stderr);
    assert.match(text(stdout).trimEnd().split('\n')[1] ?? '', / {2}dropped \d+ [▁-█]{2} {2}length 40 [▁-█·]{2}$/);
  } finally {
    clearInterval(ticking);
  }
  statePeriod(producer.name, 1e6);
  const { stdout } = await cli('watch', producer.name, '--interval', '300', '--count', '1');
  assert.match(text(stdout), / {2}length (-|\d+) [▁-█·] {2}late [\d.]+ (ms|s)\n$/);
});

test('a terminal of 80 columns: each pool has one line, whatever its name', () => {
  using producer = TensorProducer.fromSample(poolName('narrow'), RECORD.points);
  using long = TensorProducer.fromSample(`${poolName('narrow')}-`.padEnd(150, 'x'), RECORD, { historyLen: 1 });
  for (const command of ['ls', 'top --count 1 --interval 20']) {
    const line = `stty cols ${WIDTH} rows 60; '${process.execPath}' '${Cli.program}' ${command}`;
    const { error, stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
      encoding: 'utf8',
      timeout: WATCHDOG_MS,
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
    });
    if (error !== undefined) {
      console.log('\nskip: no terminal for ls: apt install bsdutils for script(1)');
      return;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's own.
    const lines = stdout.replaceAll(/\u001b\[[\d?;]*[A-Za-z]/g, '').split(/\r?\n/);
    for (const each of lines) assert.ok(each.length <= WIDTH, `${each.length} columns: ${each}`);
    assert.match(lines.find((each) => each.startsWith(producer.name.slice(0, 30))) ?? '', /live/, stdout);
    assert.ok(
      lines.some((each) => each.startsWith(`${long.name.slice(0, 39)}…`)),
      stdout,
    );
  }
});

test('a table that is too wide gives up columns in order, and is cut only then', () => {
  const rows = [['pool', 'x'.repeat(10), '123']];
  const fit = (width: number | null) => fittedTable(['NAME', 'WHAT', 'N'], rows, [false, false, true], ['N', 'WHAT'], width);
  assert.equal(fit(null), ['NAME  WHAT          N', 'pool  xxxxxxxxxx  123']);
  assert.equal(fit(21), fit(null));
  assert.equal(fit(20), ['NAME  WHAT', 'pool  xxxxxxxxxx']);
  assert.equal(fit(10), ['NAME', 'pool']);
  assert.equal(fit(3), ['NA…', '…']);
});

test('pub and sub of frames of varying length: each with its length, through real pipes', async () => {
  const [a, b] = [poolName('framed-a'), poolName('framed-b')];
  const random = new Random(5);
  const frames = Array.from({ length: 200 }, (_, n) =>
    Float32Array.from({ length: 3 * (n % 9 === 0 ? 0 : random.integer(0, 500)) }, (_, i) => n * 1000 + i),
  );
  const bytes = Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(frame.byteLength);
      return [length, Buffer.from(frame.buffer)];
    }),
  );
  const input = join(scratch, 'framed.in');
  const out = join(scratch, 'framed.out');
  const attributes = join(scratch, 'attributes.json');
  writeFileSync(input, bytes);
  writeFileSync(attributes, JSON.stringify(ATTRIBUTES));
  const form = '--shape 1,3 --dtype float32 --max-length 500';
  const last = new Shell(`TI sub ${b} --all --framed > '${out}'`);
  const middle = new Shell(`TI sub ${a} --all --framed | TI pub ${b} ${form}`);
  await until(() => waitingAt(b) === 1, 'the last one listens');
  const first = new Shell(
    `cat '${input}' - | TI pub ${a} ${form} --history 300 --encoding xyz --unit m --frame-id lidar --attributes '${attributes}'`,
  );
  await until(() => inspect(b)?.framesPublished === frames.length, 'all has been passed on');
  const metadata = inspect(a)?.metadata;
  assert.equal(metadata?.attributes, ATTRIBUTES);
  const [{ encoding, unit, frameId, maxLength } = {}] = metadata?.fields ?? [];
  assert.equal([encoding, unit, frameId, maxLength], ['xyz', 'm', 'lidar', 500]);
  {
    using reader = TensorConsumer.attach<Float32Array>(a);
    const newest = reader.get() as Frame<Float32Array>;
    assert.equal([...newest.data], [...(frames.at(-1) as Float32Array)]);
  }
  first.end();
  for (const shell of [first, middle, last]) {
    const { code, stderr } = await shell.ended;
    assert.is(code, 0, stderr);
  }
  assert.ok(readFileSync(out).equals(bytes));
  assert.equal([...leftovers(a), ...leftovers(b)], []);
});

for (const [encoding, args] of [
  ['jpeg', ['-c:v', 'mjpeg', '-f', 'mjpeg']],
  ['png', ['-c:v', 'png', '-f', 'image2pipe']],
  ['h264', ['-c:v', 'libx264', '-bsf:v', 'h264_metadata=aud=insert', '-f', 'h264']],
  ['h265', ['-c:v', 'libx265', '-x265-params', 'log-level=none', '-bsf:v', 'hevc_metadata=aud=insert', '-f', 'hevc']],
] as const) {
  withFfmpeg(`a stream of ${encoding} is cut into its frames`, async () => {
    const frames = 30;
    const stream = join(scratch, `stream.${encoding}`);
    const source = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=30', '-frames:v', String(frames)];
    try {
      execFileSync('ffmpeg', [...source, ...args, stream], { stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      console.log(`skip: ${encoding}: ${String(error).split('\n')[1] ?? 'ffmpeg cannot encode it'}`);
      return;
    }
    const pool = poolName(`stream-${encoding}`);
    const out = join(scratch, `stream.${encoding}.out`);
    const reader = new Shell(`TI sub ${pool} --all --framed > '${out}'`);
    const writer = new Shell(`cat '${stream}' - | TI pub ${pool} --encoding ${encoding} --max-length 500000 --history 64`);
    // The last packet of a stream of access units ends with it; the others are there before. A reader that has a place in the table may not
    // have joined yet: one that has taken frames has.
    await until(() => (inspect(pool)?.consumers[0]?.framesTaken ?? 0) >= frames - 1, 'they were read');
    writer.end();
    for (const shell of [writer, reader]) {
      const { code, stderr } = await shell.ended;
      assert.is(code, 0, stderr);
    }
    const framed = readFileSync(out);
    const packets: Buffer[] = [];
    for (let at = 0; at < framed.length; at += 4 + framed.readUInt32LE(at)) {
      packets.push(framed.subarray(at + 4, at + 4 + framed.readUInt32LE(at)));
    }
    assert.ok(Buffer.concat(packets).equals(readFileSync(stream)), 'every byte, in order');
    assert.is(packets.length, frames);
    // Each is whole: a decoder takes it, or the first of them, alone.
    for (const [i, packet] of packets.entries()) {
      if (i > 0 && encoding.startsWith('h26')) break;
      const decoder = spawnSync('ffmpeg', ['-v', 'error', '-f', muxerOf(encoding), '-i', '-', '-f', 'null', '-'], {
        input: packet,
      });
      assert.equal([decoder.status, decoder.stderr.toString()], [0, ''], `packet ${i}`);
    }
  });
}

function muxerOf(encoding: string): string {
  return { jpeg: 'mjpeg', png: 'png_pipe', h264: 'h264', h265: 'hevc' }[encoding] ?? encoding;
}

test('pub says what is wrong with lengths, meanings and inputs', async () => {
  const pool = poolName('pub-wrong');
  const attributes = join(scratch, 'broken.json');
  writeFileSync(attributes, '{"a": ');
  const list = join(scratch, 'list.json');
  writeFileSync(list, '[1]');
  const cases: readonly [args: string, input: string, code: number, says: RegExp][] = [
    ['--max-length 0', '', 2, /--max-length is a whole number from 1/],
    ['--shape 4 --framing length', '', 2, /--framing is of frames of varying length/],
    ['--max-length 4 --framing mp4', '', 2, /--framing is one of length, jpeg, png, h264, h265/],
    ['--shape 4,4 --encoding rgb8', '', 2, /rgb8 has shape \[…, 3\], found \[4, 4\]/],
    ['--shape 4,4,3 --encoding rgb9', '', 2, /encoding must be one of rgb8 bgr8/],
    [`--shape 4 --unit ''`, '', 2, /unit is a text of 1 to 32/],
    [`--shape 4 --attributes '${attributes}'`, '', 1, /--attributes .*broken\.json.*JSON/],
    [`--shape 4 --attributes '${list}'`, '', 2, /an object of JSON values/],
    [`--shape 4 --attributes /no/such/file`, '', 1, /ENOENT/],
    ['--max-length 4', '\\x05\\x00\\x00\\x0012345', 1, /a frame of 5 bytes, where at most 4 fit: raise --max-length/],
    ['--max-length 4 --shape 1,3', '\\x04\\x00\\x00\\x001234', 1, /4 bytes is no multiple of 3/],
    ['--max-length 4', '\\x04\\x00\\x00\\x00123', 1, /ended inside a frame: 3 of 4 bytes/],
    ['--max-length 4', '\\x04\\x00', 1, /ended inside a length: 2 of 4 bytes/],
    ['--max-length 400 --encoding jpeg', 'no jpeg', 1, /expected one to begin with ff d8/],
    ['--max-length 400 --encoding jpeg', '\\xff\\xd8\\xff\\xe0', 1, /ended inside a frame, after 4 bytes of it: is it jpeg/],
    ['--max-length 400 --encoding png', 'no picture at all', 1, /expected their signature/],
    ['--max-length 400 --encoding h264', '\\x00\\x00\\x00\\x01\\x65abcdef', 1, /no access unit delimiters/],
  ];
  for (const [args, input, code, says] of cases) {
    const ended = await new Shell(`TI pub ${pool} ${args} < <(printf '${input}')`).ended;
    assert.is(ended.code, code, `${args}: ${ended.stderr}`);
    assert.match(ended.stderr, says, args);
    assert.equal(leftovers(pool), [], args);
  }
});

test.run();
