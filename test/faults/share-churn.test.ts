// Pools that come and go while worker threads read them: no frame is lost or another's, and nothing grows. SHARE_CHURN_SECONDS=60 for longer.

import { Worker } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arenaUsage } from '../../host/memory/arena';
import { poolName, until } from '../support/child';
import { type ChurnTask, churnValue } from './programs/share-churn-peer';
import { footprint, mapsOf } from './support/footprint';

const test = suite('churn of share()');
const SECONDS = Number(process.env['SHARE_CHURN_SECONDS'] ?? 6);
const ELEMENTS = 512;
const THREADS = 4;

interface Report {
  readonly frames: number;
  readonly wrong: string;
}

test(`${SECONDS} s of pools that are shared, read and closed`, async () => {
  const workers = Array.from({ length: THREADS }, () => new Worker(new URL('./share-churn-peer.mjs', import.meta.url)));
  const ask = (worker: Worker, task: ChurnTask) => {
    worker.postMessage(task);
    return new Promise<Report>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  };
  let pools = 0;
  let frames = 0;
  const wrong: string[] = [];
  const round = async (keep: TensorProducer[]) => {
    pools += 1;
    const pool = pools;
    const name = poolName('churn');
    const producer = TensorProducer.fromSample(name, new Float64Array(ELEMENTS), { historyLen: 2 });
    const frame = new Float64Array(ELEMENTS);
    const put = (sequence: number) => producer.put(frame.fill(churnValue(pool, sequence)));
    using own = TensorConsumer.attach<Float64Array>(name);
    put(0);
    const reports = workers.map((worker, i) =>
      ask(worker, { shared: producer.share(), pool, leave: (pool + i) % 3 === 0 ? 'at once' : 'read' }),
    );
    // Closed while some are reading, some have left, and some have not come: each order happens.
    for (let sequence = 1; sequence < 4; sequence++) put(sequence);
    if (pool % 2 === 0) await reports[0];
    const seen = own.get();
    if (seen?.data.some((value) => value !== churnValue(pool, seen.sequence)) ?? true)
      wrong.push(`pool ${pool}: its own reader sees ${seen?.data[0]}`);
    keep.push(producer);
    // The one before goes now: while its readers leave, the next takes its range.
    if (keep.length > 1) keep.shift()?.close();
    const next = keep.at(-1) as TensorProducer;
    for (const report of await Promise.all(reports)) {
      frames += report.frames;
      if (report.wrong !== '') wrong.push(report.wrong);
    }
    // What was published last is still there.
    using late = TensorConsumer.attach<Float64Array>(next.name);
    const last = late.get();
    if (last === null || last.data[0] !== churnValue(pool, last.sequence))
      wrong.push(`pool ${pool}: a late reader sees ${last?.data[0]}`);
  };
  try {
    const keep: TensorProducer[] = [];
    for (let i = 0; i < 30; i++) await round(keep);
    const settled = async () => {
      for (const producer of keep.splice(0)) producer.close();
      await until(() => mapsOf() === 0 && arenaUsage().handles <= 1, 'the last have settled');
      return footprint();
    };
    const before = await settled();
    for (const end = Date.now() + SECONDS * 1000; Date.now() < end; ) await round(keep);
    const after = await settled();
    console.log(`note: ${pools} pools, ${frames} frames in ${SECONDS} s; ${JSON.stringify(before)} → ${JSON.stringify(after)}`);
    assert.equal(wrong, []);
    assert.ok(pools > 50 && frames > 500);
    assert.ok(after.descriptors <= before.descriptors, 'descriptors');
    assert.is(after.handles, before.handles, 'places');
    assert.is(after.freeBytes, before.freeBytes, 'address space');
    assert.ok(after.pieces <= before.pieces + 8, 'mappings');
    assert.ok(after.heap < before.heap + 4_000_000, 'heap');
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});

test.run();
