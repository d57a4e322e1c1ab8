// Every number in a pool's object is untrusted. Mutated objects, seeded, are met by consumers and producers in processes of their own:
// each call works or throws a TensorIpcError; nobody crashes or hangs, nothing outside of the pool is read, written or kept.
//
//   HOSTILE_RUNS=100000 node scripts/test.mjs hostile      that many mutations instead of a few thousand
//   HOSTILE_SEED=20000000                                  other seeds than those of every run

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Report, Task } from './programs/hostile-child';
import { Child, hasCode, leftovers, poolName } from './support/child';
import { FORM_NAMES, formOfSeed, framesOffsetOf, VARYING_NAMES, VARYING_SEED } from './support/hostile-image';

const test = suite('hostile');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-test-'));
test.after(() => rmSync(folder, { recursive: true }));

const RUNS = Number(process.env['HOSTILE_RUNS'] ?? 6000);
const FIRST_SEED = Number(process.env['HOSTILE_SEED'] ?? 0);
/** Mutations of a session behind somebody's back (ROUNDS of the child). */
const ROUNDS = 8;
const PARALLEL = 2;
/** Seeds that one process runs: few enough that it ends well before its watchdog. */
const BATCH = { before: 2500, behind: 500, across: 60 } as const;
/** A process that stays at one seed for so long hangs. A watchdog, not a limit on how fast it must be. */
const STUCK_MS = 30_000;

interface Found {
  readonly seed: number;
  readonly what: string;
}

interface Total {
  mutations: number;
  readonly faults: Found[];
  readonly counts: Record<string, number>;
  longestMs: number;
}

/** Runs one batch in a process of its own. However that ends, its seed is known. */
async function runBatch(mode: Task['mode'], pool: string, seeds: readonly number[], total: Total): Promise<void> {
  const progress = join(folder, pool);
  const task: Task = { mode, pool, seeds, progress };
  await using child = new Child('hostile-child', [JSON.stringify(task)]);
  let at = '';
  let since = Date.now();
  const seedNow = () => {
    try {
      return readFileSync(progress, 'utf8').trim();
    } catch (error) {
      return `none yet (${error instanceof Error ? error.message : error})`;
    }
  };
  let stuck = false;
  const watchdog = setInterval(() => {
    const now = seedNow();
    if (now !== at) since = Date.now();
    at = now;
    if (Date.now() - since < STUCK_MS) return;
    stuck = true;
    child.process.kill('SIGKILL');
  }, 500);
  try {
    const report = await child.receive<Report>();
    total.mutations += report.mutations;
    total.faults.push(...report.faults);
    total.longestMs = Math.max(total.longestMs, report.longestMs);
    for (const [key, count] of Object.entries(report.counts)) total.counts[key] = (total.counts[key] ?? 0) + count;
  } catch (error) {
    const seed = Number(seedNow());
    const how = stuck ? `hung for ${STUCK_MS} ms` : 'crashed';
    total.faults.push({ seed, what: `${mode}: ${how}: ${error instanceof Error ? error.message : error}` });
    sweep(pool);
  } finally {
    clearInterval(watchdog);
  }
}

/** Removes what a process that crashed had set up. */
function sweep(pool: string): void {
  // Not what begins with the same name and goes on with another digit: that is another process's.
  const mine = new RegExp(`^tensoripc(-bell)?\\.${pool}(?!\\d)`);
  for (const name of readdirSync('/dev/shm')) if (mine.test(name)) rmSync(`/dev/shm/${name}`, { recursive: true, force: true });
}

function newTotal(): Total {
  return { mutations: 0, faults: [], counts: {}, longestMs: 0 };
}

