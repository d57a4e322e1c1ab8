// Uses a pool in a process that lacks something, and answers with lines of JSON: what happened at each step.

import { closeSync, openSync, readdirSync } from 'node:fs';
import { inspect, list, TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';

const [mode, name = 'limited', megabytes = '0'] = process.argv.slice(2);

export interface Outcome {
  readonly step: string;
  readonly code?: string;
  readonly errno?: string;
  readonly message?: string;
  /** What is not the library's error. */
  readonly raw?: string;
  readonly left: readonly string[];
}

const left = (): string[] => {
  try {
    return readdirSync('/dev/shm').filter((file) => file.includes(name));
  } catch {
    // There may be none, or Node may not allow it.
    return [];
  }
};

function tell(step: string, error: unknown): void {
  const outcome: Outcome =
    error === null
      ? { step, left: left() }
      : error instanceof TensorIpcError
        ? {
            step,
            code: error.code,
            message: error.message,
            left: left(),
            ...(error.errno === undefined ? {} : { errno: error.errno }),
          }
        : { step, raw: String(error), left: left() };
  console.log(JSON.stringify(outcome));
}

process.on('unhandledRejection', (reason) => tell('unhandled rejection', reason));
process.on('uncaughtException', (error) => tell('uncaught exception', error));

async function attempt(step: string, call: () => unknown): Promise<void> {
  try {
    await call();
    tell(step, null);
  } catch (error) {
    tell(step, error);
  }
}

const frame = () => new Uint8Array(Math.max(16, Number(megabytes) * 1e6));

async function usePool(): Promise<void> {
  using producer = TensorProducer.fromSample(name, frame(), { historyLen: 2 });
  using consumer = TensorConsumer.attach(name);
  setTimeout(() => producer.put(frame()), 10);
  if ((await consumer.next({ timeoutMs: 30_000 })) === null) throw new Error('no frame');
}

/** The descriptors end while a consumer begins to wait. */
async function runOutOfDescriptors(): Promise<void> {
  using producer = TensorProducer.fromSample(name, frame());
  using consumer = TensorConsumer.attach(name);
  const taken: number[] = [];
  let full = false;
  while (!full) {
    try {
      taken.push(openSync('/dev/null', 'r'));
    } catch {
      full = true;
    }
  }
  await attempt('next', () => consumer.next({ timeoutMs: 1000 }));
  await attempt('inspect', () => inspect(name));
  await attempt('list', () => list());
  await attempt('another producer', () => TensorProducer.fromSample(`${name}-2`, frame()));
  for (const fd of taken) closeSync(fd);
  tell('descriptors again', null);
  await attempt('next again', async () => {
    const next = consumer.next({ timeoutMs: 30_000 });
    setTimeout(() => producer.put(frame()), 10);
    if ((await next) === null) throw new Error('no frame');
  });
  await attempt('another producer again', () => TensorProducer.fromSample(`${name}-2`, frame()).close());
}

if (mode === 'descriptors') {
  await runOutOfDescriptors();
} else if (mode === 'look') {
  await attempt('list', () => list());
  await attempt('inspect', () => inspect(name));
  await attempt('produce', () => TensorProducer.fromSample(name, frame()));
  await attempt('attach', () => TensorConsumer.attach(name).close());
  await attempt('wait', async () => {
    using consumer = TensorConsumer.attach(name);
    await consumer.next({ timeoutMs: 100 });
  });
} else if (mode === 'take over') {
  await attempt('take over', () => {
    const producer = TensorProducer.fromSample(name, frame(), { mode: 0o666, historyLen: 2 });
    producer.put(frame());
    producer.close();
  });
  await attempt('descriptors', () => {
    const open = readdirSync('/proc/self/fd').length;
    if (open > 40) throw new Error(`${open} descriptors`);
  });
} else {
  await attempt('use', usePool);
}
await attempt('end', () => undefined);
