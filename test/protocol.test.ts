// The protocol of assembly/sync.ts: every interleaving of calls against a model, and real threads against each other.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ON_PINNED_OVERWRITE, ON_PINNED_WAIT } from '../assembly/layout';
import { OK } from '../assembly/status';
import { type Policy, ProtocolDriver, type Tally } from './support/core-driver';
import type { HammerResult, HammerTask } from './support/core-hammer-task';
import { buildPool, CORE_LABELS, createBench } from './support/core-modules';
import { Random } from './support/random';

const STEPS = 40_000;
/** Readers, historyLen, slots beyond historyLen. */
const SHAPES = [
  [1, 1, 2],
  [3, 2, 2],
  [3, 5, 3],
  [5, 3, 9],
] as const;

for (const label of CORE_LABELS) {
  for (const policy of ['wait', 'drop', 'overwrite'] satisfies Policy[]) {
    test(`${label}, ${policy}: random interleavings against the model`, () => {
      const sum: Partial<Tally> = {};
      for (const [i, [readers, historyLen, spare]] of SHAPES.entries()) {
        const bench = createBench(label);
        const tally = new ProtocolDriver(bench, new Random(1000 + i), policy, readers, historyLen, spare).run(STEPS);
        for (const [name, value] of Object.entries(tally)) {
          sum[name as keyof Tally] = (sum[name as keyof Tally] ?? 0) + (value as number);
        }
        assert.ok(bench.guardsIntact(), 'nothing was written beside the pool and the handles');
      }
      assert.ok((sum.steps ?? 0) >= 100_000);
      // A run that never met a case would prove nothing about it.
      for (const [name, value] of Object.entries(sum)) {
        if (name === 'overrunViews' && policy !== 'overwrite') assert.is(value, 0);
        else if (name === 'wakes' && policy === 'drop') assert.is(value, 0);
        else assert.ok((value as number) > 20, `${name}: ${value}`);
      }
    });
  }

  if (label === 'unfenced' && process.arch !== 'x64') {
    console.log(`skip: protocol, threads on the core without fences: ${process.arch} needs them`);
    continue;
  }
  for (const ignoreViews of [false, true]) {
    test(`${label}, ${ignoreViews ? 'overwrite' : 'wait'}: a writer and two readers in threads`, async () => {
      const bench = createBench(label);
      const historyLen = 3;
      const slotCapacity = 5;
      const frameWords = 128;
      const pool = buildPool(bench, { frameBytes: 4 * frameWords, historyLen, slotCapacity });
      const stopAt = bench.allocate(4);
      const writer = pool.attach();
      assert.is(bench.core.writerOpen(writer, 1, ignoreViews ? ON_PINNED_OVERWRITE : ON_PINNED_WAIT), OK);
      const tasks = (['copy', 'pin', 'write'] as const).map((role, index): HammerTask => {
        const handle = role === 'write' ? writer : pool.attach();
        if (role !== 'write') assert.is(bench.core.consumerRegister(handle, index, 1, 0, 0n), OK);
        return {
          ...{ role, label, memory: bench.memory, handle, framesAt: pool.slot(0), frameWords, slotCapacity, historyLen },
          ...{ frames: label === 'debug' ? 300_000 : 1_000_000, stopAt, ignoreViews },
        };
      });
      // Long enough on any machine; a busy one ends early, with fewer frames.
      const stop = setTimeout(() => Atomics.store(bench.words(stopAt, 1), 0, 1), 6000);
      const program = new URL('./core-hammer.mjs', import.meta.url);
      const workers = tasks.map((workerData) => new Worker(program, { workerData }));
      const results = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as HammerResult));
      clearTimeout(stop);
      await Promise.all(workers.map((worker) => worker.terminate()));
      for (const { role, accepted, torn, backwards } of results) {
        assert.is(torn, 0, `${role}: torn frames of ${accepted}`);
        assert.is(backwards, 0, `${role}: older after newer`);
        assert.ok(accepted > 100, `${role}: ${accepted} only`);
      }
      assert.ok(bench.guardsIntact());
    });
  }
}

test.run();
