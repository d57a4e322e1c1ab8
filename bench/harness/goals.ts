// The table of goals: one row for each thing that is to be as fast as something else. A benchmark fills a row by naming it in what it
// summarises; what the goal is, and which benchmark measures it, stands only here.

import type { Result } from './contract';
import { digits, readable, table } from './format';
import { type Promised, promised } from './promised';

interface Row {
  readonly what: string;
  /** The benchmark that fills it. */
  readonly benchmark: string;
  readonly goal: Promised;
}

/** Eight sleeping readers are measured by the CPU of all processes for one frame. */
const FAN_OUT = '1080p at 30 Hz to 8 sleeping readers, CPU a frame';

const ROWS = {
  'fan-out-borrow': { what: `${FAN_OUT}: frames({ borrow })`, benchmark: 'fan-out', goal: promised.ratioAtMost(1.2) },
  'fan-out-sync': { what: `${FAN_OUT}: waitSync`, benchmark: 'fan-out', goal: promised.ratioAtMost(2.8) },
  'fan-out-copy': { what: `${FAN_OUT}: copied in once`, benchmark: 'fan-out', goal: promised.ratioAtMost(1) },
  'one-way-1080p': { what: 'one way, loan → borrow, 1080p at 100 Hz', benchmark: 'peers', goal: promised.ratioAtMost(1) },
  'one-way-4k': { what: 'one way, loan → borrow, 4K at 30 Hz', benchmark: 'peers', goal: promised.ratioAtMost(1) },
  'one-way-28': { what: 'one way, put → next, 28 B at 1 kHz', benchmark: 'peers', goal: promised.ratioAtMost(1.1) },
  cold: { what: 'one way, loan → borrow, cold: 30 Hz', benchmark: 'cold', goal: promised.ratioAtMost(1) },
  'spin-paced': { what: 'spin, loan → borrow, paced', benchmark: 'peers', goal: promised.ratioAtMost(1) },
  'spin-ping-pong': { what: 'spin ping-pong', benchmark: 'spin', goal: promised.ratioAtMost(1.5) },
  'loan-commit': { what: 'loan + commit', benchmark: 'loan-commit', goal: promised.atMost(70, 'ns') },
  'borrow-release': { what: 'borrow + release', benchmark: 'borrow-release', goal: promised.atMost(75, 'ns') },
  'put-28': { what: 'put of 28 B', benchmark: 'put', goal: promised.atMost(95, 'ns') },
  'put-idle-32': {
    what: 'put with 32 idle readers that once borrowed',
    benchmark: 'put-idle-consumers',
    goal: promised.ratioAtMost(1.05),
  },
  'get-fresh-921600': { what: 'get() into fresh memory, 0.9 MB', benchmark: 'get', goal: promised.ratioAtMost(2) },
  'get-fresh-6220800': { what: 'get() into fresh memory, 6.2 MB', benchmark: 'get', goal: promised.ratioAtMost(2) },
  'take-over-lap': { what: 'first lap after a take-over', benchmark: 'attach', goal: promised.ratioAtMost(1.2) },
  'attach-piece': {
    what: 'open a pool of 1.5 GiB: longest time that the event loop stood still',
    benchmark: 'attach',
    goal: promised.atMost(20, 'ms'),
  },
  'create-piece': {
    what: 'create a large pool: longest time that the event loop stood still',
    benchmark: 'attach',
    goal: promised.atMost(20, 'ms'),
  },
  death: { what: 'SIGKILL of the producer until a waiting reader knows', benchmark: 'death', goal: promised.atMost(10, 'ms') },
} satisfies Record<string, Row>;

export type GoalRow = keyof typeof ROWS;

/** What a result says of its row. */
export interface GoalOutcome {
  readonly row: GoalRow;
  readonly goal: string;
  /** Null where there was nothing to compare with. */
  readonly reached: boolean | null;
}

export function goalOutcome(row: GoalRow, value: number, ratio: number | null): GoalOutcome {
  const { goal }: Row = ROWS[row];
  return { row, goal: goal.text, reached: goal.kept(value, ratio) };
}

/** The benchmarks that fill the table. */
export function goalBenchmarks(): ReadonlySet<string> {
  return new Set(Object.values(ROWS).map(({ benchmark }) => benchmark));
}

const COLUMNS = ['', 'ours', 'beside it', 'ratio', 'goal', 'reached', 'beside it is'] as const;

/** The table, every row of it: one that nobody measured says how to. */
export function goalTable(results: readonly Result[]): string[] {
  const rows = Object.entries<Row>(ROWS).map(([id, { what, benchmark, goal }]) => {
    const result = results.find((candidate) => candidate.goal?.row === id);
    if (result === undefined) return [what, '', '', '', goal.text, 'not measured', `npm run bench -- --only ${benchmark}`];
    const { value, unit, baseline, ratio, against } = result;
    const reached = result.goal?.reached ?? null;
    return [
      what,
      readable(value, unit),
      baseline === null ? 'absent' : readable(baseline, unit),
      ratio === null ? '' : `${digits(ratio)}×`,
      goal.text,
      reached === null ? 'unknown' : reached ? 'yes' : 'NO',
      against,
    ];
  });
  const measured = results.filter(({ goal }) => goal !== undefined);
  const reached = measured.filter(({ goal }) => goal?.reached === true).length;
  return [
    'goals:',
    ...table(COLUMNS, rows, new Set(['ours', 'beside it', 'ratio'])),
    '',
    `${reached} of ${measured.length} measured goals reached; ${rows.length - measured.length} of ${rows.length} rows were not measured.`,
  ];
}
