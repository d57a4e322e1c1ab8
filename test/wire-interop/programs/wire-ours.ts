// This library as a peer of the wire: lines of JSON in, one answer each out, as test/wire/support/peers.ts and support/ours.ts list them.

import process from 'node:process';
import { createInterface } from 'node:readline';
import { TensorConsumer, TensorIpcError, TensorProducer, type View } from 'tensor-ipc';
import { frameOf } from '../../wire/support/frames';
import type { Notice, WirePool } from '../../wire/support/peers';
import type { OurOptions } from '../support/ours';
import { bytesOf, historyOf, metadataOf, seenIn, tensorOf } from '../support/tensors';

type Fields = Readonly<Record<string, unknown>>;
type Consume = WirePool & OurOptions & { readonly attach?: boolean; readonly callback?: boolean };

/** Puts between two turns of the event loop, where there is no rate. */
const BURST = 32;
const WAIT_MS = 60_000;

const domainId = Number(process.env['TIPC_DOMAIN'] ?? '0');
let what: WirePool | null = null;
let producer: TensorProducer | null = null;
let consumer: TensorConsumer | null = null;
const notices: Notice[] = [];
const events: { what: string; at_us: number }[] = [];
const held = new Map<number, View>();

const nowUs = () => Number(process.hrtime.bigint()) / 1000;
const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

function pool(): WirePool {
  if (what === null) throw new Error('no pool');
  return what;
}

function writer(): TensorProducer {
  if (producer === null) throw new Error('no producer');
  return producer;
}

function reader(): TensorConsumer {
  if (consumer === null) throw new Error('no consumer');
  return consumer;
}

function options({ repair, waitTimeoutMs }: OurOptions) {
  return {
    wire: 'tensor-ipc',
    domainId,
    ...(repair === undefined ? {} : { repair }),
    ...(waitTimeoutMs === undefined ? {} : { waitTimeoutMs }),
  } as const;
}

function note(event: string): void {
  events.push({ what: event, at_us: nowUs() });
}

function consume(fields: Consume) {
  what = fields;
  const settings = options(fields);
  consumer =
    fields.attach === true ? TensorConsumer.attach(fields.name, settings) : new TensorConsumer(metadataOf(fields), settings);
  consumer.on('connect', () => note('connect'));
  consumer.on('disconnect', (reason) => note(reason));
  consumer.on('error', (error) => note(`error ${error instanceof TensorIpcError ? error.code : String(error)}`));
  if (fields.callback === true) {
    consumer.on('frame', (frame) => {
      const slot = frame.sequence % historyOf(fields);
      notices.push({ slot, seed: seenIn(frame, fields)[0] ?? 'none', at_us: nowUs() });
    });
  }
  return { pid: process.pid, attached: consumer.connected };
}

function produce(fields: WirePool & OurOptions) {
  what = fields;
  producer = new TensorProducer(metadataOf(fields), options(fields));
  return { pid: process.pid, total_size: historyOf(fields) * producer.metadata.frameBytes };
}

/** By put or, every other time, by writing in place. */
function publish(seed: number): number {
  const { shape, dtype } = pool();
  if (seed % 2 === 0) return writer().put(tensorOf(pool(), seed));
  const slot = writer().loan();
  bytesOf(slot.data).set(frameOf(seed, shape, dtype));
  return slot.commit();
}

async function putMany(count: number, rateHz: number, seed: number) {
  const started = performance.now();
  for (let index = 0; index < count; index++) {
    const wait = rateHz > 0 ? started + (1000 * index) / rateHz - performance.now() : 0;
    if (wait > 0 || index % BURST === 0) await sleep(wait);
    publish(seed + index);
  }
  return { count };
}

function borrowed(count: number, latestFirst: boolean) {
  using view = reader().borrow({ historyLen: count, latestFirst });
  if (view === null) return { frames: null };
  const frames =
    count === 1 ? seenIn(view, pool()) : Array.from({ length: count }, (_, index) => seenIn({ data: view.at(index) }, pool())[0]);
  return { frames, sequence: view.sequence };
}

async function follow(count: number, by: unknown) {
  const frames: unknown[] = [];
  let missed = 0;
  const take = (frame: { readonly missed: number } & Parameters<typeof seenIn>[0]) => {
    frames.push(seenIn(frame, pool())[0]);
    missed += frame.missed;
  };
  if (by === 'next') {
    while (frames.length < count) {
      const frame = await reader().next({ timeoutMs: WAIT_MS });
      if (frame === null) break;
      take(frame);
    }
  } else {
    for await (const frame of reader()) {
      take(frame);
      if (frames.length >= count) break;
    }
  }
  return { frames, missed };
}

