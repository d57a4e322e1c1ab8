// Ends: fifty of every kind, each without a crash and with a clean leave that the peer sees; kill -9, and a writer that falls silent; a
// process that waits costs nothing.

import process from 'node:process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep } from '../support/child';
import { installedRuntimes } from '../support/runtimes';
import { buildPeer, DOMAIN, hasLibrary, missedAfter, OUR_PEER, Peer } from './support/peers';

const test = suite('dds-leave');
const peer = hasLibrary() ? buildPeer() : null;
const testWith = peer === null ? test.skip : test;
const C = [peer ?? ''];
const NODE = [process.execPath, '--no-warnings', OUR_PEER];
/** Frame 1 of the pool "w0", as a progress sample. */
const SAMPLE = '0001000003000000773000000100000000000000';

let count = 0;
const prefixOf = () => `tensoripc_leave${process.pid}${count++}`;

/** How a writer ends, and what the system then says of it. */
const ENDS = {
  normal: 0,
  exit: 0,
  throw: 1,
  reject: 1,
  SIGINT: 'SIGINT',
  SIGTERM: 'SIGTERM',
  SIGHUP: 'SIGHUP',
  worker: 0,
  'worker-exit': 0,
} as const;
type End = keyof typeof ENDS;

/** Nobody would miss this process before the watchdog does: that a reader loses it means that it has said so. */
const UNMISSED = missedAfter(3600);

/** One writer, one reader in C: the writer ends, the reader must see it dispose of its instance and go. */
async function endsCleanly(program: readonly string[], end: End): Promise<void> {
  const prefix = prefixOf();
  // Reliable, so that it gets the sample whoever finds the other first.
  await using reader = new Peer(C, [DOMAIN, prefix, 'reliable-reader']);
  await reader.find('ready');
  const inWorker = end.startsWith('worker');
  await using writer = new Peer(program, [DOMAIN, prefix, 'writer', 0, ...(inWorker ? [end] : [])], UNMISSED);
  await reader.findAll('meta matched 1', 'progress matched 1');
  if (!inWorker) {
    writer.send(`progress ${SAMPLE}`);
    await reader.find('progress w0 1');
    if (end.startsWith('SIG')) writer.signal(end as NodeJS.Signals);
    else writer.send(end === 'normal' ? 'done' : end);
  } else await reader.find('progress w0 1');
  await reader.findAll('progress disposed', 'progress matched 0', 'meta matched 0');
  assert.is(await writer.ended, ENDS[end], `${end}: ${writer.stderr}`);
  await reader.leave();
}

const runtimes = peer === null ? [] : installedRuntimes();
const others = runtimes
  .filter(({ name }) => !name.startsWith('node'))
  .map(({ name, program, args }) => [name, [program, ...args, OUR_PEER]] as const);

testWith('fifty ends of every kind, none a crash, all seen as a leave', async () => {
  const ends = Object.keys(ENDS) as End[];
  // A few at a time.
  for (let round = 0; round < 50; round += 5)
    await Promise.all([0, 1, 2, 3, 4].map((index) => endsCleanly(NODE, ends[(round + index) % ends.length] as End)));
});

for (const [name, program] of others) {
  testWith(`${name}: ends are seen as a leave`, async () => {
    await Promise.all((['normal', 'exit'] as const).map((end) => endsCleanly(program, end)));
    await Promise.all((['SIGINT', 'SIGTERM', 'throw'] as const).map((end) => endsCleanly(program, end)));
  });
}

for (const role of ['writer', 'reader'] as const) {
  testWith(`a worker that is terminated, ${role}: no crash, neither then nor when data comes nor at the end`, async () => {
    const prefix = prefixOf();
    await using other = new Peer(C, [DOMAIN, prefix, role === 'writer' ? 'reliable-reader' : 'writer']);
    await using ours = new Peer(NODE, [DOMAIN, prefix, role, 0, 'worker-terminate']);
    await other.findAll('meta matched 1', 'progress matched 1');
    if (role === 'writer') await other.find('progress w0 1');
    ours.send('terminate');
    await ours.find(/^worker ended/);
    if (role === 'reader') for (let frame = 0; frame < 100; frame++) other.send(`progress ${frame}`);
    await sleep(100);
    await ours.leave();
    await other.findAll('meta matched 0', 'progress matched 0');
    await other.leave();
  });
}

