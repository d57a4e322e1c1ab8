// A program that becomes another user while it runs. Arguments: the pool, how it changes ('setuid', 'seteuid', 'worker'). Prints a line of
// JSON: what happened to pools that it opened before and after.

import { readdirSync, writeSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Worker, workerData } from 'node:worker_threads';
import { inspect, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';

const NOBODY = 65534;
const [pool, how] = (workerData ?? process.argv.slice(2)) as [string, 'setuid' | 'seteuid' | 'worker'];

/** A pool made, put to and read, and what is left of it. */
function round(name: string): string {
  try {
    const producer = TensorProducer.fromSample(name, new Uint8Array(4));
    const consumer = TensorConsumer.attach(name);
    producer.put(new Uint8Array(4));
    const sequence = consumer.get()?.sequence;
    const { uid } = inspect(name) ?? {};
    consumer.close();
    producer.close();
    return `frame ${sequence} of uid ${uid}`;
  } catch (error) {
    return error instanceof TensorIpcError ? error.code : String(error);
  }
}

function left(): string[] {
  return readdirSync('/dev/shm').filter((name) => name.includes(pool));
}

function report(said: object): void {
  writeSync(1, `${JSON.stringify({ ...said, left: left() })}\n`);
}

if (workerData !== null) {
  const before = round(`${pool}-1`);
  const { parentPort } = await import('node:worker_threads');
  parentPort?.once('message', () => report({ before, after: round(`${pool}-2`) }));
  parentPort?.postMessage('ready');
} else if (how === 'worker') {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: [pool, how] });
  worker.once('message', () => {
    // Credentials belong to the process: its threads change with it.
    process.setuid?.(NOBODY);
    worker.postMessage('changed');
  });
} else {
  const before = round(`${pool}-1`);
  if (how === 'setuid') process.setuid?.(NOBODY);
  else process.seteuid?.(NOBODY);
  const after = round(`${pool}-2`);
  if (how === 'seteuid') {
    process.seteuid?.(0);
    report({ before, after, again: round(`${pool}-3`) });
  } else {
    report({ before, after });
  }
}
