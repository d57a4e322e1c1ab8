// Producers and consumers in processes of their own, killed with SIGKILL at random moments and at exact steps, and started again, while
// every frame's content and order is checked. npm run soak -- --minutes 10 --seed 1 [--json]
//
// The seed decides who takes part and how each life ends. Exit code 1: a promise was broken, and the report says by whom and when.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { consume } from '../support/soak-consumer';
import { table } from '../support/soak-figures';
import { Soak } from '../support/soak-parent';
import type { Life } from '../support/soak-plan';
import { produce } from '../support/soak-producer';
import { installKill } from '../support/soak-steps';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    /**
     * On a busy machine lives are short of time: the run goes on until pools have been taken over so often, and processes killed at so many
     * different steps, for ten times as long at most.
     */
    'take-overs': { type: 'string', default: '0' },
    steps: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    life: { type: 'string' },
  },
});

/** One life, in the process that the parent started for it. */
async function live(life: Life): Promise<void> {
  let stopped = false;
  process.on('SIGTERM', () => {
    stopped = true;
  });
  // The parent holds the other end: without it there is nothing to do.
  process.stdin.on('end', () => process.exit(0)).resume();
  installKill(life.kill);
  await (life.role === 'producer' ? produce : consume)(life, () => stopped);
  process.exit(0);
}

/** How often a run looks whether it has seen enough. */
const LOOK_MS = 500;

interface Wanted {
  readonly takeOvers: number;
  readonly steps: number;
}

async function soak(minutes: number, seed: number, wanted: Wanted): Promise<void> {
  const run = new Soak(seed, `soak-${process.pid}`, fileURLToPath(import.meta.url));
  const { isTTY } = process.stdout;
  const show = () => {
    if (!values.json) process.stdout.write(isTTY ? `\r${run.figures.live(run.seconds)} ` : `${run.figures.live(run.seconds)}\n`);
  };
  run.start();
  const line = setInterval(show, isTTY ? 500 : 10_000);
  let interrupt: () => void = () => undefined;
  await new Promise<void>((resolve) => {
    interrupt = resolve;
    // Twice where a terminal and the program above send it.
    process.on('SIGINT', interrupt);
    setInterval(() => {
      const enough = run.takeOvers >= wanted.takeOvers && run.figures.steps.size >= wanted.steps;
      if (run.seconds >= minutes * 60 && (enough || run.seconds >= minutes * 600)) resolve();
    }, LOOK_MS);
  });
  clearInterval(line);
  await run.finish();
  show();
  const report = run.report();
  console.log(values.json ? JSON.stringify(report) : `${isTTY ? '\n' : ''}${table(report)}`);
  process.exit(report.faults.length === 0 ? 0 : 1);
}

const minutes = Number(values.minutes);
const seed = Number(values.seed);
const wanted = { takeOvers: Number(values['take-overs']), steps: Number(values.steps) };
if (values.life !== undefined) await live(JSON.parse(values.life) as Life);
else if (!(minutes > 0) || !Number.isSafeInteger(seed) || !(wanted.takeOvers >= 0 && wanted.steps >= 0)) {
  console.error('usage: npm run soak -- [--minutes M] [--seed S] [--take-overs N] [--steps N] [--json]');
  process.exit(2);
} else await soak(minutes, seed, wanted);
