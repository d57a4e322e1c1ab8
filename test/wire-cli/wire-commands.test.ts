// ls, info, watch, sub, snapshot, pub, gc, rm and doctor on Python pools: one of ours, and one of the Python peer.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep, until } from '../support/child';
import { Cli, cli, type Ended } from '../support/cli-process';
import { frameOf, seedOf } from '../wire/support/frames';
import { Peer, untilAnswer, wireTools } from '../wire/support/peers';
import { wireObjects } from '../wire/support/shm';
import { DOMAIN, hasDds, newPool, ourHolder, ourProducer, sweep, untilJoined, WIRE } from './support/pools';

const scratch = mkdtempSync(join(tmpdir(), 'wire-cli-'));

const SHAPE = [24, 32, 3] as const;
const FRAME_BYTES = 24 * 32 * 3;
const HISTORY = 4;

const dds = await hasDds();
const tools = dds ? wireTools() : null;

/** A producer that is at work until it is disposed of. */
interface Running {
  readonly pid: number;
  [Symbol.asyncDispose](): Promise<void>;
}

async function ours(pool: string): Promise<Running> {
  const sample = { data: new Uint8Array(FRAME_BYTES), shape: SHAPE };
  const producer = TensorProducer.fromSample(pool, sample, { ...WIRE, historyLen: HISTORY });
  let seed = 0;
  const timer = setInterval(() => {
    seed += 1;
    producer.put({ data: frameOf(seed, SHAPE, 'uint8'), shape: SHAPE });
  }, 20);
  return {
    pid: process.pid,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      producer.cleanup();
    },
  };
}

async function python(pool: string): Promise<Running> {
  assert.ok(tools !== null);
  const peer = Peer.python(tools);
  const { pid } = await peer.ask('produce', { name: pool, shape: SHAPE, dtype: 'uint8', history_len: HISTORY });
  const working = peer.ask('put_many', { count: 10_000, rate_hz: 50, seed: 1 }).catch(() => undefined);
  return {
    pid,
    async [Symbol.asyncDispose]() {
      await peer.kill();
      await working;
    },
  };
}

const text = ({ stdout }: Ended) => stdout.toString('utf8');

/** Seeds of the frames in a raw output. */
function seeds(bytes: Buffer): (number | string)[] {
  assert.is(bytes.length % FRAME_BYTES, 0);
  return Array.from({ length: bytes.length / FRAME_BYTES }, (_, i) =>
    seedOf(bytes.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES), 'uint8'),
  );
}

interface Listed {
  readonly name: string;
  readonly wire: string;
  readonly state: string;
  readonly processes: readonly number[];
  readonly shape?: readonly number[];
  readonly dtype?: string;
  readonly creatorPid?: number;
}

for (const [label, start] of [
  ['ours', dds ? ours : null],
  ['python', tools === null ? null : python],
] as const) {
  if (start === null) {
    test.skip(`a producer: ${label}`);
    continue;
  }
  test(`ls, info, watch, sub and snapshot: ${label}`, async () => {
    const pool = newPool(`commands_${label}`);
    await using producer = await start(pool);
    const plain = (await cli('ls')).stdout.toString();
    assert.match(plain, new RegExp(`^${pool} +tensor-ipc +live +- +- +- +9\\.22 kB +- +1 process +- +-$`, 'm'));
    assert.ok((await cli('ls', '--names')).stdout.toString().split('\n').includes(pool));
    const heard = await cli('ls', '--domain', DOMAIN);
    assert.is(heard.code, 0, heard.stderr);
    assert.match(text(heard), new RegExp(`^${pool} +tensor-ipc +live +uint8 +\\[24, 32, 3\\] +4 +9\\.22 kB `, 'm'));
    assert.is(heard.stderr, '', 'no progress where there is no terminal');
    const listed = JSON.parse(text(await cli('ls', '--json', '--dds', '--domain', DOMAIN))) as Listed[];
    const entry = listed.find(({ name }) => name === pool);
    assert.equal([entry?.wire, entry?.state, entry?.dtype, entry?.shape], ['tensor-ipc', 'live', 'uint8', [...SHAPE]]);
    assert.equal([entry?.creatorPid, entry?.processes], [producer.pid, [producer.pid]]);

    const info = await cli('info', pool, '--domain', DOMAIN);
    assert.is(info.code, 0, info.stderr);
    assert.match(text(info), new RegExp(`^${pool}\nwire +tensor-ipc`));
    assert.match(text(info), /tensor +uint8 \[24, 32, 3\], 2\.30 kB, numpy\nhistory +4 frames/);
    assert.match(text(info), new RegExp(`producer +pid ${producer.pid}, alive`));
    assert.match(text(info), /newest +in slot [0-3]\nlocks +of 4 slots, /);
    const json = JSON.parse(text(await cli('info', pool, '--domain', DOMAIN, '--json'))) as Listed & { slots: object[] };
    assert.equal([json.name, json.wire, json.slots.length], [pool, 'tensor-ipc', 4]);

    const watch = await cli('watch', pool, '--domain', DOMAIN, '--interval', '500', '--count', '3');
    assert.is(watch.code, 0, watch.stderr);
    assert.match(
      text(watch).trimEnd().split('\n').at(-1) ?? '',
      new RegExp(`^${pool}  rate [1-9][\\d.]*/s [▁-█]+  latency [\\d.]+ ms `),
    );

    const sub = await cli('sub', pool, '--domain', DOMAIN, '--count', '8', '--timeout', '20000');
    assert.is(sub.code, 0, sub.stderr);
    const found = seeds(sub.stdout);
    assert.is(found.length, 8);
    for (let i = 1; i < found.length; i++) {
      const step = (Number(found[i]) - Number(found[i - 1]) + 256) % 256;
      assert.ok(step >= 1 && step < 128, `in order, none torn: ${found}`);
    }
    const all = await cli('sub', pool, '--domain', DOMAIN, '--all');
    assert.is(all.code, 2);
    assert.match(all.stderr, /--all is for native pools/);

    const file = join(scratch, `${label}.png`);
    const snapshot = await cli('snapshot', pool, file, '--domain', DOMAIN, '--timeout', '20000');
    assert.is(snapshot.code, 0, snapshot.stderr);
    assert.match(text(snapshot), /32×24, uint8 \[24, 32, 3\], frame \d+, values/);
    assert.is(readFileSync(file).subarray(1, 4).toString('latin1'), 'PNG');

    const live = await cli('rm', pool, '--wire', 'tensor-ipc');
    assert.is(live.code, 1);
    assert.match(live.stderr, /PRODUCER_EXISTS/);
  });
}

