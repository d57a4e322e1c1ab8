// A process with native and interop pools at once ends in every way in which a process can: with the right code or signal, no crash,
// nothing of its own left in /dev/shm, its reader's locks given back, and its peers told that it has left. What a terminated thread
// leaves behind, and who removes it, is told here too.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objectName } from '../../host/native/trust';
import { removeDeadPython } from '../../host/wire/inspect-remove';
import { leftovers, poolName, until } from '../support/child';
import { installedRuntimes, type Runtime } from '../support/runtimes';
import { WIRE_DOMAIN } from '../wire/support/peers';
import { objectStat, removeWireObjects, wireName, wireObjects } from '../wire/support/shm';
import { configureHere } from './support/ours';

const TIMES = Number(process.env['WIRE_EXITS'] ?? 10);
const AT_ONCE = 3;
const HISTORY = 40;
const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;
/** A program that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 60_000;

configureHere();
const PROGRAM = fileURLToPath(new URL('./wire-exits.mjs', import.meta.url));
const sample = new Float32Array(7);
const pools: string[] = [];

const WAYS = {
  return: 0,
  'exit-callback': 3,
  'exit-top': 4,
  throw: 1,
  reject: 1,
  'put-loop': 5,
  disconnect: 6,
  SIGINT: 'SIGINT',
  SIGTERM: 'SIGTERM',
  SIGHUP: 'SIGHUP',
  'worker-end': 0,
} as const;
type Way = keyof typeof WAYS;

function wirePool(label: string): string {
  const name = wireName(label);
  pools.push(name);
  return name;
}

/** The program, with what it says. */
class Program {
  readonly native = poolName('exits');
  readonly wire = wirePool('exits');
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  ended: number | string | null = null;
  readonly #label: string;

  constructor(way: Way | 'worker-terminate', parents: string, { program, args, name }: Runtime) {
    this.#label = `${name}, ${way}`;
    const task = { native: this.native, wire: this.wire, parents, domainId: WIRE_DOMAIN, way };
    this.process = spawn(program, [...args, PROGRAM, JSON.stringify(task)], {
      stdio: way === 'disconnect' ? ['pipe', 'pipe', 'pipe', 'ipc'] : ['pipe', 'pipe', 'pipe'],
    });
    const watchdog = setTimeout(() => this.process.kill('SIGKILL'), WATCHDOG_MS);
    this.process.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout += chunk;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
    });
    this.process.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      this.ended = code ?? signal;
    });
  }

  get what(): string {
    return `${this.#label} (pool ${this.wire}): ${this.stderr}`;
  }

  async says(word: string): Promise<void> {
    await until(() => this.stdout.includes(word) || this.ended !== null, `${this.what} says ${word}`);
    assert.is(this.ended, null, this.what);
  }

  go(): void {
    this.process.stdin?.write('go\n');
  }

  async ends(code: number | string): Promise<void> {
    await until(() => this.ended !== null, `${this.what} ends`);
    assert.is(this.ended, code, this.what);
  }
}

/** Opens its own pools against the program's, waits until all have met, and has the program end. */
async function meet(program: Program, producer: TensorProducer, consumer: TensorConsumer<Float32Array>): Promise<void> {
  // Its consumer of ours has to see a frame.
  const feeding = setInterval(() => void producer.put(sample), 50);
  try {
    await program.says('ready');
  } finally {
    clearInterval(feeding);
  }
  await until(() => consumer.get() !== null || consumer.connected, `${program.what}: its pool is found`);
}

async function leaves(way: Way, runtime: Runtime): Promise<void> {
  const parents = wirePool('parents');
  using producer = TensorProducer.fromSample(parents, sample, { ...HERE, historyLen: HISTORY, onPinned: 'drop' });
  const program = new Program(way, parents, runtime);
  using consumer = TensorConsumer.fromSample(program.wire, sample, HERE);
  const left: string[] = [];
  consumer.on('disconnect', (reason) => void left.push(reason));
  await meet(program, producer, consumer);
  if (way.startsWith('SIG')) program.process.kill(way as NodeJS.Signals);
  else if (way === 'disconnect') {
    program.go();
    await program.says('set');
    program.process.disconnect();
  } else {
    program.go();
    if (way === 'exit-callback') {
      // Once its listener is there, a frame ends it.
      await until(() => producer.put(sample) >= 0 && program.ended !== null, `${program.what} ends in its callback`);
    }
  }
  if (way === 'worker-end') {
    await program.says('gone');
    assert.equal([...leftovers(program.native), ...wireObjects(program.wire)], [], `${program.what}: while the process lives`);
    program.go();
  }
  await program.ends(WAYS[way]);
  await until(() => left.length > 0, `${program.what}: it is seen to leave`);
  assert.equal(left, ['closed'], program.what);
  const what = program.what;
  assert.equal([...leftovers(program.native), ...wireObjects(program.wire), ...wireObjects(`${program.wire}_2`)], [], what);
  // Every slot can be written: the reader that left with a view gave its locks back.
  for (let frame = 0; frame <= HISTORY; frame++) assert.ok(producer.put(sample) >= 0, what);
}