/** Frames of a window follow one another; before the first there are zeros. */
function inOrder(window: readonly unknown[]): boolean {
  return window.every((seed, index) => {
    const newer = window[index - 1];
    if (index === 0) return typeof seed === 'number';
    if (seed === 'zero') return newer === 'zero' || newer === 1;
    return typeof newer === 'number' && seed === (newer + 255) % 256;
  });
}

async function watchOrder(forMs: number, longest: number) {
  const until = performance.now() + forMs;
  const wrong: string[] = [];
  let windows = 0;
  let frames = 0;
  for (let count = 1; performance.now() < until; count = (count % longest) + 1) {
    const frame = reader().get({ historyLen: count });
    if (frame === null) await sleep(1);
    else {
      const seen = seenIn(frame, pool());
      frames += seen.length;
      windows += 1;
      if (!inOrder(seen)) wrong.push(seen.join(' '));
      frame.release();
      if (windows % BURST === 0) await sleep(0);
    }
  }
  return { windows, frames, wrong };
}

async function readForEver(count: number) {
  for (let windows = 0; ; windows++) {
    const frame = reader().get({ historyLen: count });
    frame?.release();
    if (frame === null || windows % BURST === 0) await sleep(0);
  }
}

const OPERATIONS: Readonly<Record<string, (fields: Fields) => unknown>> = {
  produce: (fields) => produce(fields as Fields & WirePool),
  produce_with: (fields) => produce(fields as Fields & WirePool),
  consume: (fields) => consume(fields as Fields & Consume),
  consume_with: (fields) => consume(fields as Fields & Consume),
  // Ours do so by timer.
  announce: () => ({}),
  put: ({ seed }) => {
    const before = nowUs();
    const sequence = publish(Number(seed));
    return { slot: sequence % historyOf(pool()), at_us: before, put_us: nowUs() - before };
  },
  put_many: ({ count, rate_hz, seed }) => putMany(Number(count), Number(rate_hz ?? 0), Number(seed ?? 0)),
  put_for_ever: async ({ rate_hz }) => {
    for (let seed = 1; ; seed += BURST) await putMany(BURST, Number(rate_hz ?? 0), seed);
  },
  get: ({ history_len, latest_first }) => {
    const before = nowUs();
    const frame = reader().get({ historyLen: Number(history_len ?? 1), latestFirst: latest_first !== false });
    return { frames: frame === null ? null : seenIn(frame, pool()), get_us: nowUs() - before };
  },
  get_many: ({ history_len }) => readForEver(Number(history_len ?? 1)),
  borrow: ({ history_len, latest_first }) => borrowed(Number(history_len ?? 1), latest_first !== false),
  follow: ({ count, by }) => follow(Number(count), by),
  watch_order: ({ for_ms, longest }) => watchOrder(Number(for_ms), Number(longest)),
  callbacks: ({ clear }) => ({ received: clear === true ? notices.splice(0) : notices }),
  events: () => ({ events }),
  hold_reader: () => {
    const view = reader().borrow();
    if (view !== null) held.set(view.sequence % historyOf(pool()), view);
    return { held: view !== null };
  },
  hold_writer: () => {
    writer().loan();
    return { held: true };
  },
  release: ({ slot }) => {
    held.get(Number(slot))?.release();
    return {};
  },
  stats: () => ({
    pid: process.pid,
    slot: producer === null ? (consumer?.stats().lastSequence ?? -1) : producer.nextSequence - 1,
    connected: consumer?.connected ?? false,
    callbacks: notices.length,
  }),
};

async function answer(line: string): Promise<Fields> {
  const { op, ...fields } = JSON.parse(line) as Fields;
  const operation = OPERATIONS[String(op)];
  try {
    if (operation === undefined) throw new Error('no such operation');
    return { op, ...((await operation(fields)) as Fields) };
  } catch (error) {
    const code = error instanceof TensorIpcError ? error.code : 'Error';
    return { op, error: `${code}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

// One after the other, as the answers come in order.
let last: Promise<void> = Promise.resolve();
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  last = last.then(async () => {
    const leaving = (JSON.parse(line) as Fields)['op'] === 'exit';
    if (leaving) {
      for (const view of held.values()) view.release();
      consumer?.cleanup();
      producer?.cleanup();
      input.close();
    }
    process.stdout.write(`${JSON.stringify(leaving ? { op: 'exit' } : await answer(line))}\n`);
  });
});
input.on('close', () => {
  // The parent is gone: there is nobody left to work for.
  void last.then(() => process.exit(0));
});
