// A producer that dies hangs up the doorbell that it held open: whoever waits is told at once, without any timer.

import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { TensorConsumer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installPlatform, platform } from '../../host/runtime/system';
import { Child, poolName, sleep, until } from '../support/child';

const test = suite('hang up');

/** Producers that one consumer outlives. */
const LIVES = 2;

const bells = (name: string) => readdirSync('/dev/shm').filter((file) => file.startsWith(`tensoripc-bell.${name}.`));

/** Bun's doorbells are sockets without a connection: nobody holds them open. */
const HANGS_UP = platform().runtime !== 'bun';
const hangUpTest = HANGS_UP ? test : test.skip;

/** No periodic looks for as long as it is held: what a consumer notices, its doorbell has told. */
function noLooks(): Disposable {
  const original = platform();
  installPlatform({ ...original, every: () => ({ setRef: () => {}, stop: () => {} }) });
  return { [Symbol.dispose]: () => installPlatform(original) };
}

interface Watched {
  readonly consumer: TensorConsumer;
  /** 'frame 0', 'died', … */
  readonly log: string[];
}

const READERS: Readonly<Record<string, (watched: Watched) => void>> = {
  'a loop': ({ consumer, log }) => {
    (async () => {
      for await (const frame of consumer) log.push(`frame ${frame.sequence}`);
    })();
  },
  'a loop of views': ({ consumer, log }) => {
    (async () => {
      for await (using view of consumer.frames({ borrow: true })) log.push(`frame ${view.sequence}`);
    })();
  },
  next: ({ consumer, log }) => {
    (async () => {
      for (let frame = await consumer.next(); frame !== null; frame = await consumer.next()) log.push(`frame ${frame.sequence}`);
    })();
  },
  "on('frame')": ({ consumer, log }) => void consumer.on('frame', (frame) => log.push(`frame ${frame.sequence}`)),
};

function watch(name: string, read: (watched: Watched) => void, delivery: 'latest' | 'all' = 'latest'): Watched {
  const consumer = TensorConsumer.attach(name, { delivery });
  const watched = { consumer, log: [] as string[] };
  consumer.on('disconnect', (reason) => watched.log.push(reason));
  read(watched);
  return watched;
}

async function producing(name: string): Promise<Child> {
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: name, elements: 8 });
  return child;
}

for (const [what, read] of Object.entries(READERS)) {
  for (const delivery of what === 'next' ? (['latest', 'all'] as const) : (['latest'] as const)) {
    hangUpTest(`${what}, ${delivery}: killed producers are told of without a look, and the next ones ring`, async () => {
      const name = poolName('killed');
      using _looks = noLooks();
      const watched = watch(name, read, delivery);
      using _consumer = watched.consumer;
      const { log } = watched;
      let put = 0;
      for (let life = 0; life < LIVES; life++) {
        await using child = await producing(name);
        await until(() => watched.consumer.connected, 'the newcomer has rung');
        for (let k = 0; k < 2; k++) {
          await child.ask({ op: 'put', value: 1 });
          put += 1;
          await until(() => log.filter((line) => line.startsWith('frame')).length === put, `frame ${put} came: ${log}`);
        }
        await child.kill();
        await until(() => log.at(-1) === 'died', `the death was told: ${log}`);
      }
      assert.is(log.filter((line) => line === 'died').length, LIVES);
    });
  }
}

// Bun and Deno do not count a thread's descriptors.
const threadTest = platform().runtime === 'node' ? test : test.skip;

threadTest('a thread that produces and is ended hangs up, too', async () => {
  const name = poolName('thread');
  const worker = new Worker(new URL('./thread-peer.mjs', import.meta.url));
  const ask = async (message: object) => {
    const answer = once(worker, 'message');
    worker.postMessage(message);
    await answer;
  };
  await ask({ op: 'produce', pool: name, elements: 8 });
  using _looks = noLooks();
  const { consumer, log } = watch(name, READERS['a loop'] as (watched: Watched) => void);
  using _consumer = consumer;
  for (let k = 0; k < 2; k++) {
    await ask({ op: 'put', value: 1 });
    await until(() => log.at(-1) === `frame ${k}`, `frame ${k} came`);
  }
  await worker.terminate();
  await until(() => log.at(-1) === 'died', `the death was told: ${log}`);
});

