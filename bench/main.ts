// npm run bench -- [--json] [--quick] [--only name,…] [--runs N]

import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchmarks, roles } from './benchmarks/index';
import { sleepSync } from './harness/clock';
import type { Benchmark, Result } from './harness/contract';
import { goalBenchmarks } from './harness/goals';
import { ownRuntime } from './harness/machine';
import { compileNatives } from './harness/native';
import { sweepPools } from './harness/pools';
import { playRole, startRole } from './harness/processes';
import { endProgress, progress } from './harness/progress';
import { beginRun } from './harness/provenance';
import { jsonReport, textReport } from './harness/report';
import { type Outcome, type RunnerConfig, runnerRole } from './harness/runner';

/** A benchmark that hangs is ended. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 600_000;

/** By then a process that was killed is gone. */
const KILLED_MS = 20;

/** Chooses the benchmarks that fill the table of goals. */
const GOALS = 'goals';

const USAGE = `usage: npm run bench -- [--json] [--quick] [--only name,…] [--runs N]

  --json       print one object { machine, run, results } on stdout and nothing else
  --quick      fewer and shorter runs: under a minute
  --only       only these: ${benchmarks.map(({ name }) => name).join(', ')};
               or goals: what is to be as fast as something else, in one table
  --runs       runs of each measurement, of which the median is taken`;

interface Options {
  readonly json: boolean;
  readonly quick: boolean;
  readonly goalsOnly: boolean;
  readonly runs: number | null;
  readonly chosen: readonly Benchmark[];
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      runs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const names = values.only?.split(',').filter((name) => name !== '') ?? null;
  const goalsOnly = names?.includes(GOALS) ?? false;
  if (goalsOnly && names?.length !== 1) throw new Error(`${GOALS} stands alone: it chooses its benchmarks`);
  const unknown = names?.filter((name) => name !== GOALS && !benchmarks.some((benchmark) => benchmark.name === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no benchmark is called ${unknown.join(', ')}`);
  const runs = values.runs === undefined ? null : Number(values.runs);
  if (runs !== null && !(Number.isSafeInteger(runs) && runs >= 1))
    throw new Error(`--runs takes a whole number, found ${values.runs}`);
  const chosen = benchmarks.filter(({ name, onRequest = false }) => {
    if (goalsOnly) return goalBenchmarks().has(name);
    return names === null ? !onRequest : names.includes(name);
  });
  return { json: values.json, quick: values.quick, goalsOnly, runs, chosen };
}

/** What must be gone when this process ends, whichever way. */
class Leftovers {
  readonly prefix = `bench-${process.pid}-`;
  readonly folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-bench-'));
  /** Process group of the benchmark that runs. */
  group: number | null = null;

  endGroup(): void {
    if (this.group === null) return;
    try {
      process.kill(-this.group, 'SIGKILL');
    } catch (error) {
      // ESRCH: everybody left by themselves.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
    this.group = null;
    // The last system call of a process that is being killed may still create something.
    sleepSync(KILLED_MS);
  }

  remove(): void {
    this.endGroup();
    sweepPools(this.prefix);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function runOne(benchmark: Benchmark, options: Options, leftovers: Leftovers): Promise<Outcome> {
  const { prefix, folder } = leftovers;
  const { quick, goalsOnly, runs } = options;
  const config: RunnerConfig = { benchmark: benchmark.name, quick, goalsOnly, runs, prefix, folder };
  const runner = await startRole(runnerRole(benchmarks), config, { ownGroup: true });
  leftovers.group = runner.pid;
  const watchdog = setTimeout(() => leftovers.endGroup(), WATCHDOG_MS);
  try {
    return await runner.call('run', null);
  } finally {
    clearTimeout(watchdog);
    await runner.stop();
    leftovers.endGroup();
    sweepPools(prefix);
  }
}

async function main(): Promise<void> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const leftovers = new Leftovers();
  process.on('exit', () => leftovers.remove());
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => {
      endProgress();
      process.exit(code);
    });
  }
  const { chosen, quick, goalsOnly, runs } = options;
  const endRun = beginRun({ benchmarks: chosen.map(({ name }) => name), quick, goalsOnly, rounds: runs });
  const programs = [...new Set(chosen.flatMap((benchmark) => benchmark.programs))];
  progress('compiling the C baselines');
  const reason = compileNatives(programs, leftovers.folder);
  if (reason !== null) {
    endProgress();
    console.error(`no C baselines: ${reason}`);
  }
  const results: Result[] = [];
  for (const benchmark of chosen) {
    if (availableParallelism() < (benchmark.cores ?? 1)) {
      endProgress();
      console.error(`skip: ${benchmark.name} needs ${benchmark.cores} cores; run it on a larger machine`);
      continue;
    }
    const own = ownRuntime();
    if (benchmark.nodeOnly === true && !own.startsWith('Node')) {
      endProgress();
      console.error(`skip: ${benchmark.name} compares with what Node's event loop does; for ${own} run it with --only runtimes`);
      continue;
    }
    try {
      const outcome = await runOne(benchmark, options, leftovers);
      results.push(...outcome.results);
      if (outcome.failed) process.exitCode = 1;
    } catch (error) {
      // The others still count; the exit code tells.
      endProgress();
      console.error(`${benchmark.name} failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
  endProgress();
  const provenance = endRun();
  console.log(options.json ? jsonReport(provenance, results) : textReport(provenance, results, benchmarks));
}

const role = process.argv[2]?.match(/^--role=(.*)$/)?.[1];
if (role === undefined) {
  await main();
} else {
  const found = [...roles, runnerRole(benchmarks)].find(({ name }) => name === role);
  if (found === undefined) throw new Error(`no role is called ${role}`);
  await playRole(found, JSON.parse(process.argv[3] ?? 'null') as never);
}
