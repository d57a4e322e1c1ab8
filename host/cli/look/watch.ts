// tensor-ipc watch: how the frames of one pool arrive.

import { setTimeout } from 'node:timers/promises';
import { inspectPythonPool } from '../../entry/inspection';
import { inspect, list, monotonicNs, type PoolMetadata, TensorConsumer, type Trust, type View } from '../../entry/main';
import { HISTORY, withBars } from '../bars';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { threeDigits } from '../format';
import { LiveLine } from '../live';
import { TRUST_OPTION } from '../read/frames';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { missing } from './info';
import { lateMs, showAge, showRate } from './rows';

const NAME = 'watch';
const DEFAULT_INTERVAL_MS = 1000;
const TRUST: readonly Trust[] = ['owner', 'group', 'any'];
/** A timestamp further away than this is of another clock. */
const MAX_LATENCY_MS = 60_000;

/** What came in one interval. */
class Interval {
  frames = 0;
  missed = 0;
  readonly #latenciesMs: number[] = [];
  #length = 0;

  /** A frame, and how long it is where that varies. */
  take(latencyMs: number, missed: number, length: number | null): void {
    this.frames += 1;
    this.missed += missed;
    this.#length += length ?? 0;
    if (latencyMs >= 0 && latencyMs < MAX_LATENCY_MS) this.#latenciesMs.push(latencyMs);
  }

  /** First extent of a varying field, in the mean; null without a frame. */
  get meanLength(): number | null {
    return this.frames === 0 ? null : this.#length / this.frames;
  }

  /** Of the timestamps, or null if they are of another clock. */
  get medianMs(): number | null {
    const sorted = this.#latenciesMs.sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }
}

export const watchCommand = defineCommand({
  name: NAME,
  summary: 'Watch the frames of a pool arrive: rate, latency and drops.',
  usage: 'NAME',
  details:
    'Attaches as one more consumer, which looks at every frame that it is in time for and copies none. Latency is the median\n' +
    "time from a frame's timestamp to its arrival here; a dash if the timestamps are not those of CLOCK_MONOTONIC. Drops\n" +
    'are frames that came while another one was being looked at. Ctrl-C ends it.',
  options: {
    interval: { type: 'string', value: 'MS', help: `Time between two figures. Default ${DEFAULT_INTERVAL_MS}.` },
    count: { type: 'string', value: 'N', help: 'End after so many intervals.' },
    trust: TRUST_OPTION,
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} camera`, 'until Ctrl-C'],
    [`${NAME} camera --count 10`, 'for ten seconds'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 31) ?? Infinity;
    const trust = TRUST.find((who) => who === (values.trust ?? 'owner'));
    if (trust === undefined) throw new UsageError(`--trust is 'owner', 'group' or 'any', found '${values.trust}'`, NAME);
    const wire = wireFor(NAME, name, values);
    const there = wire.wire === 'native' ? inspect(name) : inspectPythonPool(name);
    if (there === null) throw missing(name, wire.wire);

    using consumer = TensorConsumer.attach(name, { trust, ...wire });
    let current = new Interval();
    let failure: unknown = null;
    const reading = (async () => {
      for await (using view of consumer.frames({ borrow: true })) {
        current.take(Number(monotonicNs() - view.timestampNs) / 1e6, view.missed, lengthOf(view, consumer.metadata));
      }
    })().catch((error: unknown) => {
      failure = error;
    });
    const past: Interval[] = [];
    const line = new LiveLine();
    let dropped = 0;
    for (let i = 0; i < count && failure === null; i++) {
      const startedMs = performance.now();
      await setTimeout(intervalMs);
      const done = current;
      current = new Interval();
      past.push(done);
      if (past.length > HISTORY) past.shift();
      dropped += done.missed;
      const rateHz = ((done.frames + done.missed) * 1000) / (performance.now() - startedMs);
      const varies = consumer.metadata?.varying === true;
      const text = `${figures(name, rateHz, dropped, past, varies)}${wire.wire === 'native' ? latenessOf(name) : ''}`;
      line.show(consumer.connected ? text : `${name}  waits for a producer`);
    }
    line.end();
    consumer.close();
    await reading;
    if (failure !== null) throw failure;
    return EXIT_OK;
  },
});

/** The first extent of the first field that varies; null where none does. */
function lengthOf(view: View, metadata: PoolMetadata | null): number | null {
  const field = metadata?.fields.find(({ maxLength }) => maxLength !== undefined);
  if (field === undefined) return null;
  return (view.fields?.[field.name] ?? view).shape[0] ?? null;
}

/** "  late 1.20 s", of a producer that states a period and does not keep to it. */
function latenessOf(name: string): string {
  const late = list().flatMap(({ name: other, info }) => (other === name && info !== null ? (lateMs(info) ?? 0) : []))[0] ?? 0;
  return late > 0 ? `  late ${showAge(late)}` : '';
}

function figures(name: string, rateHz: number, dropped: number, past: readonly Interval[], varies: boolean): string {
  const latencyMs = past.at(-1)?.medianMs ?? null;
  return withBars(name, [
    [`rate ${showRate(rateHz)}`, past.map(({ frames, missed }) => frames + missed)],
    [`latency ${latencyMs === null ? '-' : `${threeDigits(latencyMs)} ms`}`, past.map(({ medianMs }) => medianMs)],
    [`dropped ${dropped}`, past.map(({ missed }) => missed)],
    ...(varies
      ? [[`length ${showMean(past.at(-1)?.meanLength ?? null)}`, past.map(({ meanLength }) => meanLength)] as const]
      : []),
  ]);
}

function showMean(value: number | null): string {
  return value === null ? '-' : String(Math.round(value));
}
