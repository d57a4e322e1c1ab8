// Litmus tests of the protocol's ordering requirements (docs/pool-format.md, S1 to S6): real processes race on one pool's words, and
// every outcome is counted. Each row lists what may be seen and what must not; each fault shows that the harness would see it.
//
//   LITMUS_RUNS=1000000 LITMUS_REPORT=build/litmus.txt TEST_WATCHDOG_MS=3600000 npm test -- litmus
//
// does the full number of runs for every row, and writes the counts to a file.

import { appendFileSync } from 'node:fs';
import { MetadataCreator } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Mapping } from '../host/memory/mapping';
import { openForProducer } from '../host/native/pool';
import { objectName } from '../host/native/trust';
import { allAtOnce } from '../host/runtime/pieces';
import { platform } from '../host/runtime/system';
import { BOARD_DONE, FRAME_WORDS, type Report, type Role, type Task } from './programs/litmus-task';
import { Child, leftovers, poolName } from './support/child';

const RUNS = Number(process.env['LITMUS_RUNS'] ?? 10_000);
/** A fault is looked for until it is seen, at most this many times the runs of a row. */
const FAULT_ATTEMPTS = 2000;
/** What needs the processor's store buffer takes about a million rounds to be seen. */
const IS_FULL = RUNS >= 1_000_000;

interface Row {
  readonly name: string;
  /** The programs, one process each; those that only write come first. */
  readonly roles: readonly Role[];
  readonly pools?: number;
  readonly historyLen?: number;
  readonly ignoreViews?: boolean;
  /** On the core with fences, where this processor runs the one without. */
  readonly fenced?: boolean;
  readonly legal: readonly string[];
  readonly forbidden: readonly string[];
  /** Faults that must be seen to give a forbidden outcome: which process commits it, and what it is. */
  readonly faults: readonly (readonly [number, string])[];
}

const SAW = ['missed', 'seen'];
/** Outcomes of a round of two processes, each of which either sees the other or misses it. */
const SB = { legal: ['seen/seen', 'seen/missed', 'missed/seen'], forbidden: ['missed/missed'] };

const ROWS: readonly Row[] = [
  {
    name: 'S1 publish: head, stamp, bytes',
    roles: ['put', 'publish'],
    legal: ['frame', 'overtaken'],
    forbidden: ['head without its frame', 'stamp without its bytes'],
    faults: [
      [0, 'head first'],
      [0, 'length last'],
    ],
  },
  {
    name: 'S1 publish: an effect, told in a second pool, has its cause in the first (three processes)',
    roles: ['put', 'relay', 'causal'],
    pools: 2,
    legal: ['cause and effect', 'retry'],
    forbidden: ['effect without its cause'],
    faults: [[2, 'cause first']],
  },
  {
    name: 'S1 publish: two readers agree about the order of frames of two pools (four processes)',
    roles: ['put', 'put', 'log-ab', 'log-ba'],
    pools: 2,
    legal: ['same order'],
    forbidden: ['other order'],
    faults: [[3, 'reads a first']],
  },
  {
    name: 'S2 seqlock: copies',
    roles: ['put', 'copy'],
    legal: ['whole', 'retry'],
    forbidden: ['torn'],
    faults: [
      [1, 'no second look'],
      [1, 'length behind the second look'],
    ],
  },
  {
    name: 'S2 seqlock: two copying readers (three processes)',
    roles: ['put', 'copy', 'copy'],
    legal: ['whole', 'retry'],
    forbidden: ['torn'],
    faults: [],
  },
  // docs/design/0013-fences.md
  {
    name: 'S2 seqlock: copies, on the core with fences',
    roles: ['put', 'copy'],
    fenced: true,
    legal: ['whole', 'retry'],
    forbidden: ['torn'],
    faults: [[1, 'no second look']],
  },
  {
    name: 'S2 seqlock: views that are overwritten',
    roles: ['put', 'valid'],
    ignoreViews: true,
    legal: ['whole', 'lapped'],
    forbidden: ['changed'],
    faults: [[1, 'no look']],
  },
  {
    name: 'S2 seqlock: views that are overwritten, on the core with fences',
    roles: ['put', 'valid'],
    ignoreViews: true,
    fenced: true,
    legal: ['whole', 'lapped'],
    forbidden: ['changed'],
    faults: [],
  },
  {
    name: 'S3 pin against claim: writer/reader',
    roles: ['claim', 'pin'],
    ...SB,
    faults: [[1, 'claim before pin'], ...(IS_FULL ? ([[1, 'plain store']] as const) : [])],
  },
  {
    name: 'S3 pin against claim: a reader that had taken its bit back',
    roles: ['claim', 'pin again'],
    ...SB,
    faults: [[1, 'bit last']],
  },
  {
    name: 'S4 unpin, then overwrite',
    roles: ['put', 'view'],
    legal: ['whole', 'lapped'],
    forbidden: ['changed'],
    faults: [[1, 'unpin first']],
  },
  {
    name: 'S4 unpin, then overwrite: two views (three processes)',
    roles: ['put', 'view', 'view'],
    legal: ['whole', 'lapped'],
    forbidden: ['changed'],
    faults: [],
  },
  {
    name: 'S5 doorbell: producer sees armed/consumer sees the head',
    roles: ['commit', 'arm'],
    ...SB,
    faults: [[1, 'head before armed']],
  },
  {
    name: 'S6 producer sees the pin gone/consumer sees it waiting',
    roles: ['announce', 'unpin'],
    ...SB,
    faults: [[0, 'pins before waiting']],
  },
  {
    name: 'lossless cursor against claim: two readers (three processes)',
    roles: ['put', 'lossless', 'lossless'],
    historyLen: 62,
    ignoreViews: true,
    legal: ['next frame'],
    forbidden: ['another frame'],
    faults: [[1, 'cursor first']],
  },
];

