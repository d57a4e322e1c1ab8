// Runs mutated pools in a process of its own, so that a crash is seen as one. Arguments: one JSON object, Task. The seed that is being
// run stands in the file `progress`, whatever becomes of the process.

import * as fs from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { HEADER_PRODUCER_STATE, PRODUCER_OPEN } from '../../assembly/layout';
import { hashBytes } from '../../host/native/pool';
import { platform } from '../../host/runtime/system';
import { attachAndRead, consumerOptions, Outcome, read, write, writeAsync } from '../support/hostile-exercise';
import {
  countsOf,
  FORM_NAMES,
  formOf,
  formOfSeed,
  framesOffsetOf,
  metadataOf,
  poolImage,
  VARYING_NAMES,
} from '../support/hostile-image';
import { type Mutant, mutate, scribbleLive } from '../support/hostile-mutate';
import { Bystanders, Fences, lowestDescriptor } from '../support/hostile-probe';
import { Random } from '../support/random';

export interface Task {
  /** Mutate before anybody attaches; behind the backs of those attached; or that, with the producer in another process. */
  readonly mode: 'before' | 'behind' | 'across';
  readonly pool: string;
  /** Seeds to run: each is one mutated object, or one session of ROUNDS mutations. */
  readonly seeds: readonly number[];
  readonly progress: string;
  /** Prints what each seed does. */
  readonly verbose?: boolean;
}

export interface Report {
  readonly mutations: number;
  readonly faults: { readonly seed: number; readonly what: string }[];
  readonly counts: Record<string, number>;
  readonly longestMs: number;
  readonly longestSeed: number;
}

/** Mutations behind the backs of one pool's users. */
export const ROUNDS = 8;

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const { pool, mode } = task;
const path = `/dev/shm/tensoripc.${pool}`;
const system = platform().system();
const progress = fs.openSync(task.progress, 'w');
const report = {
  mutations: 0,
  faults: [] as { seed: number; what: string }[],
  counts: {} as Record<string, number>,
  longestMs: 0,
  longestSeed: -1,
};
let seed = -1;
let outcome = new Outcome();
let what = '';

// Whatever it is: in a program without such handlers it would have been the end.
process.on('uncaughtException', (error) => outcome.fault(`uncaught exception: ${error.stack}`));
process.on('unhandledRejection', (error) =>
  outcome.fault(`unhandled rejection: ${error instanceof Error ? error.stack : error}`),
);
process.on('warning', () => outcome.count('warnings'));

const turn = () => new Promise((resolve) => setImmediate(resolve));

// Before anything is mapped: the gap is as long as the first form's object and its mirror.
const images = new Map(
  [...FORM_NAMES, ...VARYING_NAMES].map((form) => [form, poolImage(mode === 'across' ? `${pool}.image` : pool, form, 3)]),
);
const imageOf = (form: string) => images.get(form) as Uint8Array;
const gapOf = (image: Uint8Array) => image.length * 2 - framesOffsetOf(image);
const form = formOfSeed(task.seeds[0] as number);
const fences = new Fences(system, gapOf(imageOf(form)));
const bystanders = new Bystanders(pool);

function hash(bytes: Uint8Array): bigint {
  return hashBytes(system, bytes);
}

/** Puts a mutant under the pool's name. Returns what undoes it. */
function place(fd: number, { kind, bytes, fileBytes }: Mutant): () => void {
  fs.ftruncateSync(fd, Math.min(bytes.byteLength, fileBytes));
  if (fileBytes > 0) fs.writeSync(fd, bytes, 0, Math.min(bytes.byteLength, fileBytes), 0);
  if (fileBytes > bytes.byteLength) fs.ftruncateSync(fd, fileBytes);
  const aside = `${path}.aside`;
  switch (kind) {
    case 'unsafe-mode':
      fs.fchmodSync(fd, 0o666);
      return () => fs.fchmodSync(fd, 0o600);
    case 'no-producer':
      system.unlock(fd, 0);
      return () => void system.tryLock(fd, 0);
    case 'directory':
    case 'fifo':
    case 'symlink':
    case 'dangling':
      fs.renameSync(path, aside);
      if (kind === 'directory') fs.mkdirSync(path);
      else if (kind === 'fifo') system.close(system.createFifo(`tensoripc.${pool}`, 0o600));
      else fs.symlinkSync(kind === 'symlink' ? bystanders.victim : `${path}.nowhere`, path);
      return () => {
        fs.rmSync(path, { recursive: true, force: true });
        fs.renameSync(aside, path);
      };
    default:
      return () => undefined;
  }
}

