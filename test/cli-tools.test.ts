// The commands for pools that live, or lived: ls, info, top, watch, gc, rm, doctor, completion. (pub and sub: cli-pipes.)

import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEADER_MAGIC, HEADER_PRODUCER_STATE, PRODUCER_CLOSED } from '../assembly/layout';
import { sparkline } from '../host/cli/bars';
import { commands } from '../host/cli/commands';
import { rateBetween, showAge } from '../host/cli/look/rows';
import { Child, leftovers, poolName, sleep, until } from './support/child';
import { Cli, cli } from './support/cli-process';

const test = suite('command line tools');
const WATCHDOG_MS = 120_000;

const text = (output: Buffer) => output.toString('utf8');
const pathOf = (pool: string) => `/dev/shm/tensoripc.${pool}`;
const scratch = mkdtempSync(join(tmpdir(), 'cli-tools-'));

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly error?: { readonly code: string };
  readonly rateHz?: number | null;
  readonly framesPublished?: number;
  readonly consumers?: readonly { readonly alive: boolean; readonly pid: number }[];
}

async function ls(): Promise<Map<string, Listed>> {
  const { code, stdout, stderr } = await cli('ls', '--json', '--interval', '200');
  assert.is(code, 0, stderr);
  return new Map((JSON.parse(text(stdout)) as Listed[]).map((entry) => [entry.name, entry]));
}

/** A pool whose producer was killed, and perhaps a consumer with a doorbell, too. */
async function deadPool(label: string, withConsumer = false): Promise<string> {
  const pool = poolName(label);
  const producer = new Child('peer');
  await producer.ask({ op: 'produce', pool, elements: 8 });
  await producer.ask({ op: 'put', value: 1, count: 3 });
  if (withConsumer) {
    const consumer = new Child('peer');
    await consumer.ask({ op: 'consume', pool });
    await consumer.ask({ op: 'listen' });
    await consumer.kill();
    assert.is(leftovers(pool).length, 2, 'a pool and a doorbell');
  }
  await producer.kill();
  return pool;
}

