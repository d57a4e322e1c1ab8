// hz and bw: real pools, real signals; the figures themselves against sums done by hand.

import { inspect, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Figures, Meter } from '../host/cli/look/meter';
import { poolName, until } from './support/child';
import { Cli, cli } from './support/cli-process';

const test = suite('command line: hz and bw');

const WIDTH = 80;
const text = (output: Buffer) => output.toString('utf8');
const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));

test('figures: intervals, their spread, and frames that were missed', () => {
  const meter = new Meter(3);
  assert.is(meter.recent(), null);
  meter.take(1000, 0, 100);
  assert.is(meter.whole(), null, 'one frame has no interval');
  meter.take(1010, 0, 100);
  meter.take(1030, 0, 400);
  meter.take(1090, 2, 100);
  const whole = meter.whole() as Figures;
  // 10, 20, and three of 20 ms; five frames in 90 ms, of 100, 400 and three times 100 bytes.
  assert.is(whole.frames, 5);
  assert.is(meter.missed, 2);
  assert.ok(near(whole.rateHz, 5 / 0.09) && near(whole.bytesPerSecond, 800 / 0.09));
  assert.equal([whole.intervalMs.min, whole.intervalMs.max, whole.bytes.min, whole.bytes.max], [10, 20, 100, 400]);
  assert.ok(near(whole.intervalMs.mean, 18) && near(whole.intervalMs.deviation, 4));
  assert.ok(near(whole.bytes.mean, 160) && near(whole.bytes.deviation, 120));
  meter.take(1095, 0, 100);
  const recent = meter.recent() as Figures;
  assert.equal(
    [recent.frames, recent.intervalMs.min, recent.intervalMs.max],
    [5, 5, 20],
    'the first interval is out of the window',
  );
  meter.pause();
  meter.take(99_000, 0, 100);
  assert.is(meter.whole()?.frames, 6, 'the time without a producer is no interval');
  meter.take(99_010, 0, 100);
  assert.is(meter.whole()?.frames, 7);
});

test('hz: a line an interval, a summary at Ctrl-C, and the table of consumers is clean', async () => {
  const [a, b] = [poolName('hz-a'), poolName('hz-b')];
  using one = TensorProducer.fromSample(a, new Uint8Array(1000));
  using two = TensorProducer.fromSample(b, new Uint8Array(10));
  const ticking = setInterval(() => void one.put(new Uint8Array(1000)), 10);
  try {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const running = new Cli(['hz', a, b, '--interval', '100']);
      await until(() => running.output.split('\n').filter((line) => line.includes('window')).length >= 3, 'lines are printed');
      running.process.kill(signal);
      const { code, stdout, stderr } = await running.ended;
      assert.equal([code, stderr], [0, '']);
      const lines = text(stdout).trimEnd().split('\n');
      for (const line of lines) assert.ok(line.length <= WIDTH, `${line.length} columns: ${line}`);
      const [last, other] = lines.slice(-2) as [string, string];
      const number = '([\\d.]+)';
      const summary = new RegExp(
        `^${a} +${number}/s +min ${number} +max ${number} +std ${number} ms +frames (\\d+)( +missed \\d+)?$`,
      );
      const [, rate = 0, min = 0, max = 0, , frames = 0] = (summary.exec(last) as RegExpExecArray).map(Number);
      // Three digits are printed.
      assert.ok(1000 / rate >= min * 0.99 && 1000 / rate <= max * 1.01, last);
      assert.ok(frames >= 3 && frames <= one.nextSequence, last);
      assert.match(other, new RegExp(`^${b} +no rate: fewer than two frames came$`));
      assert.ok(lines.some((line) => new RegExp(`^${b} +no new frames$`).test(line)));
      assert.equal(inspect(a)?.consumers, []);
    }
    assert.is(two.nextSequence, 0);
  } finally {
    clearInterval(ticking);
  }
});

test('bw: bytes of frames, of varying length too; a pool that comes later', async () => {
  const name = poolName('bw');
  const running = new Cli(['bw', name, '--interval', '50', '--window', '1000000']);
  await until(() => running.output.includes('waits for a producer'), 'it waits');
  const form = { shape: [1, 3], maxLength: 100 };
  {
    using producer = TensorProducer.fromSample(name, { data: new Float32Array(3), ...form });
    let put = 0;
    const ticking = setInterval(() => {
      const rows = put++ % 2 === 0 ? 10 : 20;
      producer.put({ data: new Float32Array(3 * rows), shape: [rows, 3] });
    }, 5);
    await until(() => running.output.split('\n').filter((line) => line.includes('window')).length >= 3, 'lines are printed');
    clearInterval(ticking);
  }
  running.process.kill('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  assert.equal([code, stderr], [0, '']);
  const last = text(stdout).trimEnd().split('\n').at(-1) ?? '';
  assert.match(last, new RegExp(`^${name} +[\\d.]+ k?B/s +mean 1\\d\\d B +min 120 B +max 240 B +std [456]\\d B +frames \\d+`));
});

test('--count ends it; a record counts the bytes of its tensors', async () => {
  using producer = TensorProducer.fromSample(poolName('bw-record'), { a: new Uint8Array(100), b: new Float64Array(5) });
  const ticking = setInterval(() => void producer.put({ a: new Uint8Array(100), b: new Float64Array(5) }), 5);
  try {
    const { code, stdout, stderr } = await cli('bw', producer.name, '--interval', '150', '--count', '2');
    assert.equal([code, stderr], [0, '']);
    const lines = text(stdout).trimEnd().split('\n');
    assert.is(lines.length, 3);
    assert.match(lines[2] ?? '', /mean 140 B +min 140 B +max 140 B +std 0 B/);
  } finally {
    clearInterval(ticking);
  }
  assert.match((await cli('hz')).stderr, /no pool given: tensor-ipc hz NAME/);
});

test.run();
