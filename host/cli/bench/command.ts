// tensor-ipc bench: what the operations cost on this machine, beside a plain copy of the same bytes. The repository's own benchmarks
// (npm run bench) go further: two processes, limits in C.

import { TensorConsumer, TensorProducer } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError } from '../command';
import { showBytes, table, threeDigits } from '../format';
import { print, toJson } from '../output';

const NAME = 'bench';
const FRAMES: readonly (readonly number[])[] = [[28], [4096], [480, 640, 3], [1080, 1920, 3]];
const HISTORY = 3;
/** A batch takes about this long, so that the clock is read rarely and an interruption spoils little. */
const BATCH_MS = 5;
const BATCHES = 31;

interface Row {
  readonly bytes: number;
  readonly operation: string;
  /** Median over the batches, of one call. */
  readonly ns: number;
  /** A copy of the same bytes between ordinary arrays, or null where nothing is copied. */
  readonly copyNs: number | null;
}

export const benchCommand = defineCommand({
  name: NAME,
  summary: 'Measure what put, get, loan and borrow cost on this machine.',
  usage: '',
  details:
    'One process, nobody waiting. Copies are compared with a copy of the same bytes between ordinary arrays, in turn with them.',
  options: { json: { type: 'boolean', help: 'Print JSON.' } },
  examples: [[NAME, 'a table, in about five seconds']],
  async run(values, positionals) {
    if (positionals.length > 0) throw new UsageError(`${NAME} takes no argument, found ${positionals.join(' ')}`, NAME);
    const rows: Row[] = [];
    for (const shape of FRAMES) {
      if (process.stderr.isTTY) process.stderr.write(`\r${shape.join('×')}…          `);
      rows.push(...measure(shape));
    }
    if (process.stderr.isTTY) process.stderr.write('\r                    \r');
    print(values.json === true ? `${toJson(rows)}\n` : `${report(rows).join('\n')}\n`);
    return EXIT_OK;
  },
});

function measure(shape: readonly number[]): Row[] {
  const bytes = shape.reduce((product, extent) => product * extent, 1);
  const image = { data: new Uint8Array(bytes), shape };
  const name = `bench.${process.pid}.${bytes}`;
  using producer = TensorProducer.fromSample(name, image, { historyLen: HISTORY });
  using consumer = TensorConsumer.attach<Uint8Array>(name);
  producer.put(image);
  const into = new Uint8Array(bytes);
  // As many targets as the ring has frames: a copy that always hits the same cache lines would flatter the limit.
  const targets = Array.from({ length: HISTORY + 2 }, () => new Uint8Array(bytes));
  let next = 0;
  const copy = () => targets[next++ % targets.length]?.set(image.data);
  const operations: [string, () => unknown, boolean][] = [
    ['put', () => producer.put(image), true],
    ['get, into', () => consumer.get({ into: { data: into, shape } }), true],
    ['loan + commit', () => producer.loan().commit(), false],
    ['borrow + release', () => consumer.borrow()?.release(), false],
  ];
  return operations.map(([operation, call, copies]) => {
    const samples: number[] = [];
    const limits: number[] = [];
    const calls = callsPerBatch(call);
    const copied = copies ? callsPerBatch(copy) : 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      samples.push(batchNs(call, calls));
      if (copies) limits.push(batchNs(copy, copied));
    }
    return { bytes, operation, ns: median(samples), copyNs: copies ? median(limits) : null };
  });
}

/** Nanoseconds of one call, over a batch. */
function batchNs(call: () => unknown, calls: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call();
  return Number(process.hrtime.bigint() - start) / calls;
}

/** How many calls fill a batch; finding out warms up. */
function callsPerBatch(call: () => unknown): number {
  let calls = 1;
  while (batchNs(call, calls) * calls < BATCH_MS * 1e6) calls *= 2;
  return calls;
}

function median(samples: number[]): number {
  samples.sort((a, b) => a - b);
  return samples[samples.length >> 1] as number;
}

function showNs(ns: number): string {
  return ns < 10_000 ? `${threeDigits(ns)} ns` : `${threeDigits(ns / 1000)} µs`;
}

function report(rows: readonly Row[]): string[] {
  const cells = rows.map(({ bytes, operation, ns, copyNs }) => [
    showBytes(bytes),
    operation,
    showNs(ns),
    copyNs === null ? '' : showNs(copyNs),
    copyNs === null ? '' : `${threeDigits(ns / copyNs)}×`,
  ]);
  return table(['frame', 'operation', 'one call', 'plain copy', 'ratio'], cells, [true, false, true, true, true]);
}