test('ls, info and top: live, dead, closed, damaged and foreign ones', async () => {
  const live = poolName('tools-live');
  await using producer = new Child('peer');
  await producer.ask({ op: 'produce', pool: live, elements: 6, options: { historyLen: 5 } });
  await producer.ask({ op: 'put', value: 1, count: 4 });
  await using reader = new Child('peer');
  await reader.ask({ op: 'consume', pool: live });
  const dead = await deadPool('tools-dead');
  const closed = await deadPool('tools-closed');
  const bytes = readFileSync(pathOf(closed));
  bytes.writeUInt32LE(PRODUCER_CLOSED, HEADER_PRODUCER_STATE);
  writeFileSync(pathOf(closed), bytes);
  const damaged = await deadPool('tools-damaged');
  writeFileSync(pathOf(damaged), readFileSync(pathOf(damaged)).subarray(0, 1000));
  const foreign = poolName('tools-foreign');
  writeFileSync(pathOf(foreign), Buffer.alloc(9000, 1));
  const half = poolName('tools-half');
  writeFileSync(pathOf(half), '');
  const states: readonly [name: string, state: string][] = [
    [live, 'live'],
    [dead, 'dead'],
    [closed, 'closed'],
    [damaged, 'damaged'],
    [foreign, 'foreign'],
    [half, 'building'],
  ];
  const before = new Map(
    states.map(([name]) => [name, `${statSync(pathOf(name)).mtimeMs} ${readFileSync(pathOf(name)).toString('hex')}`]),
  );
  try {
    const listed = await ls();
    for (const [name, state] of states) assert.is(listed.get(name)?.state, state, name);
    assert.is(listed.get(damaged)?.error?.code, 'TRUNCATED_OBJECT');
    assert.is(listed.get(foreign)?.error?.code, 'FOREIGN_OBJECT');
    assert.is(listed.get(live)?.framesPublished, 4);
    assert.is(listed.get(live)?.rateHz, 0);
    assert.equal(
      listed.get(live)?.consumers?.map(({ alive, pid }) => [alive, pid]),
      [[true, reader.process.pid]],
    );

    const table = text((await cli('ls')).stdout);
    assert.not.ok(table.includes('\u001b'), 'no escape codes in a pipe');
    const lines = table.split('\n');
    assert.match(lines[0] ?? '', /^NAME +WIRE +STATE +DTYPE +SHAPE +HISTORY +SIZE +RATE +CONSUMERS +LAG +AGE$/);
    for (const [name, state] of states)
      assert.ok(
        lines.some((line) => new RegExp(`^${name} +native +${state} `).test(line)),
        name,
      );
    assert.match(lines.find((line) => line.startsWith(live)) ?? '', /float64 +\[6\] +5 .* 0\/s +1 +- +[\d.]+ (ms|s)$/);
    assert.ok(
      text((await cli('ls', '--names')).stdout)
        .split('\n')
        .includes(damaged),
    );

    const info = await cli('info', live);
    assert.is(info.code, 0, info.stderr);
    assert.match(text(info.stdout), /tensor +float64 \[6\], 48 B\n/);
    assert.match(text(info.stdout), new RegExp(`producer +pid ${producer.process.pid}, alive, epoch 1`));
    assert.match(text(info.stdout), new RegExp(`\n +0 +${reader.process.pid} +yes +latest `));
    const json = JSON.parse(text((await cli('info', live, '--json')).stdout)) as {
      poolId: string;
      fields: object[];
      mode: string;
    };
    assert.is(json.poolId, inspect(live)?.poolId.toString(16).padStart(16, '0'));
    assert.equal(json.fields, [{ name: 'data', dtype: 'float64', shape: [6], byteOffset: 0, bytes: 48 }]);
    assert.is(json.mode, '0600');
    assert.match(text((await cli('info', dead)).stdout), /state +dead\n[\s\S]*gone/);
    for (const [name, message] of [
      [damaged, /TRUNCATED_OBJECT/],
      [foreign, /FOREIGN_OBJECT/],
      [half, /under construction/],
      [`${live}x`, new RegExp(`no pool '${live}x'; did you mean '`)],
    ] as const) {
      const { code, stdout, stderr } = await cli('info', name);
      assert.equal([code, text(stdout)], [1, ''], name);
      assert.match(stderr, message);
    }

    const top = text((await cli('top', '--interval', '50', '--count', '3')).stdout);
    assert.is([...top.matchAll(/^NAME /gm)].length, 3, 'a table for each interval');
    assert.is([...top.matchAll(new RegExp(`^${live} +native +live`, 'gm'))].length, 3);
    assert.not.ok(top.includes('\u001b'));

    for (const [name, was] of before) {
      assert.is(`${statSync(pathOf(name)).mtimeMs} ${readFileSync(pathOf(name)).toString('hex')}`, was, `${name} is as it was`);
    }
  } finally {
    for (const name of [dead, closed, damaged, foreign, half]) unlinkSync(pathOf(name));
  }
});

test('ls and watch of a producer that works', async () => {
  using producer = TensorProducer.fromSample(poolName('tools-rate'), new Float32Array(16));
  const ticking = setInterval(() => void producer.put(new Float32Array(16)), 10);
  try {
    const rate = (await ls()).get(producer.name)?.rateHz;
    assert.ok(typeof rate === 'number' && rate > 0 && rate < 1000, `${rate} frames a second`);
    const { code, stdout, stderr } = await cli('watch', producer.name, '--interval', '300', '--count', '2');
    assert.is(code, 0, stderr);
    const lines = text(stdout).trimEnd().split('\n');
    assert.is(lines.length, 2);
    const line = new RegExp(`^${producer.name}  rate [\\d.]+/s [▁-█]{2}  latency [\\d.]+ ms [▁-█·]{2}  dropped \\d+ [▁-█]{2}$`);
    assert.match(lines[1] ?? '', line);
  } finally {
    clearInterval(ticking);
  }
  assert.match((await cli('watch', poolName('tools-none'))).stderr, /there is no pool/);
});