/** Nothing of a terminated thread runs any more: the kernel takes back what is tied to its descriptors, and nothing else. */
async function terminated(runtime: Runtime, takenOver: boolean): Promise<void> {
  const parents = wirePool('parents');
  const patience = { onPinned: 'drop', waitTimeoutMs: 100 } as const;
  using producer = TensorProducer.fromSample(parents, sample, { ...HERE, ...patience, historyLen: HISTORY, repair: true });
  const program = new Program('worker-terminate', parents, runtime);
  using consumer = TensorConsumer.fromSample(program.wire, sample, HERE);
  const left: string[] = [];
  consumer.on('disconnect', (reason) => void left.push(reason));
  await meet(program, producer, consumer);
  const identity = objectStat(objectName(program.native)).ino;
  const files = wireObjects(program.wire);
  assert.is(files.length, 1 + 4 * 3, 'the object, and four files for each slot');
  program.go();
  await program.says('gone');
  const what = program.what;

  // The native pool's locks went with its descriptors: the next producer takes the object over, while the process still lives.
  assert.is(objectStat(objectName(program.native)).ino, identity, what);
  {
    using next = TensorProducer.fromSample(program.native, sample, { historyLen: 3 });
    assert.is(objectStat(objectName(program.native)).ino, identity, what);
    assert.ok(next.put(sample) >= 0, what);
  }
  assert.equal(leftovers(program.native), [], what);

  // The wire's object and locks stay, and its DDS writers as long as the process: its consumers learn nothing until then.
  assert.equal(wireObjects(program.wire), files, what);
  assert.ok(consumer.connected, what);
  const removed = () => removeDeadPython({ dryRun: false, pools: [program.wire], minAgeMs: 0 }).map(({ action }) => action);
  assert.equal([...new Set(removed())], ['kept'], what);

  if (takenOver) {
    // Node unmaps what the thread had mapped, so the next producer of the name is not kept out, and makes its own object and locks.
    using next = TensorProducer.fromSample(program.wire, sample, { ...HERE, historyLen: 3 });
    await until(() => next.put(sample) >= 0 && consumer.get() !== null && left.length > 0, `${what}: it reads the next`);
    assert.equal(left, ['closed'], what);
    program.go();
    await program.ends(0);
    assert.ok(next.put(sample) >= 0 && consumer.get() !== null, what);
    next.close();
    assert.equal(wireObjects(program.wire), [], what);
    return;
  }

  // The slot that its view held stays locked, and no frame goes past it.
  const refused = () => Array.from({ length: HISTORY + 1 }, () => producer.put(sample)).includes(-1);
  assert.ok(refused(), what);

  program.go();
  await program.ends(0);
  await until(() => left.length > 0, `${what}: it is seen to leave`);
  assert.equal(left, ['died'], what);
  assert.is(consumer.get(), null, what);
  assert.equal(wireObjects(program.wire), files, what);
  // Now nobody has them mapped.
  assert.equal([...new Set(removed())], ['removed'], what);
  assert.equal(wireObjects(program.wire), [], what);
  await until(() => !refused(), `${what}: the slot is repaired once nobody else is there`);
  assert.equal([...leftovers(program.native), ...wireObjects(program.wire)], [], what);
}

async function many(jobs: (() => Promise<void>)[]): Promise<void> {
  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const times = (job: (index: number) => Promise<void>) => many(Array.from({ length: TIMES }, (_, index) => () => job(index)));
const node: Runtime = { name: 'node', program: process.execPath, args: ['--no-warnings'] };

test.after(() => {
  // Of a way that failed.
  for (const name of pools) removeWireObjects(name);
});

/** Which ways to try: all, unless told. */
const wanted = (process.env['WIRE_WAYS'] ?? Object.keys(WAYS).concat('worker-terminate').join()).split(',');

for (const way of (Object.keys(WAYS) as Way[]).filter((way) => wanted.includes(way)))
  test(`${TIMES} times: ${way}`, () => times(() => leaves(way, node)));

if (wanted.includes('worker-terminate'))
  test(`${TIMES} times: worker-terminate`, () => times((index) => terminated(node, index % 3 === 2)));

for (const runtime of installedRuntimes().filter(({ name }) => !name.startsWith('node'))) {
  const ways = ['return', 'exit-callback', 'exit-top', 'throw', 'SIGINT', 'SIGTERM'] as const;
  test(`${runtime.name}: in each way once`, () => many(ways.map((way) => () => leaves(way, runtime))));
}

test.run();
