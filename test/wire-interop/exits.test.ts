// A process with native and interop pools at once ends in every way in which a process can: with the right code or signal, no crash,
// nothing of its own left in /dev/shm, its reader's locks given back, and its peers see it leave.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName, until } from '../support/child';
import { installedRuntimes, type Runtime } from '../support/runtimes';
import { WIRE_DOMAIN } from '../wire/support/peers';
import { wireName, wireObjects } from '../wire/support/shm';
import { configureHere } from './support/ours';

const TIMES = Number(process.env['WIRE_EXITS'] ?? 4);
const AT_ONCE = 3;
const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;
/** A program that hangs is killed after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 60_000;

configureHere();
const PROGRAM = fileURLToPath(new URL('./wire-exits.mjs', import.meta.url));
const sample = new Float32Array(7);

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
  'worker-terminate': 0,
} as const;
type Way = keyof typeof WAYS;

async function leaves(way: Way, { program, args, name }: Runtime): Promise<void> {
  const task = { native: poolName('exits'), wire: wireName('exits'), parents: wireName('parents'), domainId: WIRE_DOMAIN, way };
  using producer = TensorProducer.fromSample(task.parents, sample, { ...HERE, historyLen: 40, onPinned: 'drop' });
  using consumer = TensorConsumer.fromSample(task.wire, sample, HERE);
  let left: string | null = null;
  consumer.on('disconnect', (reason) => {
    left = reason;
  });
  const child = spawn(program, [...args, PROGRAM, JSON.stringify(task)], {
    stdio: way === 'disconnect' ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MS);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  let ended: number | string | null = null;
  child.on('exit', (code, signal) => {
    ended = code ?? signal;
  });
  // Its consumer of ours has to see a frame.
  const feeding = setInterval(() => void (stdout === '' && producer.put(sample)), 50);
  await until(() => stdout.includes('ready') || ended !== null, `${name} is ready to end by ${way}`);
  clearInterval(feeding);
  await until(() => consumer.connected || consumer.get() !== null || ended !== null, 'its pool is found');
  const what = `${name}, ${way}: ${stderr}`;
  if (way.startsWith('SIG')) child.kill(way as NodeJS.Signals);
  else if (way === 'disconnect') child.disconnect();
  else if (way === 'exit-callback') await producer.putAsync(sample);
  await until(() => ended !== null, what);
  clearTimeout(watchdog);
  assert.is(ended, WAYS[way], what);
  await until(() => left !== null || !consumer.connected, `${what}: it is seen to leave`);
  if (way === 'worker-terminate') {
    // Nothing of a terminated thread runs any more, so its views stay locked. The process is gone by now: the next producers of the
    // names take over.
    TensorProducer.fromSample(task.native, sample).close();
    TensorProducer.fromSample(task.wire, sample, { ...HERE, historyLen: 3 }).close();
  }
  assert.equal([...leftovers(task.native), ...wireObjects(task.wire), ...wireObjects(`${task.wire}_2`)], [], what);
  // Every slot can be written: the reader that left with a view gave its locks back.
  if (way === 'worker-terminate') return;
  for (let frame = 0; frame < 41; frame++) assert.ok(producer.put(sample) >= 0, what);
}

async function many(ways: readonly Way[], runtime: Runtime, times: number): Promise<void> {
  const rest = Array.from({ length: times }, () => ways).flat();
  const worker = async () => {
    for (let way = rest.shift(); way !== undefined; way = rest.shift()) await leaves(way, runtime);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const node: Runtime = { name: 'node', program: process.execPath, args: ['--no-warnings'] };

for (const way of Object.keys(WAYS) as Way[]) test(`${TIMES} times: ${way}`, () => many([way], node, TIMES));

for (const runtime of installedRuntimes().filter(({ name }) => !name.startsWith('node'))) {
  test(`${runtime.name}: in each way once`, () =>
    many(['return', 'exit-callback', 'exit-top', 'throw', 'SIGINT', 'SIGTERM'], runtime, 1));
}

test.run();