/** One object, mutated before anybody sees it: attached to and read; then its producer is gone and another comes. */
async function runBefore(random: Random, fd: number): Promise<number> {
  const mutant = mutate(random, imageOf(form), hash);
  report.mutations += 1;
  what = `${form} ${mutant.what}`;
  const undo = place(fd, mutant);
  const waits = random.integer(0, 29) === 0;
  await attachAndRead(random, outcome, pool, waits);
  if (random.integer(0, 3) === 0) await attachAndRead(random, outcome, pool, false);
  if (waits) await turn();
  let next = fd;
  if (random.integer(0, 7) === 0) {
    // The lock is let go as it is when a process dies; another producer takes over, replaces, or refuses.
    system.unlock(fd, 0);
    const options = { onPinned: random.pick(['wait', 'drop', 'overwrite'] as const), waitTimeoutMs: 1 };
    const producer = outcome.step('produce', () => new TensorProducer(metadataOf(pool, form), options));
    if (producer !== null) {
      outcome.count('taken over or replaced');
      write(random, outcome, producer, formOf(form).sample);
      await attachAndRead(random, outcome, pool, false);
      write(random, outcome, producer, formOf(form).sample);
      outcome.step('producer cleanup', () => producer.cleanup());
    }
    if (producer === null || fs.existsSync(path)) {
      system.tryLock(fd, 0);
    } else {
      system.close(fd);
      next = openObject();
      return next;
    }
  }
  undo();
  return next;
}

function openObject(): number {
  const { fd } = system.openOrCreateObject(`/tensoripc.${pool}`, 0o600);
  if (!system.tryLock(fd, 0)) throw new Error('somebody else has the lock');
  return fd;
}

/** One pool in use, mutated again and again behind the backs of its producer and consumers. */
async function runBehind(random: Random): Promise<void> {
  const { sample } = formOf(form);
  using producer = new TensorProducer(metadataOf(pool, form), {
    onPinned: random.pick(['wait', 'drop', 'overwrite'] as const),
    waitTimeoutMs: 1,
    historyPad: random.pick(['zero', 'fill'] as const),
  });
  const consumers = [0, 1].map(() => TensorConsumer.attach(pool, consumerOptions(random)));
  if (random.integer(0, 3) === 0) consumers[0]?.on('frame', () => outcome.count('frame event'));
  const fd = fs.openSync(path, 'r+');
  const block = new Uint8Array(framesOffsetOf(imageOf(form)));
  const counts = countsOf(imageOf(form));
  fs.readSync(fd, block, 0, block.length, 0);
  const sane = block.slice();
  const said: string[] = [];
  const held = random.integer(0, 2) === 0 ? consumers[1]?.borrow() : null;
  for (let round = 0; round < ROUNDS; round++) {
    fs.readSync(fd, block, 0, block.length, 0);
    said.push(scribbleLive(random, new DataView(block.buffer), counts));
    what = `${form} ${said.join(' / ')}`;
    report.mutations += 1;
    fs.writeSync(fd, block, 0, block.length, 0);
    if (random.integer(0, 1) === 0) write(random, outcome, producer, sample);
    for (const consumer of consumers) await read(random, outcome, consumer, random.integer(0, 39) === 0);
    if (random.integer(0, 3) === 0) await attachAndRead(random, outcome, pool, false);
    write(random, outcome, producer, sample);
    if (random.integer(0, 9) === 0) await writeAsync(outcome, producer, sample);
    const broken = fences.broken(false);
    if (broken !== null) outcome.fault(broken);
    // So that not everything stays lost after one bad head.
    if (random.integer(0, 2) > 0) fs.writeSync(fd, sane, 0, sane.length, 0);
  }
  outcome.step('held view', () => {
    void held?.valid;
    held?.release();
  });
  fs.closeSync(fd);
  for (const consumer of consumers) outcome.step('cleanup', () => consumer.cleanup());
  outcome.step('producer cleanup', () => producer.cleanup());
  fs.rmSync(path, { force: true });
  await turn();
}

