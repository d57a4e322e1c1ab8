// Two processes at full speed: a producer that fills every frame with a pattern of its own, and a process that reads the same pool with
// get, windows, borrow and for-await at once and checks every word. npm run torture -- --seconds 60
//
// Forbidden, each counted: a torn frame (words of two frames), a stale one after a newer one, frames of a window that do not follow
// one another, a pattern that is not that of the stated sequence number.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Frame, MetadataCreator, type PoolMetadata, TensorConsumer, TensorProducer, type View } from 'tensor-ipc';

const SIZES = [
  { label: '28 B', words: 7 },
  { label: '64 KiB', words: 16384 },
  { label: '6 MB', words: (1080 * 1920 * 3) / 4 },
  { label: 'up to 64 KiB', words: 16384, varying: true },
];
const HISTORY = 5;

/** Every word of frame `sequence`: neighbours differ in all bytes. */
function pattern(sequence: number): number {
  return Math.imul(sequence + 1, 0x9e3779b1) >>> 0;
}

/** Words of frame `sequence` where frames differ in length: none and all that there can be among them. */
function lengthOf(sequence: number, words: number): number {
  if (sequence < 0) return 0;
  const draw = Math.imul(sequence + 1, 0x85ebca77) >>> 0;
  return draw % 16 === 0 ? 0 : draw % 16 === 1 ? words : draw % (words + 1);
}

function metadataOf(pool: string, words: number, varying: boolean): PoolMetadata {
  const data = new Uint32Array(words);
  return MetadataCreator.fromSample(pool, varying ? { data, shape: [words], maxLength: words } : data, { historyLen: HISTORY });
}

interface Report {
  checked: Record<string, number>;
  faults: string[];
  published: number;
}

async function read(pool: string, seconds: number, varying: boolean): Promise<Omit<Report, 'published'>> {
  const consumer = TensorConsumer.attach<Uint32Array>(pool);
  const checked: Record<string, number> = {
    get: 0,
    'get window': 0,
    borrow: 0,
    'borrow window': 0,
    'for await': 0,
    'for await borrow': 0,
  };
  const faults: string[] = [];
  const last: Record<string, number> = {};
  const note = (reader: string, what: string) => {
    if (faults.length < 20) faults.push(`${reader}: ${what}`);
  };
  const check = (reader: string, frame: Frame<Uint32Array> | View<Uint32Array> | null, count: number, strict: boolean): void => {
    if (frame === null) return;
    const before = last[reader] ?? -1;
    const { sequence } = frame;
    if (sequence < before || (strict && sequence === before)) note(reader, `frame ${sequence} after ${before}`);
    last[reader] = sequence;
    const most = consumer.metadata?.shape[0] as number;
    const [stride] = count === 1 ? [0] : frame.strides;
    for (let i = 0; i < count; i++) {
      const number = sequence - i;
      const expected = number < 0 ? 0 : pattern(number);
      const words = varying ? lengthOf(number, most) : most;
      const stated = count === 1 ? frame.shape[0] : varying ? frame.lengths?.[i] : frame.shape[1];
      if (stated !== words) note(reader, `frame ${number} has ${stated} words, expected ${words}`);
      const start = frame.offset + i * (stride as number);
      const { data } = frame;
      for (let w = start; w < start + words; w++) {
        if (data[w] !== expected) {
          note(
            reader,
            `frame ${number} has word ${(data[w] as number).toString(16)} at ${w - start}, expected ${expected.toString(16)}`,
          );
          break;
        }
      }
      checked[reader] = (checked[reader] as number) + 1;
    }
  };
  const deadline = performance.now() + seconds * 1000;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const loops = [
    (async () => {
      for await (const frame of consumer) check('for await', frame, 1, true);
    })(),
    (async () => {
      for await (using view of consumer.frames({ borrow: true })) check('for await borrow', view, 1, true);
    })(),
  ];
  while (performance.now() < deadline) {
    const until = Math.min(deadline, performance.now() + 5);
    do {
      check('get', consumer.get(), 1, false);
      check('get window', consumer.get({ historyLen: HISTORY }), HISTORY, false);
      {
        using view = consumer.borrow();
        check('borrow', view, 1, false);
        if (view !== null && !view.valid) note('borrow', `frame ${view.sequence} was overwritten while it was borrowed`);
      }
      {
        using view = consumer.borrow({ historyLen: HISTORY });
        check('borrow window', view, HISTORY, false);
        if (view !== null && !view.valid) note('borrow window', `frame ${view.sequence} was overwritten while it was borrowed`);
      }
    } while (performance.now() < until);
    await turn();
  }
  consumer.cleanup();
  await Promise.all(loops);
  return { checked, faults };
}

function write(pool: string, words: number, varying: boolean): void {
  const data = new Uint32Array(words);
  const producer = new TensorProducer<Uint32Array>(metadataOf(pool, words, varying), {
    waitTimeoutMs: 60_000,
  });
  let stop = false;
  process.on('message', () => {
    stop = true;
  });
  process.on('disconnect', () => process.exit(1));
  process.send?.('ready');
  const burst = () => {
    const until = performance.now() + 5;
    do {
      // Both ways to publish, in turn.
      const loaned = lengthOf(producer.nextSequence, words);
      const slot = producer.loan(varying ? { length: loaned } : {});
      slot.data.fill(pattern(slot.sequence));
      slot.commit();
      const next = varying ? data.subarray(0, lengthOf(producer.nextSequence, words)) : data;
      next.fill(pattern(producer.nextSequence));
      producer.put(next);
    } while (performance.now() < until);
    if (stop) {
      const published = producer.nextSequence;
      producer.cleanup();
      process.send?.(published, () => process.disconnect());
    } else {
      setImmediate(burst);
    }
  };
  burst();
}

async function runSize(words: number, varying: boolean, seconds: number): Promise<Report> {
  const pool = `torture-${process.pid}-${words}${varying ? '-varying' : ''}`;
  const args = ['--role', 'producer', '--pool', pool, '--words', String(words), ...(varying ? ['--varying'] : [])];
  const child = fork(fileURLToPath(import.meta.url), args);
  const message = () => new Promise<unknown>((resolve) => child.once('message', resolve));
  const died = new Promise<never>((_, reject) =>
    child.once('exit', (code) => code !== 0 && reject(new Error(`producer ended with ${code}`))),
  );
  await Promise.race([message(), died]);
  const report = await Promise.race([read(pool, seconds, varying), died]);
  const last = message();
  child.send('stop');
  return { ...report, published: Number(await Promise.race([last, died])) };
}

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    pool: { type: 'string' },
    words: { type: 'string' },
    varying: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    json: { type: 'boolean' },
  },
});

if (values.role === 'producer') {
  write(values.pool as string, Number(values.words), values.varying);
} else {
  const seconds = Number(values.seconds);
  const results = [];
  for (const { label, words, varying = false } of SIZES) {
    const report = await runSize(words, varying, seconds / SIZES.length);
    results.push({ size: label, ...report });
    if (!values.json) {
      const counts = Object.entries(report.checked).map(([reader, count]) => `${reader} ${count}`);
      console.log(`${label}: ${report.published} published; checked ${counts.join(', ')}; ${report.faults.length} faults`);
      for (const fault of report.faults) console.log(`  ${fault}`);
    }
  }
  if (values.json) console.log(JSON.stringify(results));
  process.exitCode = results.some(({ faults }) => faults.length > 0) ? 1 : 0;
}
