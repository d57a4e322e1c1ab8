// The soak's figures: counts, distributions of waits, and the lines that show them.

/** Milliseconds, with quantiles. */
export class Distribution {
  readonly #values: number[] = [];
  #longest = { value: 0, who: '' };

  add(value: number, who: string): void {
    this.#values.push(value);
    if (value > this.#longest.value) this.#longest = { value, who };
  }

  summary(): { count: number; p50Ms: number; p99Ms: number; maxMs: number; longest: string } {
    const sorted = [...this.#values].sort((a, b) => a - b);
    const at = (share: number) => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
    return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), longest: this.#longest.who };
  }
}

/** One offence against what the pools promise, with what one needs to look for it again. */
export interface Fault {
  readonly text: string;
  readonly pool: string;
  readonly role: string;
  readonly life: string;
  readonly deathsBefore: readonly string[];
}

export class Figures {
  kills = 0;
  killsByStep = 0;
  starts = 0;
  closes = 0;
  published = 0;
  refused = 0;
  checked = 0;
  takeOvers = 0;
  objects = 0;
  /** Files of the dead that were left for gc. */
  collected = 0;
  readonly steps = new Map<string, number>();
  readonly faults: Fault[] = [];
  /** From the death of a process to the end of a publication that was under way, or began, while it was in the way. */
  readonly waitsForDead = new Distribution();
  /** From a producer's death to its consumers' event. */
  readonly noticed = new Distribution();

  countKill(step: string): void {
    this.kills += 1;
    if (step === 'SIGKILL from outside' || step.startsWith('when its time')) return;
    this.killsByStep += 1;
    const label = step.replace(/ #\d+.*$/, '').replace(/^(before|after|inside|at) /, '');
    this.steps.set(label, (this.steps.get(label) ?? 0) + 1);
  }

  live(seconds: number): string {
    const perMinute = Math.round((this.kills / Math.max(1, seconds)) * 60);
    return (
      `${seconds.toFixed(0).padStart(4)} s  ${this.kills} kills (${perMinute}/min, ${this.killsByStep} at steps)  ${this.starts} starts  ` +
      `${this.published} published  ${this.checked} checked  ${this.faults.length} faults`
    );
  }

  report(seconds: number) {
    return {
      seconds: Math.round(seconds),
      kills: this.kills,
      killsPerMinute: Math.round((this.kills / seconds) * 60),
      killsAtSteps: this.killsByStep,
      differentSteps: this.steps.size,
      starts: this.starts,
      closes: this.closes,
      takeOvers: this.takeOvers,
      objects: this.objects,
      collected: this.collected,
      published: this.published,
      refused: this.refused,
      checked: this.checked,
      waitsForDead: this.waitsForDead.summary(),
      noticed: this.noticed.summary(),
      steps: Object.fromEntries([...this.steps].sort(([a], [b]) => (a < b ? -1 : 1))),
      faults: this.faults,
    };
  }
}

export type Report = ReturnType<Figures['report']> & { readonly seed: number; readonly lossless: boolean };

export function table(report: Report): string {
  const { waitsForDead: waits, noticed } = report;
  const rows: [string, string][] = [
    ['seed', `${report.seed}${report.lossless ? '' : ' (this build has no lossless consumers)'}`],
    ['time', `${report.seconds} s`],
    [
      'kills',
      `${report.kills} (${report.killsPerMinute} a minute), ${report.killsAtSteps} at ${report.differentSteps} labelled steps`,
    ],
    ['lives', `${report.starts} started, ${report.closes} ended by closing`],
    [
      'pools',
      `${report.objects} objects made, ${report.takeOvers} taken over; ${report.collected} files of the dead left for gc`,
    ],
    ['frames', `${report.published} published, ${report.refused} refused, ${report.checked} checked`],
    [
      'waits for the dead',
      `${waits.count} over 20 ms: median ${waits.p50Ms} ms, 99 % ${waits.p99Ms} ms, longest ${waits.maxMs} ms, ${waits.longest}`,
    ],
    [
      'deaths noticed',
      `${noticed.count}: median ${noticed.p50Ms} ms, 99 % ${noticed.p99Ms} ms, longest ${noticed.maxMs} ms, ${noticed.longest}`,
    ],
    [
      'steps',
      Object.entries(report.steps)
        .map(([step, count]) => `${step} ${count}`)
        .join(', '),
    ],
    ['faults', String(report.faults.length)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`);
  for (const { text, pool, role, life, deathsBefore } of report.faults) {
    lines.push('', `FAULT ${text}`, `  ${role} of ${pool}, life ${life}`, ...deathsBefore.map((death) => `  ${death}`));
  }
  return lines.join('\n');
}
