// Everything that can be done with a consumer and a producer, each step on its own: it works, or it throws a TensorIpcError with one
// of the codes. What else is thrown, and bytes that are none of the frames', are faults.

import {
  type ConsumerOptions,
  type Frame,
  inspect,
  list,
  type Sample,
  TensorConsumer,
  TensorIpcError,
  type TensorIpcErrorCode,
  type TensorProducer,
  type View,
} from 'tensor-ipc';
import { FRAME_BYTE } from './hostile-image';
import { Fences } from './hostile-probe';
import type { Random } from './random';

/** The closed set, so that the compiler says when it grows. */
const CODES: Readonly<Record<TensorIpcErrorCode, true>> = {
  INVALID_ARGUMENT: true,
  INVALID_NAME: true,
  SHAPE_MISMATCH: true,
  DTYPE_MISMATCH: true,
  FIELDS_MISMATCH: true,
  HISTORY_MISMATCH: true,
  HISTORY_TOO_LONG: true,
  PRODUCER_EXISTS: true,
  TOO_MANY_CONSUMERS: true,
  FOREIGN_OBJECT: true,
  UNSAFE_MODE: true,
  TRUNCATED_OBJECT: true,
  VERSION_MISMATCH: true,
  CORRUPT_OBJECT: true,
  SHM_FULL: true,
  PERMISSION_DENIED: true,
  ADDRESS_SPACE: true,
  PIN_TIMEOUT: true,
  LOAN_OUTSTANDING: true,
  RELEASED: true,
  CLOSED: true,
  UNSUPPORTED_PLATFORM: true,
  MISSING_DEPENDENCY: true,
  SYSTEM: true,
  DDS: true,
  LOCK_TIMEOUT: true,
};

const MAX_WINDOW_BYTES = 1 << 20;

/** What happened in a run. */
export class Outcome {
  readonly faults: string[] = [];
  readonly counts: Record<string, number> = {};

  count(key: string): void {
    this.counts[key] = (this.counts[key] ?? 0) + 1;
  }

  fault(what: string): void {
    this.faults.push(what);
  }

  /** Notes an error: a fault unless it is of the closed set. */
  error(step: string, error: unknown): void {
    if (error instanceof TensorIpcError && Object.hasOwn(CODES, error.code)) this.count(error.code);
    else
      this.fault(
        `${step}: ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 6).join(' | ') : String(error)}`,
      );
  }

  step<V>(name: string, run: () => V): V | null {
    try {
      return run();
    } catch (error) {
      this.error(name, error);
      return null;
    }
  }

  async wait<V>(name: string, run: () => Promise<V>): Promise<V | null> {
    try {
      return await run();
    } catch (error) {
      this.error(name, error);
      return null;
    }
  }
}