test('rates, ages and sparklines', () => {
  using producer = TensorProducer.fromSample(poolName('tools-unit'), new Float32Array(16));
  const look = () => {
    const info = inspect(producer.name);
    assert.ok(info !== null);
    return info;
  };
  const first = look();
  assert.is(rateBetween(first, look()), 0);
  assert.is(rateBetween(null, first), null);
  producer.put(new Float32Array(16));
  const second = look();
  producer.put(new Float32Array(16));
  const third = look();
  const spanNs = Number((third.publishedNs ?? 0n) - (second.publishedNs ?? 0n));
  assert.is(rateBetween(second, third), 1e9 / spanNs);
  assert.is(rateBetween({ ...second, poolId: 1n }, third), null, 'another pool of the name');
  assert.equal([null, 0.5, 999, 1000, 90_000, 7_200_000, 864e5].map(showAge), [
    '-',
    '0.500 ms',
    '999 ms',
    '1.00 s',
    '1.50 min',
    '2.00 h',
    '1.00 d',
  ]);
  assert.is(sparkline([0, 1, null, 7]), '▁▂·█');
  assert.is(sparkline([0, 0]), '▁▁');
  assert.is(sparkline([]), '');
});

test('a terminal gets a page that is redrawn', () => {
  const command = `'${process.execPath}' '${Cli.program}' top --interval 20 --count 2`;
  const { error, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    timeout: WATCHDOG_MS,
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
  });
  if (error !== undefined) {
    console.log('\nskip: no terminal for top: apt install bsdutils for script(1)');
    return;
  }
  assert.is(stdout.split('\u001b[H').length - 1, 2, stdout);
  assert.is(stdout.split('\u001b[2J').length - 1, 1);
  assert.ok(stdout.includes('\u001b[1mNAME'));
});

test('gc removes exactly the dead', async () => {
  const live = poolName('gc-live');
  await using producer = new Child('peer');
  await producer.ask({ op: 'produce', pool: live, elements: 6 });
  await using reader = new Child('peer');
  await reader.ask({ op: 'consume', pool: live });
  await reader.ask({ op: 'listen' });
  const dead = await deadPool('gc-dead', true);
  const dotted = await deadPool('gc-dead.0123456789abcdef');
  // A live consumer with a view out: it cannot leave a dead pool.
  const held = poolName('gc-held');
  const heldProducer = new Child('peer');
  await heldProducer.ask({ op: 'produce', pool: held, elements: 6 });
  await heldProducer.ask({ op: 'put', value: 1 });
  const holder = new Child('peer');
  await holder.ask({ op: 'consume', pool: held });
  await holder.ask({ op: 'borrow' });
  await heldProducer.kill();
  const waits = poolName('gc-waits');
  await using waiter = new Child('peer');
  await waiter.ask({ op: 'consume', pool: waits });
  await waiter.ask({ op: 'listen' });
  const damaged = await deadPool('gc-damaged');
  const bytes = readFileSync(pathOf(damaged));
  bytes.fill(255, 56, 64);
  writeFileSync(pathOf(damaged), bytes);
  const foreign = await deadPool('gc-foreign');
  writeFileSync(pathOf(foreign), readFileSync(pathOf(foreign)).fill(1, HEADER_MAGIC, HEADER_MAGIC + 8));
  const link = poolName('gc-link');
  symlinkSync(pathOf(dead), pathOf(link));
  const half = poolName('gc-half');
  writeFileSync(pathOf(half), '');
  const file = poolName('gc-file');
  const noDoorbell = `/dev/shm/tensoripc-bell.${file}.0123456789abcdef`;
  writeFileSync(noDoorbell, '');
  // Only ours: on this machine others may work at the same time.
  const pools = [live, dead, dotted, held, waits, damaged, foreign, link, half, file];
  const there = () => pools.flatMap(leftovers).sort();
  const everything = there();
  try {
    // What has just been made is given a second.
    await sleep(1100);
    const dry = await cli('gc', '--dry-run', '--json', ...pools);
    assert.is(dry.code, 0, dry.stderr);
    assert.equal(there(), everything, 'a dry run removes nothing');
    const said = JSON.parse(text(dry.stdout)) as { file: string; action: string; reason: string }[];
    const of = (action: string) => said.filter((removal) => removal.action === action).map((removal) => removal.file);
    const goes = [dead, dotted, half].flatMap(leftovers).sort();
    assert.equal(of('wouldRemove').sort(), goes);
    assert.equal(of('removed'), []);
    assert.equal(
      of('unknown').sort(),
      [damaged, foreign, link]
        .map((name) => `tensoripc.${name}`)
        .concat(noDoorbell.slice('/dev/shm/'.length))
        .sort(),
    );
    assert.equal(of('kept').sort(), [live, held, waits].flatMap(leftovers).sort());
    assert.match(said.find((removal) => removal.file === `tensoripc.${held}`)?.reason ?? '', /a consumer is still attached/);

    const real = await cli('gc', ...pools);
    assert.is(real.code, 0, real.stderr);
    assert.match(text(real.stdout), new RegExp(`removed +tensoripc\\.${dead} +its producer is dead\n`));
    assert.match(text(real.stdout), new RegExp(`left alone +tensoripc\\.${damaged} +CORRUPT_OBJECT`));
    assert.equal(
      there(),
      everything.filter((name) => !goes.includes(name)),
    );
    assert.is((await producer.ask<{ value: number }>({ op: 'put', value: 5 })).value, 0, 'the living go on');
    assert.equal(await reader.ask({ op: 'get' }), { value: { sequence: 0, first: 5 } });

    await holder.kill();
    await cli('gc', held);
    assert.equal(leftovers(held), []);
  } finally {
    for (const name of [damaged, foreign, link]) unlinkSync(pathOf(name));
    unlinkSync(noDoorbell);
  }
});