test('waiting keeps no core busy: before a producer, before its first ring, and after its death', async () => {
  const name = poolName('quiet');
  using consumer = TensorConsumer.attach(name);
  const busy: string[] = [];
  const wait = async (when: string) => {
    const before = process.cpuUsage();
    assert.is(await consumer.next({ timeoutMs: 400 }), null);
    const { user, system } = process.cpuUsage(before);
    if (user + system > 200_000) busy.push(`${when}: ${user + system} µs of 400 ms`);
  };
  await wait('without a pool');
  const child = await producing(name);
  await until(() => consumer.connected, 'it is connected');
  await wait('before its first ring');
  const next = consumer.next();
  await child.ask({ op: 'put', value: 1 });
  await next;
  await wait('after a ring');
  await child.kill();
  await until(() => !consumer.connected, 'its death is noticed');
  await wait('after its death');
  assert.equal(busy, []);
});

hangUpTest('the looks go on where somebody else holds the doorbell open, too', async () => {
  const name = poolName('second');
  using consumer = TensorConsumer.attach(name);
  const ends: string[] = [];
  const seen: number[] = [];
  consumer.on('disconnect', (reason) => ends.push(reason)).on('frame', ({ sequence }) => seen.push(sequence));
  await until(() => bells(name).length === 1, 'the consumer waits');
  await using child = await producing(name);
  await child.ask({ op: 'put', value: 1 });
  await until(() => seen.length === 1, 'the frame came');
  const second = openSync(`/dev/shm/${bells(name)[0]}`, constants.O_WRONLY | constants.O_NONBLOCK);
  await child.kill();
  await until(() => ends.length === 1, 'the death was noticed');
  closeSync(second);
  assert.equal(ends, ['died']);
});

hangUpTest('writers that come and go end nothing', async () => {
  const name = poolName('visits');
  using consumer = TensorConsumer.attach(name);
  const ends: string[] = [];
  const seen: number[] = [];
  consumer.on('disconnect', (reason) => ends.push(reason)).on('frame', ({ sequence }) => seen.push(sequence));
  await until(() => bells(name).length === 1, 'the consumer waits');
  const bell = `/dev/shm/${bells(name)[0]}`;
  const visit = (rings: boolean) => {
    const fd = openSync(bell, constants.O_WRONLY | constants.O_NONBLOCK);
    if (rings) writeSync(fd, new Uint8Array(1));
    closeSync(fd);
  };
  for (let k = 0; k < 10; k++) {
    visit(k % 2 === 0);
    await sleep(2);
  }
  await using child = await producing(name);
  for (let k = 0; k < 30; k++) {
    visit(k % 2 === 0);
    await child.ask({ op: 'put', value: 1 });
    await until(() => seen.length === k + 1, `frame ${k} came`);
  }
  assert.equal(ends, []);
  assert.equal(
    seen,
    Array.from({ length: 30 }, (_, k) => k),
  );
  await child.ask({ op: 'close' });
  await until(() => ends.length === 1, 'the end was told');
  assert.equal(ends, ['closed']);
});

hangUpTest('a doorbell whose name is gone when it hangs up is made anew', async () => {
  const name = poolName('unnamed');
  using consumer = TensorConsumer.attach(name);
  const seen: number[] = [];
  consumer.on('frame', ({ sequence }) => seen.push(sequence));
  await until(() => bells(name).length === 1, 'the consumer waits');
  const bell = `/dev/shm/${bells(name)[0]}`;
  {
    await using first = await producing(name);
    await first.ask({ op: 'put', value: 1 });
    await until(() => seen.length === 1, 'the frame came');
    unlinkSync(bell);
    await first.kill();
  }
  await until(() => existsSync(bell), 'the doorbell is there again');
  await using second = await producing(name);
  await second.ask({ op: 'put', value: 1 });
  await until(() => seen.length === 2, 'the next producer rings it');
});

hangUpTest('a process that waits for a producer that says nothing is not woken', async () => {
  const name = poolName('asleep');
  await using producer = await producing(name);
  await using child = new Child('peer');
  await child.ask({ op: 'consume', pool: name });
  await child.ask({ op: 'listen' });
  const pid = child.process.pid as number;
  const sleeps = () => Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  await until(() => bells(name).length === 1, 'the consumer waits');
  await producer.ask({ op: 'put', value: 1 });
  // An engine does this and that after its start, for longer on a busy machine. A look every 150 ms would be six in each second.
  const woken: number[] = [];
  while (woken.length < 30 && Math.min(...woken) > 3) {
    const before = sleeps();
    await sleep(1000);
    woken.push(sleeps() - before);
  }
  assert.ok(Math.min(...woken) <= 3, `woken in each second: ${woken.join(' ')}`);
});

test.run();
