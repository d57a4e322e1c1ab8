// Time, and loops that are timed in batches: the median batch is free of interruptions that a mean would carry.

const sleepWord = new Int32Array(new SharedArrayBuffer(4));

/** CLOCK_MONOTONIC, the same in all processes of the machine. */
export function nowNs(): number {
  return Number(process.hrtime.bigint());
}

/** Blocks this thread, asleep. */
export function sleepSync(ms: number): void {
  if (ms > 0) Atomics.wait(sleepWord, 0, 0, ms);
}

export function sleepUntilNs(deadlineNs: number): void {
  sleepSync((deadlineNs - nowNs()) / 1e6);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How a loop is cut up. */
export interface Plan {
  readonly operations: number;
  readonly batches: number;
}

/** ns of one operation, for each batch. */
export function timeBatches(operation: () => void, { operations, batches }: Plan): number[] {
  const samples: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const start = nowNs();
    for (let i = 0; i < operations; i++) operation();
    samples.push((nowNs() - start) / operations);
  }
  return samples;
}

/** ns of each operation, with something that is not timed before it. For operations that last microseconds. */
export function timeEach(operation: () => void, before: () => void, count: number): number[] {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    before();
    const start = nowNs();
    operation();
    samples.push(nowNs() - start);
  }
  return samples;
}

/** Warms `operation` up for `warmMs` and plans batches of about `batchMs` that fill about `runMs`. */
export function planBatches(operation: () => void, runMs: number, batchMs = 1, warmMs = 60): Plan {
  let calls = 0;
  const start = nowNs();
  let elapsedNs = 0;
  while (elapsedNs < warmMs * 1e6 || calls < 4) {
    operation();
    calls += 1;
    // The clock costs as much as a small operation: look at it seldom.
    if ((calls & 63) === 0 || calls < 64) elapsedNs = nowNs() - start;
  }
  const operationNs = elapsedNs / calls;
  const operations = Math.max(1, Math.round((batchMs * 1e6) / operationNs));
  return { operations, batches: Math.max(5, Math.round((runMs * 1e6) / (operations * operationNs))) };
}
