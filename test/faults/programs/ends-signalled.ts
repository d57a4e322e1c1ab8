// A program with a pool beside libraries that take signals themselves. Arguments: the pool, and what is loaded, in that order. Prints
// 'ready', and what each library's callback sees of the pool.

import { mkdtempSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { TensorProducer } from 'tensor-ipc';

const [pool = '', ...guests] = process.argv.slice(2);
const folder = resolve('test/process/node_modules');
const require = createRequire(join(folder, 'program.cjs'));

let producer: TensorProducer | null = null;
const say = (line: string) => void writeSync(1, `${line}\n`);

/** What a callback that runs when the process dies sees of the pool. */
function last(who: string): void {
  try {
    say(`${who} put ${producer?.put(new Uint8Array(4))}`);
  } catch (error) {
    say(`${who} ${(error as { code: string }).code}`);
  }
}

type OnExit = (callback: () => unknown) => void;

/** Held, or they would be collected and closed. */
const others: unknown[] = [];

async function load(guest: string): Promise<void> {
  switch (guest) {
    case 'pool':
      producer = TensorProducer.fromSample(pool, new Uint8Array(4));
      return;
    case 'copy': {
      // The package's other build: another copy of the library in the process.
      const { TensorProducer: Other } = require(resolve('dist/cjs/index.cjs')) as { TensorProducer: typeof TensorProducer };
      others.push(Other.fromSample(`${pool}-copy`, new Uint8Array(4)));
      return;
    }
    case 'v3':
      (require('signal-exit3') as OnExit)(() => last('v3'));
      return;
    case 'v4':
      (require('signal-exit') as { onExit: OnExit }).onExit(() => last('v4'));
      return;
    case 'v4-stays':
      (require('signal-exit') as { onExit: OnExit }).onExit(() => {
        last('v4');
        return true;
      });
      return;
    case 'execa':
    case 'execa10': {
      const { execa } = (await import(pathToFileURL(join(folder, guest, 'index.js')).href)) as {
        execa: (file: string, args: string[], options: object) => Promise<unknown> & { pid?: number };
      };
      const sleeper = execa('sleep', ['600'], { reject: false });
      say(`sleeper ${sleeper.pid}`);
      return;
    }
    case 'lockfile': {
      const { lock } = require('proper-lockfile') as { lock: (path: string) => Promise<unknown> };
      const locked = mkdtempSync(join(tmpdir(), 'tensor-ipc-lock-'));
      await lock(locked);
      say(`locked ${locked}`);
      return;
    }
    case 'goes-on':
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => last('handler'));
      return;
    case 'exits':
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.on(signal, () => {
          last('handler');
          process.exit(7);
        });
      }
      return;
    default:
      throw new Error(`no such guest: ${guest}`);
  }
}

for (const guest of guests) await load(guest);
say('ready');
// Never longer than its test.
setTimeout(() => process.exit(99), 120_000);