/** Reads every byte of a frame or view, by its own shape and strides where it has some. */
function look(outcome: Outcome, step: string, frame: Frame | View | null): void {
  if (frame === null) return;
  outcome.count(step);
  const tensors = [frame, ...Object.values(frame.fields ?? {})];
  for (const { data, shape, strides, offset, lengths } of tensors) {
    if (lengths !== undefined && lengths.length !== shape[0])
      outcome.fault(`${step}: ${lengths.length} lengths of ${shape[0]} frames`);
    if (lengths?.some((length) => !(length >= 0 && length <= (shape[1] as number))) === true)
      outcome.fault(`${step}: lengths ${lengths} of [${shape}]`);
    // Nothing is there: nothing is reached.
    if (shape.includes(0)) {
      if (data.length > 0) outcome.fault(`${step}: ${data.length} elements of [${shape}]`);
      continue;
    }
    let low = offset;
    let high = offset;
    for (const [axis, extent] of shape.entries()) {
      const reach = (extent - 1) * (strides[axis] as number);
      if (reach < 0) low += reach;
      else high += reach;
    }
    if (low < 0 || high >= data.length) outcome.fault(`${step}: shape ${shape} reaches ${low} to ${high} of ${data.length}`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (Fences.leaked(bytes)) outcome.fault(`${step}: gave bytes from outside the pool`);
    for (const at of [0, 1, bytes.length >> 1, bytes.length - 1]) {
      const byte = bytes[at];
      if (byte !== undefined && byte !== FRAME_BYTE && byte !== 0) outcome.fault(`${step}: byte ${at} of a frame is ${byte}`);
    }
  }
  if ((frame.shape[0] ?? 0) > 0) outcome.step(`${step} at`, () => frame.at(0));
  for (const [name, { lengths = [], shape }] of Object.entries(frame.fields ?? {})) {
    const row = shape.slice(2).reduce((all, extent) => all * extent, 1);
    for (const [i, length] of lengths.entries())
      outcome.step(`${step} at ${i}`, () => {
        const { length: found } = frame.at(i, name);
        if (found !== length * row) outcome.fault(`${step}: frame ${i} has ${found} elements, its length is ${length}`);
      });
  }
  void frame.timestampNs;
  if (!Number.isSafeInteger(frame.sequence) || frame.sequence < 0) outcome.fault(`${step}: sequence ${frame.sequence}`);
}

function window(random: Random, consumer: TensorConsumer): { historyLen: number; latestFirst: boolean } {
  const { historyLen, frameBytes } = consumer.metadata ?? { historyLen: 1, frameBytes: 1 };
  const most = Math.max(1, Math.min(historyLen, Math.floor(MAX_WINDOW_BYTES / frameBytes)));
  return { historyLen: random.pick([1, most, random.integer(1, most)]), latestFirst: random.integer(0, 1) === 0 };
}

/** Reads in every way. `waits`: also on the event loop, which takes a millisecond. */
export async function read(random: Random, outcome: Outcome, consumer: TensorConsumer, waits: boolean): Promise<void> {
  outcome.step('connected', () => consumer.connected);
  outcome.step('get', () => look(outcome, 'get', consumer.get()));
  outcome.step('fields', () => {
    const fields = consumer.get()?.fields;
    const names = consumer.metadata?.fields.map(({ name }) => name) ?? [];
    // Names that mean something to JavaScript are names like others.
    if (fields !== undefined && Object.keys(fields).sort().join() !== names.sort().join()) {
      outcome.fault(`fields ${Object.keys(fields)} of a pool of ${names}`);
    }
  });
  outcome.step('window', () => look(outcome, 'window', consumer.get(window(random, consumer))));
  outcome.step('borrow', () => {
    using view = consumer.borrow();
    look(outcome, 'borrow', view);
  });
  outcome.step('borrowed windows', () => {
    using first = consumer.borrow(window(random, consumer));
    using second = consumer.borrow(window(random, consumer));
    look(outcome, 'borrowed window', first);
    look(outcome, 'borrowed window', second);
    void first?.valid;
    void second?.valid;
  });
  outcome.step('tryNext', () => {
    for (let i = 0; i < 4; i++) look(outcome, 'tryNext', consumer.tryNext());
    using view = consumer.tryNext({ borrow: true });
    look(outcome, 'tryNext', view);
  });
  outcome.step('spin', () => consumer.spin(5));
  outcome.step('waitSync', () => consumer.waitSync(0));
  if (!waits) return;
  outcome.count('waits');
  look(outcome, 'next', await outcome.wait('next', () => consumer.next({ timeoutMs: random.integer(0, 1) })));
}

/** How the consumers attach: every kind of reader that there is. */
export function consumerOptions(random: Random): ConsumerOptions {
  return {
    delivery: random.pick(['latest', 'latest', 'all']),
    from: random.pick(['now', 'oldest']),
    protect: random.integer(0, 3) === 0,
  };
}

/** Looks at the pool without attaching, as the tools do. */
export function examine(random: Random, outcome: Outcome, pool: string): void {
  outcome.step('inspect', () => {
    const info = inspect(pool);
    if (info !== null) outcome.count('inspected');
    for (const number of [info?.framesPublished, info?.slotCapacity, info?.ageMs ?? 0]) {
      if (number !== undefined && !(number >= 0)) outcome.fault(`inspect: ${number}`);
    }
  });
  if (random.integer(0, 99) > 0) return;
  outcome.step('list', () => {
    const entry = list().find(({ name }) => name === pool);
    outcome.count('listed');
    if (entry !== undefined && entry.error !== null) outcome.error('list', entry.error);
  });
}

export async function attachAndRead(random: Random, outcome: Outcome, pool: string, waits: boolean): Promise<void> {
  examine(random, outcome, pool);
  const consumer = outcome.step('attach', () => TensorConsumer.attach(pool, consumerOptions(random)));
  if (consumer === null) return;
  outcome.step('connected', () => outcome.count(consumer.connected ? 'attached' : 'no pool'));
  await read(random, outcome, consumer, waits);
  outcome.step('cleanup', () => consumer.cleanup());
}

/** Publishes in every way that does not wait on the event loop. */
export function write(random: Random, outcome: Outcome, producer: TensorProducer, sample: Sample): void {
  for (let i = random.integer(1, 3); i > 0; i--)
    outcome.step('put', () => outcome.count(producer.put(sample) < 0 ? 'refused' : 'put'));
  outcome.step('loan', () => {
    using slot = producer.loan();
    new Uint8Array(slot.data.buffer, slot.data.byteOffset, slot.data.byteLength).fill(FRAME_BYTE);
    const { varying, fields } = producer.metadata;
    const most = Math.min(...fields.map(({ maxLength }) => maxLength ?? Infinity));
    if (random.integer(0, 3) > 0) slot.commit(varying ? { length: random.pick([0, 1, random.integer(0, most), most]) } : {});
    outcome.count('loan');
  });
  outcome.step('stats', () => producer.stats());
}

export async function writeAsync(outcome: Outcome, producer: TensorProducer, sample: Sample): Promise<void> {
  await outcome.wait('putAsync', async () => outcome.count((await producer.putAsync(sample)) < 0 ? 'refused' : 'putAsync'));
}
