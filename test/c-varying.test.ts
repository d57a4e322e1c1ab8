// Frames of varying length between this library and a peer in C that was written from docs/pool-format.md alone.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, leftovers, poolName, until } from './support/child';
import { fillVarying, varyingFrame, varyingMetadata, wrongIn } from './support/varying-frames';

const test = suite('varying frames in C');
const c = spawnSync('gcc', ['--version']).error === undefined;
if (!c) console.log('skip: no gcc to compile the peer with; install it with "apt-get install gcc libc6-dev"');
const it = c ? test : test.skip;

const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-c-'));
const binary = join(folder, 'varying-peer');
test.before(() => {
  if (!c) return;
  const strict = ['-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-O2', '-I', 'native-shim/include'];
  execFileSync('gcc', [...strict, '-o', binary, 'test/programs/c/varying-peer.c', '-lrt']);
});
test.after(() => rmSync(folder, { recursive: true }));

/** A process of the C peer: a hang ends with its death. */
class Peer {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<unknown[]>;
  stderr = '';

  constructor(...args: (string | number)[]) {
    this.process = spawn(binary, args.map(String), { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' });
    this.ended = once(this.process, 'close');
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => this.lines.push(line));
    this.process.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Waits for a line. */
  async says(what: RegExp): Promise<RegExpExecArray> {
    const found = () => this.lines.map((line) => what.exec(line)).find((match) => match !== null) ?? null;
    await until(() => found() !== null || !this.running, `the C peer says ${what}`);
    // What it said before it ended has still to be read.
    if (found() === null) await this.ended;
    const match = found();
    assert.ok(match, `the C peer ended without ${what}: ${this.lines.join('; ')} ${this.stderr}`);
    return match as RegExpExecArray;
  }

  /** Waits for its end: it has found nothing wrong. */
  async isContent(): Promise<{ checked: number; missed: number; epochs: [number, number] }> {
    const [code, signal] = await this.ended;
    assert.is(code, 0, `${signal}: ${this.lines.join('; ')} ${this.stderr}`);
    const [, checked, missed, first, last] = await this.says(/^checked (\d+) missed (\d+) epochs (\d+) (\d+)$/);
    return { checked: Number(checked), missed: Number(missed), epochs: [Number(first), Number(last)] };
  }

  /** Lets a producer go on that closes its pool. */
  go(): void {
    this.process.stdin?.write('\n');
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** Puts a frame, by one way or another. */
function publish(producer: TensorProducer): void {
  const s = producer.nextSequence;
  if (s % 3 === 0) {
    using slot = producer.loan();
    slot.commit({ length: fillVarying(slot.fields, s) });
  } else producer.put(varyingFrame(s));
}

for (const role of ['copy', 'window', 'view', 'lossless']) {
  it(`from here to C: ${role}`, async () => {
    const name = poolName('c-to');
    using producer = new TensorProducer(varyingMetadata(name), { waitTimeoutMs: 60_000 });
    for (let i = 0; i < 4; i++) publish(producer);
    const last = 2000;
    const reader = new Peer(role, name, last);
    if (role === 'lossless') assert.equal(await reader.says(/^joined 0$/), ['joined 0']);
    // Bursts and pauses: a reader that sleeps is woken, and one that does not is overtaken.
    while (reader.running && producer.nextSequence <= 4_000_000) {
      for (let i = 0; i < 50; i++) {
        if (role === 'lossless') await producer.putAsync(varyingFrame(producer.nextSequence));
        else publish(producer);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { checked, epochs } = await reader.isContent();
    assert.equal(epochs, [1, 1]);
    assert.ok(role === 'lossless' ? checked === last + 1 : checked > 0, `${checked} frames checked`);
  });

  it(`from C to C: ${role}`, async () => {
    const name = poolName('c-to-c');
    const reader = new Peer(role, name, 900);
    const producer = new Peer('produce', name, 1000, 'stay');
    const { checked } = await reader.isContent();
    assert.ok(checked > 0);
    producer.process.stdin?.end();
    await producer.ended;
    assert.is(producer.stderr, '');
    rmSync(`/dev/shm/tensoripc.${name}`, { force: true });
  });
}

it('from C to here: every way to read, and every frame of a lossless reader asleep on its doorbell', async () => {
  const name = poolName('c-from');
  using latest = TensorConsumer.attach(name);
  using lossless = TensorConsumer.attach(name, { delivery: 'all', from: 'oldest' });
  const faults: string[] = [];
  const note = (fault: string | null) => void (fault !== null && faults.push(fault));
  const taken: number[] = [];
  let ends = 0;
  lossless.on('disconnect', (reason) => {
    assert.is(reason, 'closed');
    ends += 1;
  });
  const all = (async () => {
    for await (const frame of lossless) {
      taken.push(frame.sequence);
      note(wrongIn(frame, frame.sequence, null));
      using copied = latest.get();
      if (copied !== null) note(wrongIn(copied, copied.sequence, null));
      using view = latest.borrow();
      if (view !== null) note(wrongIn(view, view.sequence, null));
      using window = latest.get({ historyLen: 4, latestFirst: false });
      if (window !== null) for (let i = 0; i < 4; i++) note(wrongIn(window, window.sequence - 3 + i, i));
      using borrowed = latest.borrow({ historyLen: 3 });
      if (borrowed !== null) for (let i = 0; i < 3; i++) note(wrongIn(borrowed, borrowed.sequence - i, i));
      assert.is(frame.epoch, 1);
    }
  })();
  // Asleep before there is a pool: it is rung by the newcomer, which rings all doorbells of the name.
  const producer = new Peer('produce', name, 1500, 'close');
  await until(() => lossless.connected, 'the reader has found the pool');
  producer.go();
  await producer.says(/^put$/);
  await until(() => ends === 1, 'the lossless reader has seen the end');
  lossless.cleanup();
  await all;
  assert.equal(faults.slice(0, 3), []);
  const all1500 = Array.from({ length: 1500 }, (_, i) => i);
  assert.equal(taken, all1500, 'none left out');
  await producer.ended;
  latest.cleanup();
  assert.equal(leftovers(name), []);
});

it('taken over by C, and back: numbers go on, and each frame says whose it is', async () => {
  const name = poolName('c-over');
  await using first = new Child('varying-maker', [name, '7']);
  assert.equal(await first.ask('state'), { value: { first: 0, next: 7 } });
  using consumer = TensorConsumer.attach(name);
  await first.kill();
  const second = new Peer('produce', name, 2, 'stay');
  assert.equal([...(await second.says(/^epoch (\d+) next (\d+)$/))].slice(1), ['2', '7']);
  await second.says(/^put$/);
  {
    using window = consumer.get({ historyLen: 4, latestFirst: false });
    assert.ok(window);
    for (let i = 0; i < 4; i++) assert.is(wrongIn(window, 5 + i, i), null);
    assert.is(window.epoch, 2);
  }
  await second.kill();
  const reader = new Peer('window', name, 9);
  await using third = new Child('varying-maker', [name, '1']);
  assert.equal(await third.ask('state'), { value: { first: 9, next: 10 } }, 'the same object, by its own metadata');
  const { epochs } = await reader.isContent();
  assert.equal(epochs, [1, 3]);
  assert.is(inspect(name)?.producer.epoch, 3);
  assert.equal(await third.ask('close'), { value: { first: 9, next: 10 } });
});

it('a C producer waits for a view from here', async () => {
  const name = poolName('c-waits');
  const first = new Peer('produce', name, 3, 'stay');
  await first.says(/^put$/);
  using consumer = TensorConsumer.attach(name);
  {
    using view = consumer.borrow();
    assert.is(view?.sequence, 2);
    // Its successor may write the rest of the ring, and then has to wait.
    await first.kill();
    const second = new Peer('produce', name, 20, 'stay');
    await until(() => (inspect(name)?.producer.waits ?? 0) > 0, 'the producer waits');
    assert.is(inspect(name)?.framesPublished, 2 + 6);
    assert.is(wrongIn(view as NonNullable<typeof view>, 2, null), null);
    view?.release();
    await second.says(/^put$/);
    assert.is(inspect(name)?.framesPublished, 23);
    await second.kill();
  }
  // A reader in C that was killed with its cursor far behind is cleared away by the next producer in C.
  const alive = new Peer('produce', name, 1, 'stay');
  await alive.says(/^put$/);
  const reader = new Peer('lossless', name, 1e9);
  await reader.says(/^joined/);
  await reader.kill();
  await alive.kill();
  const last = new Peer('produce', name, 30, 'close');
  last.go();
  await last.ended;
  assert.is(last.stderr, '');
  assert.equal(last.lines.at(-1), 'put');
});

test.run();
