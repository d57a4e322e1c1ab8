// A process with native and interop pools at once: a producer and a consumer of each, views and loans out, a next() that waits. It says
// "ready", and when it is given a line it ends in the way it was told.

import process from 'node:process';
import { setInterval, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';

interface Task {
  /** Names of its own pools, native and interop, and of the interop pool of the parent. */
  readonly native: string;
  readonly wire: string;
  readonly parents: string;
  readonly domainId: number;
  readonly way: string;
}

const WAIT_MS = 5000;
const HISTORY = 3;

type Reader = TensorConsumer<Float32Array>;
const given: unknown = isMainThread ? JSON.parse(process.argv[2] ?? 'null') : workerData;
const task = given as Task;
const here = { wire: 'tensor-ipc', domainId: task.domainId } as const;
const sample = new Float32Array(7);
// What is out stays out: nothing here is forgotten before the end.
const out: unknown[] = [];

const soon = (callback: () => void) => void setTimeout(callback, 5);

async function open(): Promise<{ producers: TensorProducer[]; consumers: Reader[] }> {
  const native = TensorProducer.fromSample(task.native, sample, { historyLen: HISTORY });
  const wire = TensorProducer.fromSample(task.wire, sample, { ...here, historyLen: HISTORY });
  const consumers = [
    TensorConsumer.fromSample(task.native, sample),
    TensorConsumer.fromSample(task.wire, sample, here),
    TensorConsumer.fromSample(task.parents, sample, here),
  ];
  const producers = [native, wire];
  const deadline = performance.now() + WAIT_MS;
  for (const [index, consumer] of consumers.entries()) {
    while (consumer.get() === null && performance.now() < deadline) {
      producers[index]?.put(sample);
      await new Promise<void>((resolve) => void setTimeout(resolve, 2));
    }
    // The locks of a slot are made by the first who comes to it.
    for (let slot = 0; slot < HISTORY; slot++) producers[index]?.put(sample);
    out.push(consumer.borrow());
  }
  for (const producer of producers) out.push(producer.loan());
  return { producers, consumers };
}

function ways(producers: readonly TensorProducer[], consumers: readonly Reader[]): Readonly<Record<string, () => void>> {
  return {
    return: () => {
      for (const consumer of consumers) consumer.unref();
    },
    'exit-callback': () => {
      consumers[2]?.on('frame', () => process.exit(3));
    },
    'exit-top': () => process.exit(4),
    throw: () => {
      throw new Error('uncaught, as it should be');
    },
    reject: () => void Promise.reject(new Error('unhandled, as it should be')),
    'put-loop': () => {
      out.length = 2;
      const free = TensorProducer.fromSample(`${task.wire}_2`, sample, { ...here, historyLen: HISTORY });
      for (let count = 0; ; count++) {
        free.put(sample);
        if (count === 500 + (process.pid % 500)) process.exit(5);
      }
    },
    disconnect: () => {
      process.on('disconnect', () => process.exit(6));
      process.stdout.write('set\n');
    },
    'worker-end': () => {
      for (const consumer of consumers) consumer.unref();
    },
    // The others come from outside.
    stay: () => void (producers.length > 0 && setInterval(() => {}, 1000)),
  };
}

/** A line of the parent. */
function line(): Promise<void> {
  return new Promise((resolve) => {
    process.stdin.once('data', () => {
      process.stdin.pause();
      resolve();
    });
    process.stdin.resume();
  });
}

/** Tells the parent something, and waits for its line. */
async function say(what: string): Promise<void> {
  const told = line();
  process.stdout.write(`${what}\n`);
  await told;
}

async function go(): Promise<void> {
  if (isMainThread) {
    await say('ready');
    // What it still has open must not keep the process.
    process.stdin.destroy();
    return;
  }
  const told = new Promise((resolve) => parentPort?.once('message', resolve));
  parentPort?.postMessage('ready');
  await told;
  parentPort?.unref();
}

async function run(): Promise<void> {
  const { producers, consumers } = await open();
  for (const consumer of consumers) void consumer.next().catch(() => undefined);
  await go();
  const way = ways(producers, consumers);
  // By a timer: an error is one that nobody's promise catches.
  soon(() => (way[task.way] ?? way['stay'])?.());
}

/** The thread ends, or is ended; the process stays until it is given one line more. */
function runInWorker(): void {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
  worker.once('message', async () => {
    await say('ready');
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    if (task.way === 'worker-terminate') await worker.terminate();
    else {
      worker.postMessage('go');
      await gone;
    }
    await say('gone');
    process.stdin.destroy();
  });
}

if (isMainThread && task.way.startsWith('worker')) runInWorker();
else void run();