const system = platform().system();

function create(label: string, historyLen: number): Mapping {
  const metadata = MetadataCreator.fromSample(poolName(label), new Uint32Array(FRAME_WORDS), { historyLen });
  return allAtOnce(openForProducer(system, { metadata, historyPad: 'zero' }, { mode: 0o600, trust: 'owner' })).mapping;
}

function remove(mapping: Mapping): void {
  system.unlinkObject(objectName(mapping.metadata.name));
  mapping.unmap();
  system.close(mapping.fd);
}

/** Runs of one race: short enough for the watchdog of the processes on a busy machine. */
const CHUNK = 100_000;
/** After this long the processes are replaced: their watchdog counts from their start. */
const RENEW_MS = 20_000;
const children: Child[] = [];
let bornMs = 0;
let haveFences = false;

async function endChildren(): Promise<void> {
  await Promise.all(children.splice(0).map((child) => child[Symbol.asyncDispose]()));
}

const WRITERS: readonly Role[] = ['put', 'relay'];

/** One run of a row's programs over pools of their own: what was seen, and how often. */
async function race(row: Row, runs: number, fault: readonly [number, string] | null): Promise<Record<string, number>> {
  const fenced = row.fenced ?? false;
  if (performance.now() - bornMs > RENEW_MS || fenced !== haveFences) {
    await endChildren();
    bornMs = performance.now();
    haveFences = fenced;
  }
  const board = create('litmus-board', 1);
  const pools = Array.from({ length: row.pools ?? 1 }, (_, i) => create(`litmus-${i}`, row.historyLen ?? 1));
  try {
    const names = pools.map(({ metadata }) => metadata.name);
    const answers = row.roles.map(async (role, index): Promise<Report> => {
      children[index] ??= new Child('litmus-process', [], fenced ? { TENSOR_IPC_FENCES: '1' } : {});
      // The second of two writers writes the second pool.
      const own = role === 'put' && index === 1 ? names.slice(1) : names;
      const task: Task = {
        ...{ role, board: board.metadata.name, pools: own, index, parties: row.roles.length, runs },
        ...{ broken: fault?.[0] === index ? fault[1] : null, ignoreViews: row.ignoreViews ?? false },
      };
      const answer = await (children[index] as Child).ask<{ value: Report } | { error: { message: string } }>(task);
      if ('error' in answer) throw new Error(`${role}: ${answer.error.message}`);
      return answer.value;
    });
    // Handled from the start: the others of a process that fails are killed below, and must not take this one with them.
    const settled = Promise.allSettled(answers);
    const readers = answers.filter((_, index) => !WRITERS.includes(row.roles[index] as Role));
    await Promise.all(readers).finally(() => {
      Atomics.store(board.window(0, 1, false).data as Uint32Array, BOARD_DONE, 1);
    });
    await settled;
    await Promise.all(answers);
    return tally(await Promise.all(readers), row);
  } finally {
    for (const mapping of [board, ...pools]) remove(mapping);
  }
}