test('rm', async () => {
  const dead = await deadPool('rm-dead', true);
  const gone = await cli('rm', dead);
  assert.is(gone.code, 0, gone.stderr);
  assert.is(text(gone.stdout).split('\n').length, 3, 'the pool and the doorbell');
  assert.equal(leftovers(dead), []);
  const again = await cli('rm', dead);
  assert.is(again.code, 1);
  assert.match(again.stderr, /there is no pool/);

  using producer = TensorProducer.fromSample(poolName('rm-live'), new Uint8Array(64));
  using consumer = TensorConsumer.attach(producer.name);
  const refused = await cli('rm', producer.name);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /PRODUCER_EXISTS.*--force/);
  assert.is(leftovers(producer.name).length, 1);
  assert.is((await cli('rm', producer.name, '--force')).code, 0);
  assert.equal(leftovers(producer.name), []);
  producer.put(new Uint8Array(64).fill(3));
  assert.is(consumer.get()?.data[0], 3, 'those attached go on');

  const damaged = await deadPool('rm-damaged');
  writeFileSync(pathOf(damaged), readFileSync(pathOf(damaged)).subarray(0, 700));
  assert.is((await cli('rm', damaged)).code, 0);
  const foreign = poolName('rm-foreign');
  writeFileSync(pathOf(foreign), Buffer.alloc(9000, 1));
  assert.match((await cli('rm', foreign)).stderr, /FOREIGN_OBJECT/);
  assert.is((await cli('rm', foreign, '--force')).code, 0);
  assert.equal([...leftovers(damaged), ...leftovers(foreign)], []);
});

test('doctor finds what is there, and says what is missing', async () => {
  const { code, stdout } = await cli('doctor', '--json');
  const findings = JSON.parse(text(stdout)) as { what: string; status: string; found: string }[];
  const status = (what: string) => findings.find((finding) => finding.what === what)?.status;
  assert.is(code, 0, text(stdout));
  for (const what of ['system', 'node', 'system calls', 'a pool']) assert.is(status(what), 'ok', what);
  const hasFfmpeg = spawnSync('ffmpeg', ['-version']).error === undefined;
  assert.is(status('ffmpeg'), hasFfmpeg ? 'ok' : 'absent');
  assert.match(text((await cli('doctor')).stdout), /^ok +system +linux/);
  const noFfmpeg = await new Cli(['doctor'], { PATH: scratch }).ended;
  assert.is(noFfmpeg.code, 0);
  assert.match(text(noFfmpeg.stdout), /absent +ffmpeg +not found\n +.*apt install ffmpeg/);

  // The same program where no koffi is to be found.
  const alone = join(scratch, 'alone');
  mkdirSync(join(alone, 'node_modules'), { recursive: true });
  symlinkSync(resolve('node_modules/fast-png'), join(alone, 'node_modules/fast-png'));
  for (const file of readdirSync(dirname(Cli.program))) {
    if (/^(demo-cli|chunk-.*)\.mjs$/.test(file)) cpSync(join(dirname(Cli.program), file), join(alone, file));
  }
  const missing = spawnSync(process.execPath, [join(alone, 'demo-cli.mjs'), 'doctor'], {
    encoding: 'utf8',
    timeout: WATCHDOG_MS,
  });
  assert.is(missing.status, 1, missing.stdout + missing.stderr);
  assert.match(missing.stdout, /MISSING +system calls +.*\n +Run "npm install koffi"/, missing.stderr);
});