if (dds) {
  test('without --domain: the wire is found out, and what it is stays unknown where nobody tells', async () => {
    const pool = newPool('unheard');
    await using producer = await ourProducer(pool, 2);
    await producer.ask({ op: 'put', value: 1 });
    const info = await cli('info', pool, '--json');
    assert.is(info.code, 0, info.stderr);
    assert.is((JSON.parse(text(info)) as Listed).wire, 'tensor-ipc');
    const missing = await cli('info', pool, '--wire', 'native');
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /there is no pool/);
    // Found as info finds it, and it is live.
    assert.match((await cli('rm', pool)).stderr, /PRODUCER_EXISTS/);
    assert.match((await cli('rm', pool, '--wire', 'native')).stderr, /there is no pool/);
    assert.match((await cli('watch', newPool('none'), '--wire', 'tensor-ipc')).stderr, /there is no Python pool/);
    assert.match((await cli('info', `${pool}x`, '--wire', 'tensor-ipc')).stderr, new RegExp(`did you mean '${pool}'`));
  });

  test('an idle producer has its newest frame for late readers', async () => {
    const pool = newPool('idle');
    await using producer = await ourProducer(pool, 3);
    await producer.ask({ op: 'put', value: 7, count: 2 });
    const { code, stdout, stderr } = await cli('sub', pool, '--domain', DOMAIN, '--count', '1', '--timeout', '20000');
    assert.is(code, 0, stderr);
    assert.equal([...new Float64Array(new Uint8Array(stdout).buffer)], [8, 8, 8, 8]);
  });

  test('gc, rm and doctor', async () => {
    const pool = newPool('gc');
    const producer = await ourProducer(pool, 2);
    await producer.ask({ op: 'put', value: 1, count: 2 });
    await (await ourHolder(pool)).kill();
    await producer.kill();
    const young = await cli('gc', pool);
    assert.match(
      text(young),
      new RegExp(`^too young +tensoripc_${pool} +no process has it mapped, but it is not old enough: 60 s\n`),
    );
    assert.match(text(young), /\n0 removed \(0 B\), 0 in use, 2 too young, 0 left alone\n$/);
    const actions = JSON.parse(text(await cli('gc', pool, '--json'))) as { action: string }[];
    assert.equal([...new Set(actions.map(({ action }) => action))], ['young']);
    const dry = await cli('gc', pool, '--age', '0', '--dry-run');
    assert.match(text(dry), new RegExp(`would remove +tensoripc_${pool} +no process has it mapped\n`));
    assert.match(text(dry), new RegExp(`would remove +8 locks of tensoripc_${pool} `));
    assert.is(wireObjects(pool).length, 9);
    const json = JSON.parse(text(await cli('gc', pool, '--age', '0', '--json'))) as { action: string }[];
    assert.equal([json.length, new Set(json.map(({ action }) => action))], [9, new Set(['removed'])]);
    assert.equal(wireObjects(pool), []);

    const other = newPool('rm');
    const victim = await ourProducer(other, 1);
    await victim.ask({ op: 'put', value: 1 });
    await victim.kill();
    const removed = await cli('rm', other);
    assert.is(removed.code, 0, removed.stderr);
    assert.is(text(removed).trimEnd().split('\n').length, 5);
    assert.equal(wireObjects(other), []);
    assert.is((await cli('rm', other, '--wire', 'tensor-ipc')).code, 1);

    const doctor = await cli('doctor', '--domain', DOMAIN);
    assert.match(text(doctor), /^ok +Cyclone DDS +\S*libddsc/m);
    assert.match(text(doctor), new RegExp(`^ok +DDS domain ${DOMAIN} +a participant made`, 'm'));
  });
} else test.skip('commands on pools of ours');