testWith('kill -9: readers lose the writer, with news of the instance, disposed of as their QoS says', async () => {
  const prefix = prefixOf();
  await using inC = new Peer(C, [DOMAIN, prefix, 'reader']);
  await using inNode = new Peer(NODE, [DOMAIN, prefix, 'reader']);
  const readers = [inC, inNode];
  await using writer = new Peer(NODE, [DOMAIN, prefix, 'writer']);
  for (const reader of readers) await reader.findAll('meta matched 1', 'progress matched 1');
  await writer.findAll('meta matched 2', 'progress matched 2');
  writer.send(`progress ${SAMPLE}`);
  for (const reader of readers) await reader.find(/^progress (w0 1|0001)/);
  writer.signal('SIGKILL');
  await Promise.all(readers.map((reader) => reader.findAll('progress disposed', 'meta matched 0', 'progress matched 0')));
});

testWith('kill -9 of a reader: the writer loses it', async () => {
  const prefix = prefixOf();
  await using writer = new Peer(NODE, [DOMAIN, prefix, 'writer']);
  for (const program of [NODE, C]) {
    // A peer with Cyclone's defaults would be missed after ten seconds.
    await using reader = new Peer(program, [DOMAIN, prefix, 'reader'], program === C ? missedAfter(1) : {});
    await writer.findAll('meta matched 1', 'progress matched 1');
    reader.signal('SIGKILL');
    await writer.findAll('meta matched 0', 'progress matched 0');
  }
});

for (const [name, program] of [
  ['C', C],
  ['Node', NODE],
] as const) {
  testWith(`a writer in ${name} falls silent and speaks again: liveliness`, async () => {
    const prefix = prefixOf();
    await using writer = new Peer(program, [DOMAIN, prefix, 'writer', 500]);
    await using reader = new Peer(NODE, [DOMAIN, prefix, 'reader']);
    await writer.findAll('meta matched 1', 'progress matched 1');
    await reader.find('alive 1 not-alive 0');
    writer.send(program === C ? 'progress 1' : `progress ${SAMPLE}`);
    await reader.find(/^progress 0001/);
    writer.signal('SIGSTOP');
    await reader.findAll('progress disposed', 'alive 0 not-alive 1');
    writer.signal('SIGCONT');
    // A sample is a sign of life.
    writer.send(program === C ? 'progress 2' : `progress ${SAMPLE}`);
    await reader.findAll(/^progress 0001/, 'alive 1 not-alive 0');
  });
}

for (const [name, program] of [['node', NODE] as const, ...others]) {
  testWith(`${name}: a process that waits for data hardly uses the processor`, async () => {
    const prefix = prefixOf();
    await using writer = new Peer(C, [DOMAIN, prefix, 'writer']);
    await using reader = new Peer(program, [DOMAIN, prefix, 'reader']);
    await writer.findAll('meta matched 1', 'progress matched 1');
    const used = async () => {
      reader.send('cpu');
      const { user, system } = JSON.parse((await reader.find(/^cpu /)).slice(4)) as NodeJS.CpuUsage;
      return (user + system) / 1000;
    };
    await sleep(500);
    const before = await used();
    await sleep(2000);
    const ms = (await used()) - before;
    console.log(
      `\nnote: ${name} uses ${ms.toFixed(0)} ms of processor time in two idle seconds, with Cyclone's threads and their sign of life`,
    );
    // One that looked at every turn would use most of them.
    assert.ok(ms < 400, `${ms} ms`);
  });
}

test.run();