/** Arguments that cannot be used, and what is said about them. */
const USAGE: readonly [args: string[], message: RegExp][] = [
  [['ls', 'cam'], /did you mean "tensor-ipc info cam"/],
  [['ls', '--interval', 'soon'], /--interval is a whole number/],
  [['info'], /no pool given/],
  [['info', 'a', 'b'], /found also b/],
  [['top', 'cam'], /takes no name/],
  [['watch'], /no pool given/],
  [['watch', 'cam', '--trust', 'me'], /--trust is/],
  [['rm'], /no pool given/],
  [['doctor', 'now'], /takes no argument/],
  [['pub'], /no pool given/],
  [['pub', 'cam'], /no shape given/],
  [['pub', 'cam', '--shape', '480,x'], /--shape is like 480,640,3/],
  [['pub', 'cam', '--shape', '480,0'], /--shape is like 480,640,3/],
  [['pub', 'cam', '--shape', '4', '--dtype', 'complex'], /dtype must be one of/],
  [['pub', 'cam', '--shape', '4', '--fps', '0'], /--fps is above 0/],
  [['sub'], /no pool given/],
  [['sub', 'cam', '--all', '--latest'], /not both/],
  [['completion'], /one shell of bash, zsh, fish/],
  [['completion', 'tcsh'], /found tcsh/],
];

test('what cannot be used ends with code 2, a reason and a hint', async () => {
  for (const [args, message] of USAGE) {
    const { code, stdout, stderr } = await cli(...args);
    assert.equal([code, text(stdout)], [2, ''], `${args.join(' ')}\n${stderr}`);
    assert.match(stderr, message, args.join(' '));
    assert.match(stderr, /--help/);
  }
});

test('completion: the scripts parse, and bash completes', async () => {
  using producer = TensorProducer.fromSample(poolName('completes'), new Uint8Array(64));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await cli('completion', shell);
    assert.is(code, 0, stderr);
    for (const { name, hidden } of commands) assert.is(text(stdout).includes(name), hidden !== true, `${shell}: ${name}`);
    const script = join(scratch, `completion.${shell}`);
    writeFileSync(script, stdout);
    const { error, status, stderr: complaint } = spawnSync(shell, ['-n', script], { encoding: 'utf8' });
    if (error !== undefined) console.log(`\nskip: ${shell} -n: apt install ${shell}`);
    else assert.equal([status, complaint], [0, ''], shell);
  }
  const complete = (...words: string[]) => {
    const script =
      `tensor-ipc() { "${process.execPath}" "${Cli.program}" "$@"; }; source '${join(scratch, 'completion.bash')}'; ` +
      `COMP_WORDS=(tensor-ipc "$@"); COMP_CWORD=$#; _tensor_ipc; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
      .trim()
      .split('\n');
  };
  assert.equal(complete('in'), ['info']);
  assert.equal(complete('pub', 'cam', '--sh'), ['--shape']);
  assert.equal(complete('completion', 'z'), ['zsh']);
  assert.equal(complete('help', 'top'), ['top']);
  assert.equal(complete('info', producer.name.slice(0, -1)).includes(producer.name), true);
  assert.ok(complete('').includes('doctor'));
});

test('nothing is left', async () => {
  rmSync(scratch, { recursive: true, force: true });
  await until(() => readdirSync('/dev/shm').every((file) => !file.includes(`-${process.pid}-`)), 'all is clean');
});

test.run();