test('without Cyclone DDS: a hint where it was not asked for, an error where it was', async () => {
  // A library that is none, where an override is looked for first.
  const env = { TENSOR_IPC_DDSC: '/nonexistent/libddsc.so', TENSOR_IPC_LIBDDSC: '/nonexistent/libddsc.so' };
  const doctor = await new Cli(['doctor'], env).ended;
  assert.is(doctor.code, 0);
  assert.match(text(doctor), /absent +Cyclone DDS[\s\S]*apt install libddsc0debian/);
  const asked = await new Cli(['ls', '--dds'], env).ended;
  assert.is(asked.code, 1);
  assert.match(asked.stderr, /MISSING_DEPENDENCY/);
  if (!dds) return;
  const pool = newPool('deaf');
  await using producer = await ourProducer(pool, 1);
  await producer.ask({ op: 'put', value: 1 });
  const hint = await new Cli(['ls', '--domain', DOMAIN], env).ended;
  assert.is(hint.code, 0, hint.stderr);
  assert.match(text(hint), new RegExp(`^${pool} +tensor-ipc +live +- `, 'm'));
  assert.match(hint.stderr, /told over DDS only/);
});

if (tools === null) test.skip('pub for Python');
else {
  for (const backend of ['numpy', 'torch'] as const) {
    test(`pub: Python reads what comes in (${backend})`, async () => {
      const pool = newPool(`pub_${backend}`);
      const args = [
        'pub',
        pool,
        '--shape',
        '5,3',
        '--dtype',
        'float32',
        '--history',
        '3',
        '--domain',
        DOMAIN,
        '--backend',
        backend,
      ];
      const pub = spawn(process.execPath, [Cli.program, ...args], { stdio: ['pipe', 'inherit', 'pipe'] });
      let stderr = '';
      pub.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString();
      });
      const ended = new Promise<number | null>((resolve) => pub.on('close', resolve));
      await using consumer = Peer.python(tools);
      const what = { name: pool, shape: [5, 3], dtype: 'float32', history_len: 3, backend } as const;
      await consumer.ask('consume', what);
      await untilJoined(consumer);
      for (const seed of [1, 2, 3]) {
        pub.stdin.write(frameOf(seed, [5, 3], 'float32'));
        await sleep(40);
      }
      await untilAnswer(
        () => consumer.ask('get', { history_len: 3 }),
        ({ frames }) => JSON.stringify(frames) === '[3,2,1]',
        'Python has the window',
      );
      pub.stdin.end();
      assert.is(await ended, 0, stderr);
      assert.is(stderr, `${pool}: 3 frames published\n`);
      assert.equal(wireObjects(pool), []);
    });
  }
}

/** Arguments that cannot be used, and what is said about them. */
const USAGE: readonly [args: string[], message: RegExp][] = [
  [['info', 'cam', '--wire', 'ros'], /--wire is 'native' or 'tensor-ipc', found 'ros'/],
  [['info', 'cam', '--wire', 'native', '--domain', '3'], /leave it out, or say --wire tensor-ipc/],
  [['ls', '--domain', '233'], /--domain is a whole number from 0 to 232/],
  [['pub', 'cam', '--shape', '4', '--backend', 'torch'], /say also --wire tensor-ipc/],
  [['pub', 'cam', '--shape', '4', '--wire', 'tensor-ipc', '--backend', 'jax'], /--backend is 'numpy' or 'torch', found 'jax'/],
  [['gc', '--age', 'old'], /--age is a whole number/],
  [['doctor', '--force'], /--force goes with --repair NAME/],
  [['doctor', '--repair'], /--repair needs a value: --repair NAME/],
  [['bridge'], /no pool given/],
  [['bridge', 'cam'], /--to is 'native' or 'tensor-ipc', found ''/],
  [['bridge', 'cam', '--to', 'python'], /found 'python'/],
  [['bridge', 'cam', '--to', 'native', '--backend', 'torch'], /--backend is of pools for Python readers/],
  [['bridge', 'cam', '--to', 'native', '--history', '0'], /--history is a whole number/],
];

test('what cannot be used ends with code 2, a reason and a hint', async () => {
  for (const [args, message] of USAGE) {
    const { code, stdout, stderr } = await cli(...args);
    assert.equal([code, stdout.length], [2, 0], `${args.join(' ')}\n${stderr}`);
    assert.match(stderr, message, args.join(' '));
    assert.match(stderr, /--help/);
  }
});

test('nothing is left', async () => {
  rmSync(scratch, { recursive: true, force: true });
  await until(() => sweep().length === 0, 'all is clean');
});

test.run();
