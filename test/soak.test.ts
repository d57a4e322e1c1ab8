// The short form of `npm run soak`: processes killed at random moments and at exact steps, every frame checked. And: that the soak
// would see what it looks for.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import wasm from '../dist/core.wasm';
import type { Report } from './support/soak-figures';
import { checkFrame, fillFrame, lengthOf, Order } from './support/soak-frames';
import { planLife, planSeats } from './support/soak-plan';
import { Breakpoints } from './support/soak-wasm';

const MINUTES = process.env['SOAK_MINUTES'] ?? '0.25';
const SEED = process.env['SOAK_SEED'] ?? '7';

const test = suite('soak');

test('the seed decides who takes part and how each life ends', () => {
  const seats = planSeats('p', true);
  const lives = (seed: number) => seats.map((seat) => [0, 1, 2].map((life) => planLife(seed, seat, life)));
  assert.equal(lives(1), lives(1));
  assert.not.equal(lives(1), lives(2));
});

test('a frame with one foreign word, or of another number, is seen', () => {
  const stamp = { life: 3, sequence: 41, pool: 0xcafe };
  const data = new Uint32Array(14);
  fillFrame(data.subarray(7), stamp);
  assert.equal(checkFrame(data, 7, 7, 41), stamp);
  assert.match(String(checkFrame(data, 7, 7, 42)), 'holds frame 41');
  assert.is(checkFrame(data, 0, 7, -1), null);
  assert.match(String(checkFrame(data, 7, 7, -1)), 'not zero');
  const other = new Uint32Array(7);
  for (const almost of [
    { ...stamp, life: 4 },
    { ...stamp, sequence: 42 },
    { ...stamp, pool: 1 },
  ]) {
    fillFrame(other, almost);
    for (let i = 0; i < 7; i++) {
      const mixed = data.slice(7);
      mixed[i] = other[i] as number;
      if (mixed[i] !== data[7 + i]) assert.match(String(checkFrame(mixed, 0, 7, 41)), 'TORN', `word ${i}`);
    }
  }
});

test('a frame that is longer or shorter than its writer made it is seen', () => {
  const room = 40;
  for (let sequence = 0; sequence < 200; sequence++) {
    const stamp = { life: 1, sequence, pool: 9 };
    const length = lengthOf(stamp, room);
    assert.ok(length >= 3 && length <= room);
    const data = new Uint32Array(room);
    fillFrame(data.subarray(0, length), stamp);
    assert.equal(checkFrame(data, 0, length, sequence, [room]), stamp);
    for (const wrong of [0, 2, length - 1, length + 1, room + 1])
      if (wrong !== length) assert.match(String(checkFrame(data, 0, wrong, sequence, [room])), 'TORN', `${wrong} for ${length}`);
  }
  assert.is(checkFrame(new Uint32Array(room), 0, 0, -1, [room]), null);
  assert.match(String(checkFrame(new Uint32Array(room), 0, 1, -1, [room])), 'padding');
});

test('frames in a wrong order are seen', () => {
  const of = (life: number, sequence: number, pool = 1) => ({ life, sequence, pool });
  const table = [
    ['repeats', of(1, 5), of(1, 5), null],
    ['repeats', of(1, 5), of(2, 5), 'one number, two frames'],
    ['repeats', of(1, 5), of(1, 9), null],
    ['repeats', of(1, 5), of(1, 4), 'backwards'],
    ['repeats', of(2, 5), of(1, 6), "an earlier producer's"],
    ['repeats', of(1, 5), of(2, 0, 2), null],
    ['repeats', of(2, 5), of(2, 0, 2), 'another object'],
    ['rises', of(1, 5), of(1, 5), 'given twice'],
    ['lossless', of(1, 5), of(2, 6), null],
    ['lossless', of(1, 5), of(1, 8), 'LOST 2'],
    ['lossless', of(1, 5), of(2, 3, 2), null],
  ] as const;
  for (const [kind, first, second, wrong] of table) {
    const order = new Order('reader', kind);
    assert.is(order.see(first), null);
    const found = order.see(second);
    if (wrong === null) assert.is(found, null, kind);
    else assert.match(String(found), wrong, kind);
  }
});

test('the core can be stopped after each of its stores', () => {
  const breakpoints = new Breakpoints(wasm);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  let stores = 0;
  for (const name of breakpoints.functions) {
    for (let store = 0; store < breakpoints.storeCount(name); store++) {
      // A wrong patch does not compile.
      new WebAssembly.Instance(new WebAssembly.Module(breakpoints.trapAfter(name, store)), { env: { memory } });
      stores += 1;
    }
  }
  assert.ok(stores > 50, String(stores));
  assert.ok(breakpoints.storeCount('writerCommit') >= 4);
  // The second store of a registration follows the first: what the first wrote is there, what the second would write is not.
  const call = (store: number) => {
    const bytes = new Uint8Array(memory.buffer);
    bytes.fill(0xee);
    const module = new WebAssembly.Module(breakpoints.trapAfter('writerSetWaiting', store));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const view = new DataView(memory.buffer);
    view.setUint32(0, 4096, true);
    view.setUint32(4, 4096, true);
    assert.throws(() => (exports['writerSetWaiting'] as (handle: number, waiting: number) => number)(0, 1));
    return bytes.some((byte, at) => at > 8 && byte !== 0xee);
  };
  assert.ok(call(0), 'the store happened before the stop');
});

test(`${MINUTES} minutes with seed ${SEED}: nothing torn, nothing lost, nobody hangs, nothing left`, () => {
  const program = fileURLToPath(new URL('./soak.mjs', import.meta.url));
  const args = [program, '--minutes', MINUTES, '--seed', SEED, '--take-overs', '1', '--steps', '6', '--json'];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.is(status, 0, `${stdout}${stderr}`);
  const report = JSON.parse(stdout) as Report;
  assert.equal(report.faults, []);
  assert.ok(report.lossless, 'lossless consumers took part');
  for (const key of ['kills', 'killsAtSteps', 'takeOvers', 'objects', 'published', 'checked'] as const) {
    assert.ok(report[key] > 0, `${key}: ${report[key]}`);
  }
  assert.ok(report.differentSteps > 5, `killed at ${report.differentSteps} different steps`);
  console.log(
    `${report.kills} kills, ${report.killsAtSteps} at ${report.differentSteps} steps; ${report.checked} frames checked`,
  );
});

test.run();
