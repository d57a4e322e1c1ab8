// snapshot --show: pictures in a real terminal (tmux), in a pipe, and in the protocols of kitty and sixel.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readAnswer } from '../host/cli/show/ask';
import { poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';

const test = suite('snapshot --show');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-test-'));
test.after(() => rmSync(folder, { recursive: true }));

const has = (program: string, option: string) => spawnSync(program, [option]).status === 0;
const tmux = has('tmux', '-V');
if (!tmux) console.log('skip: pictures in a terminal: tmux is not installed (apt install tmux)');
const ffmpeg = has('ffmpeg', '-version');
if (!ffmpeg) console.log('skip: packets in a terminal: ffmpeg is not installed (apt install ffmpeg)');

const RED = [250, 20, 10];
const BLUE = [10, 30, 240];

/** Red above, blue below: 4 pixels wide, 4 high. */
function flag(): { data: Uint8Array; shape: number[] } {
  return { data: Uint8Array.from({ length: 48 }, (_, i) => (i < 24 ? RED : BLUE)[i % 3] as number), shape: [4, 4, 3] };
}

function pool(label: string): TensorProducer {
  const producer = TensorProducer.fromSample(poolName(label), flag());
  producer.put(flag());
  return producer;
}

async function shown(...args: string[]): Promise<string> {
  using producer = pool('show');
  const { code, stdout, stderr } = await cli('snapshot', producer.name, '--show', ...args);
  assert.equal([code, stderr], [0, '']);
  const text = stdout.toString();
  assert.match(text, new RegExp(`\n${producer.name}: 4×4, uint8 \\[4, 4, 3\\], frame 0, values 10 to 250\n$`));
  return text.slice(0, text.lastIndexOf(producer.name));
}

test('in a pipe: shades of plain text, that fit 80 columns', async () => {
  const lines = (await shown()).trimEnd().split('\n');
  assert.is(lines.length, 22);
  for (const line of lines) assert.match(line, /^[ .:\-=+*#%@]{1,80}$/);
  // Red is brighter than blue.
  assert.is(new Set(lines.slice(0, 11)).size, 1);
  assert.is(new Set(lines.slice(11)).size, 1);
  assert.is.not(lines[0], lines[21]);
});

test('half blocks: two pixels in a cell, in their colours', async () => {
  const lines = (await shown('--graphics', 'blocks')).trimEnd().split('\n');
  assert.is(lines.length, 22);
  const cell = (upper: number[], lower: number[]) => `\u001b[38;2;${upper.join(';')};48;2;${lower.join(';')}m`;
  assert.is(lines[0], `${cell(RED, RED)}${'▀'.repeat(44)}\u001b[0m`);
  assert.is(lines[21], `${cell(BLUE, BLUE)}${'▀'.repeat(44)}\u001b[0m`);
});

test("kitty's graphics: a PNG in messages of at most 4096 characters, over the cells that it fits", async () => {
  const text = await shown('--graphics', 'kitty');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the protocol's own.
  const messages = [...text.matchAll(/\u001b_G([^;]*);([A-Za-z0-9+/=]*)\u001b\\/g)];
  assert.is(messages.map(([whole]) => whole).join(''), text.trimEnd());
  assert.is(messages[0]?.[1], 'a=T,f=100,q=2,c=44,r=22,m=0');
  assert.ok(messages.every(([, , data = '']) => data.length <= 4096));
  const { width, height, data } = PNG.sync.read(Buffer.from(messages.map(([, , part]) => part).join(''), 'base64'));
  assert.equal([width, height], [4, 4]);
  assert.equal([...data.subarray(0, 3)], RED);
  assert.equal([...data.subarray(-4, -1)], BLUE);
});

/** The colours of a sixel picture, by the rules of the VT340: a decoder of its own. */
function decodeSixel(text: string): { width: number; height: number; at: (x: number, y: number) => number[] } {
  const [, body = ''] = text.split('\u001bPq');
  const [, width = 0, height = 0] = (/^"1;1;(\d+);(\d+)/.exec(body) ?? []).map(Number);
  const palette = new Map<number, number[]>();
  const pixels = new Map<number, number>();
  let [x, y, colour] = [0, 0, 0];
  for (const [token, , register, rgb, , repeat, bits] of body.matchAll(/(#(\d+)(;2;(\d+;\d+;\d+))?)|(?:!(\d+))?([?-~])|[$-]/g)) {
    if (register !== undefined) {
      colour = Number(register);
      if (rgb !== undefined) palette.set(colour, rgb.split(';').slice(2).map(Number));
    } else if (bits !== undefined) {
      for (let i = 0; i < Number(repeat ?? 1); i++, x++) {
        for (let row = 0; row < 6; row++)
          if ((((bits.codePointAt(0) as number) - 63) >> row) & 1) pixels.set((y + row) * width + x, colour);
      }
    } else {
      x = 0;
      if (token === '-') y += 6;
    }
  }
  return { width, height, at: (px, py) => palette.get(pixels.get(py * width + px) ?? -1) ?? [] };
}

test('sixels: every pixel has a colour near its own', async () => {
  const text = (await shown('--graphics', 'sixel')).trimEnd();
  assert.ok(text.startsWith('\u001bPq') && text.endsWith('\u001b\\'));
  const { width, height, at } = decodeSixel(text);
  assert.equal([width, height], [440, 440]);
  for (const [top, expected] of [
    [0, RED],
    [220, BLUE],
  ] as const) {
    const sums = [0, 0, 0];
    for (let y = top; y < top + 220; y++)
      for (let x = 0; x < width; x++) for (const [c, value] of at(x, y).entries()) sums[c] = (sums[c] as number) + value;
    for (const [c, sum] of sums.entries()) {
      const mean = (sum / (220 * width)) * 2.55;
      assert.ok(Math.abs(mean - (expected[c] as number)) < 8, `channel ${c} at ${top}: ${mean} for ${expected[c]}`);
    }
  }
});

test('what terminals answer', () => {
  assert.equal(readAnswer('\u001b_Gi=31;OK\u001b\\\u001b[6;20;10t\u001b[?62;4;22c'), {
    kitty: true,
    sixel: true,
    cell: [10, 20],
  });
  assert.equal(readAnswer('\u001b[?62;22c'), { kitty: false, sixel: false, cell: null });
  assert.equal(readAnswer('\u001b[?4;6c').sixel, false, 'the first number is the class of the terminal');
  assert.equal(readAnswer('\u001b_Gi=31;ENOTSUPPORTED\u001b\\\u001b[?1;2c').kitty, false);
  assert.equal(readAnswer(''), { kitty: false, sixel: false, cell: null });
});

(tmux ? test : test.skip)('in tmux: fitted to the window, in 24-bit colour, the input as it was', async () => {
  using producer = pool('show-tmux');
  const socket = join(folder, 'tmux');
  const run = (...args: string[]) => execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  const command = `TERM=xterm-256color '${process.execPath}' '${Cli.program}' snapshot ${producer.name} --show --graphics blocks; stty -a | grep -o 'icanon.*'; read -r line; echo "read $line"`;
  run('new-session', '-d', '-x', '60', '-y', '20', command);
  try {
    const screen = () => run('capture-pane', '-p', '-e', '-S', '-20');
    await until(() => screen().includes('icanon'), 'the picture is there');
    const lines = screen().split('\n');
    const blocks = lines.filter((line) => line.includes('▀'));
    // 20 rows without two, at two pixels a row.
    assert.is(blocks.length, 18);
    for (const line of blocks) assert.is(line.split('▀').length - 1, 36);
    assert.ok(blocks.slice(0, 9).join('').includes('2;250;20;10') && !blocks.slice(10).join('').includes('2;250;20;10'));
    assert.ok(blocks.slice(9).join('').includes('2;10;30;240'));
  } finally {
    run('kill-server');
  }
});

(tmux ? test : test.skip)('in tmux: what the terminal answers is taken, and not left on its input', async () => {
  using producer = pool('show-ask');
  const socket = join(folder, 'tmux-ask');
  const run = (...args: string[]) => execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  const command = `'${process.execPath}' '${Cli.program}' snapshot ${producer.name} --show; read -r line; echo "read <$line>"; sleep 1000`;
  run('new-session', '-d', '-x', '80', '-y', '24', command);
  try {
    const screen = () => run('capture-pane', '-p');
    await until(() => screen().includes('values 10 to 250'), 'the picture is there');
    run('send-keys', 'typed', 'Enter');
    await until(() => screen().includes('read <typed>'), `the line is read: ${screen()}`);
  } finally {
    run('kill-server');
  }
});

(ffmpeg ? test : test.skip)('a JPEG pool is decoded; a vector is not shown', async () => {
  const packet = execFileSync('ffmpeg', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    'color=c=white:size=32x32',
    '-frames:v',
    '1',
    '-f',
    'mjpeg',
    '-',
  ]);
  const frame = { data: new Uint8Array(packet), shape: [packet.length], maxLength: 100_000, encoding: 'jpeg' } as const;
  using producer = TensorProducer.fromSample(poolName('show-jpeg'), frame);
  producer.put(frame);
  const { code, stdout, stderr } = await cli('snapshot', producer.name, '--show');
  assert.is(code, 0, stderr);
  assert.match(stdout.toString(), /^(@{44}\n){22}.*: jpeg as it is/);
  using vector = TensorProducer.fromSample(poolName('show-vector'), new Float32Array(7));
  vector.put(new Float32Array(7));
  const refused = await cli('snapshot', vector.name, '--show');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /float32 \[7\] is no picture/);
});

test.run();
