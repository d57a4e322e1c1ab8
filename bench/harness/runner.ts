// Each benchmark runs in a process of its own, so that none is measured with code that another one has warmed up or worn out, and
// so that whatever hangs can be ended with everything that it started.

import type { Benchmark, Context, Result } from './contract';
import { openNative } from './native';
import { type Commands, type Role, type StartOptions, startRole } from './processes';
import { endProgress, progress } from './progress';

export interface RunnerConfig {
  readonly benchmark: string;
  readonly quick: boolean;
  readonly goalsOnly: boolean;
  readonly runs: number | null;
  readonly prefix: string;
  readonly folder: string;
}

export interface Outcome {
  readonly results: readonly Result[];
  /** Parts of it failed; stderr says which. */
  readonly failed: boolean;
}

export type RunnerCommands = { readonly run: (argument: null) => Promise<Outcome> };

export function runnerRole(benchmarks: readonly Benchmark[]): Role<RunnerConfig, RunnerCommands> {
  return {
    name: 'runner',
    start({ benchmark: name, quick, goalsOnly, runs, prefix, folder }) {
      const benchmark = benchmarks.find((candidate) => candidate.name === name);
      if (benchmark === undefined) throw new Error(`no benchmark is called ${name}`);
      let failed = false;
      const context: Context = {
        quick,
        goalsOnly,
        runs: (fewer, more) => runs ?? (quick ? fewer : more),
        poolName: (suffix) => prefix + suffix,
        folder,
        native: (program) => openNative(folder, program),
        partner: <Config, C extends Commands>(role: Role<Config, C>, config: Config, options?: StartOptions) =>
          startRole(role, config, options),
        progress,
        report: (kind, text) => {
          endProgress();
          console.error(kind === 'failed' ? `${name} failed: ${text}` : `skip: ${text}`);
          failed ||= kind === 'failed';
        },
      };
      return { run: async () => ({ results: await benchmark.run(context), failed }) };
    },
  };
}
