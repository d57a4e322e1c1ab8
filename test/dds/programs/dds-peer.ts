// A peer of the Python wire on tensor-ipc/dds: dds-peer DOMAIN TOPIC-PREFIX writer|reader|reliable-reader [LEASE-MS] [worker…]. As test/dds/c/peer.c: commands
// come on standard input, one a line, and what happens goes to standard output; but samples are bytes, in hexadecimal.

import process from 'node:process';
import { createInterface } from 'node:readline';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { DdsParticipant, type DdsSample, POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../../../host/entry/dds';

const args: string[] = isMainThread ? process.argv.slice(2) : workerData;
const [domain, prefix, role, lease = '0', where] = args as [string, string, string, string?, string?];

/** What a worker writes, which hears no commands: frame 1 of the pool "w0". */
const SAMPLE = '0001000003000000773000000100000000000000';

if (where?.startsWith('worker') && isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: args });
  worker.on('exit', (code) => say(`worker ended ${code}`));
  if (where === 'worker-terminate') listen((command) => void (command === 'terminate' && worker.terminate()));
} else run();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function run(): void {
  const participant = DdsParticipant.shared({ domainId: Number(domain) });
  const meta = participant.topic(`${prefix}_meta`, POOL_METADATA_TYPE);
  const progress = participant.topic(`${prefix}_progress`, POOL_PROGRESS_TYPE);
  if (role === 'writer') {
    const liveliness = { leaseMs: Number(lease) || Infinity };
    const writers = {
      meta: participant.writer(meta, { ...POOL_QOS.metadataWriter, liveliness }),
      progress: participant.writer(progress, { ...POOL_QOS.progressWriter, liveliness }),
    };
    for (const name of ['meta', 'progress'] as const) writers[name].on('matched', (readers) => say(`${name} matched ${readers}`));
    if (isMainThread)
      listen((command, argument) => {
        if (command === 'meta' || command === 'progress') writers[command].write(Buffer.from(argument, 'hex'));
        else if (command === 'acknowledged')
          writers.progress.waitForAcknowledgments(10_000).then((done) => say(`acknowledged ${done}`));
      });
    else {
      // Until somebody has heard of it.
      const alive = setInterval(() => {
        if (writers.progress.matchedReaders === 0) return;
        writers.progress.write(Buffer.from(SAMPLE, 'hex'));
        clearInterval(alive);
        setTimeout(() => where === 'worker-exit' && process.exit(0), 300);
      }, 20);
    }
  } else {
    const readers = {
      meta: participant.reader(meta, POOL_QOS.metadataReader),
      progress: participant.reader(progress, {
        ...POOL_QOS.progressReader,
        ...(role === 'reliable-reader' && { reliability: 'reliable' }),
      }),
    };
    for (const name of ['meta', 'progress'] as const) {
      readers[name].on('matched', (writers) => say(`${name} matched ${writers}`));
      readers[name].onData((samples) => {
        for (const sample of samples) say(show(name, sample));
      });
    }
    readers.progress.on('liveliness', ({ alive, notAlive }) => say(`alive ${alive} not-alive ${notAlive}`));
    if (isMainThread) listen(() => {});
  }
  say('ready');
}

function show(name: string, { valid, state, data }: DdsSample): string {
  return valid ? `${name} ${hex(data)}` : `${name} ${state}`;
}

function listen(handle: (command: string, argument: string) => void): void {
  const input = createInterface(process.stdin);
  input.on('line', (line) => {
    const [command = '', argument = ''] = line.split(' ');
    if (command === 'exit') process.exit(0);
    if (command === 'throw') throw new Error('as it was told');
    if (command === 'reject') Promise.reject(new Error('as it was told'));
    // With nothing left to do the program ends by itself.
    if (command === 'done') process.stdin.destroy();
    if (command === 'cpu') say(`cpu ${JSON.stringify(process.cpuUsage())}`);
    handle(command, argument);
  });
  // Nobody closes the participant: the library sees to it.
  process.stdin.on('end', () => process.exit(0));
}
