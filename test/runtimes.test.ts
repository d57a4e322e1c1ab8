// The conformance suite in every runtime, and every runtime producing for all of them at once.

import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName, until } from './support/child';
import { installedRuntimes, type Runtime } from './support/runtimes';

const test = suite('runtimes');
const runtimes = installedRuntimes();
const programOf = (name: string) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
const SUITES = readdirSync('test/conformance')
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => basename(file, '.ts'));

/** A program that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 180_000;

/** A program in a runtime, and what it prints. */
class Running {
  readonly name: string;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  readonly #lines: string[] = [];
  #arrived = () => {};
  #over = false;
  output = '';

  constructor(runtime: Runtime, program: string, args: readonly string[]) {
    this.name = runtime.name;
    this.#process = spawn(runtime.program, [...runtime.args, programOf(program), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    const watchdog = setTimeout(() => {
      this.output += `\nwatchdog: still running after ${WATCHDOG_MS} ms, killed\n`;
      this.kill('SIGKILL');
    }, WATCHDOG_MS);
    createInterface(this.#process.stdout).on('line', (line) => {
      this.output += `${line}\n`;
      this.#lines.push(line);
      this.#arrived();
    });
    this.#process.stderr.setEncoding('utf8').on('data', (chunk) => {
      this.output += chunk;
    });
    this.#ended = new Promise((resolve) => {
      this.#process.on('close', (code, signal) => {
        clearTimeout(watchdog);
        this.#over = true;
        this.#arrived();
        resolve(code ?? signal);
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** How it ended: its exit code or the signal. */
  ended(): Promise<number | NodeJS.Signals | null> {
    return this.#ended;
  }

  /** The next line that it prints, as JSON. */
  async next(): Promise<unknown> {
    while (this.#lines.length === 0) {
      if (this.#over) throw new Error(`${this.name} ended before it answered:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return JSON.parse(this.#lines.shift() as string);
  }
}

test('all of them are there where nothing may be missing', () => {
  if (process.env['CI'] !== undefined) assert.is(runtimes.length, 6, 'run "npm run peers"');
});

/** Runs the suites of a runtime one after the other. */
async function runSuites(runtime: Runtime, results: Map<string, Running>): Promise<void> {
  for (const name of SUITES) {
    const running = new Running(runtime, name, []);
    results.set(name, running);
    await running.ended();
  }
}

// Two runtimes side by side: each suite has pools of its own. The version that these tests run in has run them in files of their own.
const others = runtimes.filter(({ name }) => name !== `node ${process.versions.node}`);
const done = new Map(others.map((runtime) => [runtime, new Map<string, Running>()]));
async function runAll(lane: number): Promise<void> {
  for (const runtime of others.filter((_, i) => i % 2 === lane)) {
    await runSuites(runtime, done.get(runtime) as Map<string, Running>);
  }
}
let lanes: Promise<unknown> | null = null;

for (const runtime of others) {
  for (const name of SUITES) {
    test(`${runtime.name}: ${name}`, async () => {
      lanes ??= Promise.all([runAll(0), runAll(1)]);
      await lanes;
      const running = done.get(runtime)?.get(name) as Running;
      assert.is(await running.ended(), 0, running.output);
      const count = (label: string) => Number(running.output.match(new RegExp(`^\\s+${label}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);
      // Total is what was run: without what was skipped.
      assert.ok(count('Total') > 0, running.output);
      assert.is(count('Passed'), count('Total'), running.output);
      // What a runtime lacks is said.
      for (const line of running.output.split('\n')) if (/^(skip|note): /.test(line)) console.log(`${line} (${runtime.name})`);
    });
  }
}

for (const producing of runtimes) {
  test(`${producing.name} produces for each`, async () => {
    const pool = poolName('matrix');
    // Half of the consumers are there before their producer.
    const early = runtimes.filter((_, i) => i % 2 === 0).map((runtime) => new Running(runtime, 'matrix-peer', ['consume', pool]));
    const producer = new Running(producing, 'matrix-peer', ['produce', pool, String(runtimes.length)]);
    assert.equal(await producer.next(), { ready: true });
    const late = runtimes.filter((_, i) => i % 2 === 1).map((runtime) => new Running(runtime, 'matrix-peer', ['consume', pool]));
    const consumers = [...early, ...late];
    try {
      assert.equal(await producer.next(), { published: 120 });
      for (const consumer of consumers) {
        const report = (await consumer.next()) as { received: number; windows: number; noticed: number };
        assert.is(report.received, 120, consumer.name);
        assert.ok(report.windows > 0 && report.noticed > 0, consumer.name);
      }
      producer.kill('SIGTERM');
      assert.is(await producer.ended(), 'SIGTERM', producer.output);
      for (const consumer of consumers) {
        assert.equal(await consumer.next(), { disconnected: 'closed' }, consumer.name);
        assert.is(await consumer.ended(), 0, `${consumer.name}\n${consumer.output}`);
      }
      assert.equal(leftovers(pool), []);
    } finally {
      for (const running of [producer, ...consumers]) running.kill('SIGKILL');
    }
  });
}

// Deno and Bun leave signals ignored that their parent ignored (nohup); Node ends by them. A consumer changes neither.
for (const runtime of runtimes) {
  test(`${runtime.name}: a signal that is ignored stays ignored with a consumer`, async () => {
    const pool = poolName('ignores');
    using _producer = TensorProducer.fromSample(pool, new Float32Array(2));
    const outcome = async (...args: string[]) => {
      const under = { ...runtime, program: 'sh', args: ['-c', 'trap "" HUP; exec "$@"', 'sh', runtime.program, ...runtime.args] };
      const running = new Running(under, 'ignores-peer', args);
      assert.equal(await running.next(), { ready: true });
      running.kill('SIGHUP');
      return await running.ended();
    };
    assert.is(await outcome(pool), await outcome());
    assert.equal(leftovers(pool).length, 1);
  });
}

// A name of the greatest length makes a path that no socket's address holds.
for (const runtime of runtimes.filter(({ name }) => name.startsWith('bun'))) {
  test(`${runtime.name}: its doorbell is a socket of any name, and survives what closes a socket`, async () => {
    const pool = `${poolName('doorbell')}-`.padEnd(200, 'x');
    using producer = TensorProducer.fromSample(pool, new Float32Array(2));
    const running = new Running(runtime, 'doorbell-peer', [pool]);
    try {
      const { doorbell } = (await running.next()) as { doorbell: string };
      const path = `/dev/shm/${doorbell}`;
      assert.ok(statSync(path).isSocket());
      const before = statSync(path).ino;
      // Bun takes an empty datagram for the end of a stream and closes the socket.
      const send = `import os, socket
place = os.open('${path}', os.O_PATH)
doorbell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
doorbell.connect('/proc/self/fd/%d' % place)
doorbell.send(b'')`;
      assert.is(spawnSync('python3', ['-c', send]).status, 0);
      await until(() => existsSync(path) && statSync(path).ino !== before, 'it has made a new one');
      producer.put(Float32Array.of(7, 8));
      assert.equal(await running.next(), { value: 7 });
      assert.is(await running.ended(), 0, running.output);
    } finally {
      running.kill('SIGKILL');
    }
    producer.close();
    assert.equal(leftovers(pool), []);
  });
}

test.run();