/** Outcomes of the readers, joined where an outcome is what two of them saw. */
function tally(reports: readonly Report[], row: Row): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (outcome: string, count: number) => {
    counts[outcome] = (counts[outcome] ?? 0) + count;
  };
  const [first, second] = reports as [Report, Report];
  if ('seen' in first && 'seen' in second) {
    // The producer of S6 sees the pin gone where it finds nothing in its way.
    const flip = row.roles[0] === 'announce' ? 1 : 0;
    for (const [i, one] of first.seen.entries()) add(`${SAW[one ^ flip]}/${SAW[second.seen[i] as number]}`, 1);
  } else if ('log' in first && 'log' in second) {
    const disagreeing = disagreements(first.log, second.log);
    add('other order', disagreeing);
    add('same order', first.log.length / 2 - disagreeing);
  } else
    for (const report of reports) if ('counts' in report) for (const [name, n] of Object.entries(report.counts)) add(name, n);
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}

/**
 * How often the first reader, which read a and then b, saw a frame of a before one of b that the second, which read b and then a, saw
 * before that frame of a. Both logs hold (a, b) and only ever rise.
 */
function disagreements(ab: Uint32Array, ba: Uint32Array): number {
  let found = 0;
  let j = 0;
  for (let i = 0; i < ab.length; i += 2) {
    const a = ab[i] as number;
    const b = ab[i + 1] as number;
    while (j < ba.length && (ba[j + 1] as number) <= b) j += 2;
    if (j < ba.length && (ba[j] as number) < a) found += 1;
  }
  return found;
}

/** Prints a line, and keeps it where LITMUS_REPORT says: npm test shows the output of tests that fail. */
function report(line: string): void {
  console.log(`litmus: ${line}`);
  const file = process.env['LITMUS_REPORT'];
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

const show = (counts: Record<string, number>) =>
  Object.entries(counts)
    .map(([outcome, n]) => `${outcome} ${n}`)
    .join(', ');
const sum = (counts: Record<string, number>, names: readonly string[]) =>
  names.reduce((all, name) => all + (counts[name] ?? 0), 0);

if (!IS_FULL) console.log('skip: the fault "plain store" needs a million rounds: LITMUS_RUNS=1000000 npm test -- litmus');
for (const row of ROWS) {
  test(row.name, async () => {
    const counts: Record<string, number> = {};
    for (let left = RUNS; left > 0; left -= CHUNK) {
      for (const [outcome, n] of Object.entries(await race(row, Math.min(left, CHUNK), null)))
        counts[outcome] = (counts[outcome] ?? 0) + n;
    }
    report(`${row.name}: ${show(counts)}`);
    for (const outcome of Object.keys(counts))
      assert.ok(row.legal.includes(outcome), `${outcome} is no legal outcome: ${show(counts)}`);
    assert.ok(sum(counts, row.legal) >= RUNS, show(counts));
    assert.ok((counts[row.legal[0] as string] ?? 0) > 0 || row.legal.length > 1, 'the outcome that matters was seen');
  });

  for (const fault of row.faults) {
    test(`${row.name}: the fault "${fault[1]}" is seen`, async () => {
      for (let attempt = 1; ; attempt++) {
        const counts = await race(row, Math.min(RUNS, 20_000), fault);
        if (sum(counts, row.forbidden) > 0) {
          report(`${row.name}, "${fault[1]}": ${show(counts)} (attempt ${attempt})`);
          return;
        }
        assert.ok(attempt < FAULT_ATTEMPTS, `not seen: ${show(counts)}`);
      }
    });
  }
}

test('nothing is left behind', async () => {
  await endChildren();
  assert.equal(leftovers('litmus'), []);
});

test.run();
