// A program that puts its last frame in an 'exit' handler, which it adds before or after it has a pool, and ends in the way it is told.
// Arguments: the pool, when the handler is added, how it ends. Prints what the handler sees.

import { writeSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Worker, workerData } from 'node:worker_threads';
import { TensorProducer } from 'tensor-ipc';

type Order = 'before' | 'after' | 'both';
const [pool, order, how] = (workerData ?? process.argv.slice(2)) as [string, Order, string];
const say = (line: string) => void writeSync(1, `${line}\n`);

let producer: TensorProducer | null = null;

function last(): void {
  try {
    say(`put ${producer?.put(new Uint8Array(4))}`);
  } catch (error) {
    say(String((error as { code: string }).code));
  }
}

function end(): void {
  switch (how) {
    case 'end':
      return;
    case 'exit':
      process.exit(3);
      break;
    case 'exit-later':
      setTimeout(() => process.exit(3), 5);
      return;
    case 'throw':
      throw new Error('on purpose');
    case 'throw-later':
      setTimeout(() => {
        throw new Error('on purpose');
      }, 5);
      return;
    case 'reject':
      Promise.reject(new Error('on purpose'));
      return;
    case 'exit-in-exit':
      // Those behind it never run.
      process.prependListener('exit', () => process.exit(5));
      setTimeout(() => process.exit(3), 5);
      return;
    case 'throw-in-exit':
      process.prependListener('exit', () => {
        throw new Error('on purpose');
      });
      return;
    case 'exit-in-before':
      process.once('beforeExit', () => {
        process.on('exit', last);
        process.exit(3);
      });
      return;
    case 'after-before':
      // It might have ended, but there is more to do.
      process.once('beforeExit', () => void setTimeout(() => process.exit(3), 5));
      return;
    default:
      throw new Error(`no such end: ${how}`);
  }
}

if (how.startsWith('worker-') && workerData === null) {
  new Worker(fileURLToPath(import.meta.url), { workerData: [pool, order, how.slice('worker-'.length)] });
} else {
  if (order !== 'after') process.on('exit', last);
  producer = TensorProducer.fromSample(pool, new Uint8Array(4));
  if (order !== 'before') process.on('exit', last);
  end();
}