/** Runs seeds of a mode, a batch for each form in turn, so many processes at a time. */
async function run(mode: 'before' | 'behind', seeds: readonly number[]): Promise<Total> {
  const total = newTotal();
  const batches: number[][] = [];
  // A process keeps to one form.
  for (const form of [...FORM_NAMES, ...VARYING_NAMES]) {
    const mine = seeds.filter((seed) => formOfSeed(seed) === form);
    for (let i = 0; i < mine.length; i += BATCH[mode]) batches.push(mine.slice(i, i + BATCH[mode]));
  }
  const pools: string[] = [];
  const worker = async () => {
    for (let seeds = batches.shift(); seeds !== undefined; seeds = batches.shift()) {
      const pool = poolName(`hostile-${mode}`);
      pools.push(pool);
      await runBatch(mode, pool, seeds, total);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  for (const pool of pools) assert.equal(leftovers(pool), []);
  return total;
}

/** Faults that are known and not mended yet. Whoever mends one takes its line away, and its seeds stay below. */
const OPEN: { readonly pattern: RegExp; readonly what: string }[] = [];

const known = new Set<string>();

/** Fails with the faults, each once with one of its seeds. */
function assertClean(total: Total): void {
  const once = new Map<string, Found & { times: number }>();
  for (const { seed, what } of total.faults) {
    const open = OPEN.find(({ pattern }) => pattern.test(what.split('\n')[0] as string));
    if (open !== undefined) {
      if (!known.has(open.what)) console.log(`\nskip: a known fault: ${open.what}; mend it and take it from OPEN in this file`);
      known.add(open.what);
      continue;
    }
    const key = (what.split('\n')[0] as string).replace(/\d+/g, '0');
    once.set(key, { seed, what, times: (once.get(key)?.times ?? 0) + 1 });
  }
  const faults = [...once.values()].map(({ seed, what, times }) => `seed ${seed} (${times} times): ${what}`);
  assert.is(faults.length, 0, faults.join('\n'));
}

function announce(label: string, { mutations, counts, longestMs }: Total): void {
  const few = Object.entries(counts).sort(([, a], [, b]) => b - a);
  console.log(
    `${label}: ${mutations} mutations, longest ${longestMs.toFixed(0)} ms; ${few.map(([k, n]) => `${k} ${n}`).join(', ')}`,
  );
}

/** So many seeds, of which every fourth is of a form of varying length. */
const seeds = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    i % 4 === 3 ? VARYING_SEED + FIRST_SEED + (i - 3) / 4 : FIRST_SEED + i - Math.floor(i / 4),
  );

test('mutated before anybody attaches', async () => {
  const count = Math.ceil(RUNS / 2);
  const total = await run('before', seeds(count));
  announce('before attach', total);
  assertClean(total);
  assert.is(total.mutations, count);
  // The mutations reach every layer: some are refused for each reason, and some objects are still read.
  const reached = ['attached', 'no pool', 'get', 'window', 'borrow', 'tryNext', 'inspected', 'put', 'waits'];
  const refused = ['CORRUPT_OBJECT', 'FOREIGN_OBJECT', 'TRUNCATED_OBJECT', 'VERSION_MISMATCH', 'UNSAFE_MODE'];
  for (const key of [...reached, ...refused]) assert.ok(total.counts[key], key);
});

test('mutated behind the backs of producer and consumers', async () => {
  const sessions = Math.ceil(RUNS / 2 / ROUNDS);
  const total = await run('behind', seeds(sessions));
  announce('while attached', total);
  assertClean(total);
  assert.is(total.mutations, sessions * ROUNDS);
  for (const code of [
    'attached',
    'get',
    'window',
    'borrow',
    'put',
    'loan',
    'CORRUPT_OBJECT',
    'PIN_TIMEOUT',
    'refused',
  ] as const) {
    assert.ok(total.counts[code], code);
  }
});

test('mutated while a producer in another process publishes', async () => {
  const firsts = [
    ...FORM_NAMES.map((_, i) => ({ first: FIRST_SEED + i, step: FORM_NAMES.length })),
    ...VARYING_NAMES.map((_, i) => ({ first: VARYING_SEED + FIRST_SEED + i, step: VARYING_NAMES.length })),
  ];
  for (const { first, step } of firsts) {
    const form = formOfSeed(first);
    const pool = poolName('hostile-across');
    await using peer = new Child('hostile-peer', [pool, form]);
    await peer.ask('ready');
    const total = newTotal();
    const mine = Array.from({ length: BATCH.across }, (_, k) => first + k * step);
    await runBatch('across', pool, mine, total);
    const { value } = await peer.ask<{ value: { faults: string[]; published: number } }>('stop');
    for (const fault of value.faults) total.faults.push({ seed: -1, what: `producer: ${fault}` });
    assertClean(total);
    assert.ok(value.published > BATCH.across, 'the producer went on');
    sweep(pool);
  }
});

test('the one thing that kills: an object cut short under a mapping (docs/security.md)', async () => {
  const pool = poolName('hostile-cut');
  using producer = TensorProducer.fromSample(pool, new Float64Array(1024));
  producer.put(new Float64Array(1024).fill(1));
  const reader = new Child('peer');
  assert.equal(await reader.ask({ op: 'consume', pool }), { value: true });
  assert.equal(await reader.ask({ op: 'get' }), { value: { sequence: 0, first: 1 } });
  const path = `/dev/shm/tensoripc.${pool}`;
  const original = readFileSync(path);
  // The control block stays: what is cut off are the frames.
  truncateSync(path, framesOffsetOf(original));
  reader.send({ op: 'get' });
  assert.is((await reader.ended).signal, 'SIGBUS');
  // Who comes now is told: of the size, and, where only that was mended, of the hole.
  assert.throws(() => TensorConsumer.attach(pool), hasCode('TRUNCATED_OBJECT'));
  truncateSync(path, original.length);
  assert.throws(() => TensorConsumer.attach(pool), hasCode('TRUNCATED_OBJECT'));
  writeFileSync(path, original, { flag: 'r+' });
  using consumer = TensorConsumer.attach(pool);
  assert.is(consumer.get()?.sequence, 0);
});

// Seeds that found a fault once. They are run for ever.
const REGRESSIONS: { readonly mode: 'before' | 'behind'; readonly seeds: readonly number[]; readonly what: string }[] = [
  { mode: 'before', seeds: [445, 196, 17, 178, 134], what: 'a head out of range: the entry, lock and mapping were kept' },
  {
    mode: 'before',
    seeds: [685, 196, 177],
    what: 'a directory under the name of a dead doorbell: cleanup threw, the lock was kept',
  },
  {
    mode: 'before',
    seeds: [7720, 3893, 404, 3339],
    what: 'metadata nested so deep that the message about it overflowed the stack',
  },
  { mode: 'before', seeds: [200, 425, 8, 173], what: 'that directory in the way of put and loan, which have to reap' },
  { mode: 'behind', seeds: [25, 75, 145, 215, 373], what: 'that directory, behind the back of a producer' },
  { mode: 'behind', seeds: [40, 890, 970], what: 'a head out of range when listeners are served: nobody caught the error' },
];

for (const { mode, seeds, what } of REGRESSIONS) {
  test(`regression: ${what}`, async () => assertClean(await run(mode, seeds)));
}

test.run();
