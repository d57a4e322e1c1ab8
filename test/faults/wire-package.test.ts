// The Python package itself, which "npm run peers wire" installs; TIPC_PACKAGE_PYTHON names another Python that has it. It speaks in domain 0.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode, sleep } from '../support/child';
import { untilAnswer, WIRE_CONFIGURATION } from '../wire/support/peers';
import { removeWireObjects, wireName } from '../wire/support/shm';
import { configureHere } from '../wire-interop/support/ours';

configureHere();
const INSTALLED = 'test/wire/venv/bin/python';
const python = process.env['TIPC_PACKAGE_PYTHON'] ?? (existsSync(INSTALLED) ? INSTALLED : undefined);
const HERE = { wire: 'tensor-ipc', domainId: 0 } as const;
const HISTORY = 4;
const made: string[] = [];

const frame = (value: number) => ({ data: new Int32Array(6).fill(value), shape: [2, 3] });

function newPool(label: string): string {
  const name = wireName(label);
  made.push(name);
  return name;
}

class Package {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(role: 'produce' | 'consume', name: string) {
    const args = ['test/faults/programs/package-peer.py', role, name, '2x3', String(HISTORY)];
    const env = { ...process.env, CYCLONEDDS_URI: WIRE_CONFIGURATION };
    this.#process = spawn(python as string, args, { env });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async ready(): Promise<this> {
    assert.is((await this.#lines.next()).value, 'ready');
    return this;
  }

  async ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    assert.not(done, `it ended at ${line}`);
    return value as string;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}

if (python === undefined) {
  console.log('\nskip: the Python package is not installed: npm run peers wire');
  test.skip('the package itself');
} else {
  test('it comes to an idle producer of ours: it reads the newest frame, and the next', async () => {
    const name = newPool('package_idle');
    using producer = TensorProducer.fromSample(name, frame(0), { ...HERE, historyLen: HISTORY });
    for (let value = 1; value <= 2; value++) producer.put(frame(value));
    await using reader = await new Package('consume', name).ready();
    for (const newest of [2, 3]) {
      if (newest > 2) producer.put(frame(newest));
      await untilAnswer(
        () => reader.ask('get'),
        (answer) => answer === `${newest} ${newest}`,
        `frame ${newest} is read, and heard`,
      );
    }
  });

  test('it comes while ours puts: it hears the newest frame', async () => {
    const name = newPool('package_late');
    using producer = TensorProducer.fromSample(name, frame(0), { ...HERE, historyLen: HISTORY });
    let newest = 0;
    const put = () => {
      newest += 1;
      producer.put(frame(newest));
    };
    const timer = setInterval(put, 10);
    await using reader = await new Package('consume', name).ready();
    await sleep(700);
    clearInterval(timer);
    await untilAnswer(
      () => reader.ask('get'),
      (answer) => answer === `${newest} ${newest}`,
      `it is not behind frame ${newest}`,
    );
  });

  test('ours comes late to it: nothing before its word, then its frames without padding; another shape is an error', async () => {
    const name = newPool('package_form');
    await using producer = await new Package('produce', name).ready();
    for (let value = 1; value <= HISTORY + 1; value++) await producer.ask(`put ${value}`);
    await sleep(100);
    using consumer = TensorConsumer.fromSample(name, frame(0), HERE);
    using other = TensorConsumer.fromSample(name, { ...frame(0), shape: [3, 2] }, HERE);
    const events: string[] = [];
    other.on('error', (error) => void events.push(error instanceof TensorIpcError ? error.code : String(error)));
    for (const event of ['connect', 'disconnect', 'frame'] as const) other.on(event, () => void events.push(event));
    await sleep(600);
    assert.is(consumer.get(), null);
    await producer.ask(`put ${HISTORY + 2}`);
    const window = await untilAnswer(
      async () => consumer.get({ historyLen: HISTORY }),
      (found) => found !== null,
      'it has joined',
    );
    assert.equal([window?.padded, window?.data[0], window?.data.at(-1)], [0, HISTORY + 2, 3]);
    await untilAnswer(
      async () => events.length,
      (count) => count > 0,
      'the error is heard',
    );
    assert.equal(events, ['SHAPE_MISMATCH']);
  });

  test('it is started beside ours: put refuses', async () => {
    const name = newPool('package_rival');
    using producer = TensorProducer.fromSample(name, frame(0), { ...HERE, historyLen: HISTORY });
    producer.put(frame(1));
    await using _second = await new Package('produce', name).ready();
    await sleep(300);
    assert.throws(() => producer.put(frame(2)), hasCode('PRODUCER_EXISTS'));
  });
}

test.after(() => {
  for (const name of made) removeWireObjects(name);
});

test.run();