/** As behind their backs, while a producer in another process publishes as fast as it can: mutations meet it at any instruction. */
async function runAcross(random: Random): Promise<void> {
  const consumers = [0, 1].map(() => outcome.step('attach', () => TensorConsumer.attach(pool, consumerOptions(random))));
  const object = fs.openSync(path, 'r+');
  const block = new Uint8Array(controlBytes);
  const counts = countsOf(imageOf(form));
  for (let round = 0; round < ROUNDS; round++) {
    fs.readSync(object, block, 0, block.length, 0);
    const sane = block.slice();
    what = `${form} ${scribbleLive(random, new DataView(block.buffer), counts)}`;
    report.mutations += 1;
    fs.writeSync(object, block, 0, block.length, 0);
    for (const consumer of consumers) if (consumer !== null) await read(random, outcome, consumer, random.integer(0, 39) === 0);
    if (random.integer(0, 3) === 0) await attachAndRead(random, outcome, pool, false);
    const broken = fences.broken(false);
    if (broken !== null) outcome.fault(broken);
    new DataView(sane.buffer).setUint32(HEADER_PRODUCER_STATE, PRODUCER_OPEN, true);
    if (random.integer(0, 2) > 0) fs.writeSync(object, sane, 0, sane.length, 0);
  }
  fs.closeSync(object);
  for (const consumer of consumers) outcome.step('cleanup', () => consumer?.cleanup());
  await turn();
}

const controlBytes = framesOffsetOf(mode === 'across' ? new Uint8Array(fs.readFileSync(path)) : imageOf(form));
let fd = mode === 'before' ? openObject() : -1;
await turn();
let descriptors = lowestDescriptor();
for (seed of task.seeds) {
  fs.writeSync(progress, String(seed).padEnd(16), 0);
  outcome = new Outcome();
  what = '';
  const started = performance.now();
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1));
  if (mode === 'before') fd = await runBefore(random, fd);
  else if (mode === 'behind') await runBehind(random);
  else await runAcross(random);
  const tookMs = performance.now() - started;
  if (tookMs > report.longestMs) Object.assign(report, { longestMs: tookMs, longestSeed: seed });
  bystanders.decoys();
  const broken = fences.broken(true) ?? bystanders.touched();
  if (broken !== null) outcome.fault(broken);
  let now = lowestDescriptor();
  if (now > descriptors) {
    // FIFOs are closed by the event loop: give it its time.
    for (let i = 0; i < 4; i++) await turn();
    now = lowestDescriptor();
    if (now > descriptors) outcome.fault('a descriptor was not closed');
  }
  descriptors = now;
  if (outcome.faults.length > 0 && fd >= 0) {
    // What has gone wrong shall not go on: locks that were not let go, for instance.
    system.close(fd);
    fs.rmSync(path, { recursive: true, force: true });
    fd = openObject();
  }
  for (const [key, count] of Object.entries(outcome.counts)) report.counts[key] = (report.counts[key] ?? 0) + count;
  for (const fault of outcome.faults)
    if (report.faults.length < 200) report.faults.push({ seed, what: `${fault}\n      after ${what.slice(0, 600)}` });
  if (task.verbose === true) console.log(seed, what, outcome.counts, outcome.faults);
}
if (fd >= 0) {
  system.close(fd);
  fs.rmSync(path, { recursive: true, force: true });
}
bystanders.close();
process.send?.(report);
process.disconnect?.();
