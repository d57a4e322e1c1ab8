// tensor-ipc hz and bw: how often frames come, and how many bytes a second that is.

import { setTimeout } from 'node:timers/promises';
import { TensorConsumer, type View } from '../../entry/main';
import { type Command, defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { columns, cut, showBytes, threeDigits } from '../format';
import { print } from '../output';
import { bytesOf } from '../read/field';
import { TRUST_OPTION, trustOf } from '../read/frames';
import { Interrupt } from '../read/interrupt';
import { widthOf } from '../terminal';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { type Figures, Meter } from './meter';
import { showRate } from './rows';

const DEFAULT_INTERVAL_MS = 1000;
const DEFAULT_WINDOW = 1000;
/** Columns of a name in lines for a terminal. */
const MAX_NAME = 18;

/** Figures of one line, behind the name of the pool. */
type Show = (figures: Figures) => string[];

export const hzCommand = measuring(
  'hz',
  'Measure the rate of pools: frames a second, and how even they come.',
  'From the times at which frames were published. min and max are the shortest and the\nlongest time between two frames, std is the standard deviation of it.',
  ({ rateHz, intervalMs: { min, max, deviation } }) => {
    const [unit, size] = max < 10_000 ? ['ms', 1] : ['s', 1000];
    const show = (ms: number) => threeDigits(ms / size);
    return [showRate(rateHz), `min ${show(min)}`, `max ${show(max)}`, `std ${show(deviation)} ${unit}`];
  },
);

export const bwCommand = measuring(
  'bw',
  'Measure the bandwidth of pools: bytes a second, and the size of frames.',
  'mean, min, max and std (the standard deviation) are those of the bytes of a frame.',
  ({ bytesPerSecond, bytes: { mean, min, max, deviation } }) => [
    `${showBytes(bytesPerSecond)}/s`,
    `mean ${showBytes(Math.round(mean))}`,
    `min ${showBytes(min)}`,
    `max ${showBytes(max)}`,
    `std ${showBytes(Math.round(deviation))}`,
  ],
);

function measuring(name: string, summary: string, details: string, show: Show): Command {
  return defineCommand({
    name,
    summary,
    usage: 'NAME…',
    details:
      `${details} All are of the last ${DEFAULT_WINDOW} frames, or --window.\n` +
      'Takes views and copies nothing. A frame that was missed counts, with the mean time\n' +
      'and the size of the frame after it. Waits for pools that are not there. Ctrl-C ends\n' +
      'it, with a summary of all frames.',
    options: {
      interval: { type: 'string', value: 'MS', help: `Time between two lines. Default ${DEFAULT_INTERVAL_MS}.` },
      count: { type: 'string', value: 'N', help: 'End after so many lines.' },
      window: { type: 'string', value: 'N', help: `Measure over the last N frames. Default ${DEFAULT_WINDOW}.` },
      trust: TRUST_OPTION,
      ...WIRE_OPTIONS,
    },
    examples: [
      [`${name} camera`, 'until Ctrl-C'],
      [`${name} camera lidar --count 10`, 'two pools, for ten seconds'],
    ],
    async run(values, names) {
      if (names.length === 0) throw new UsageError(`no pool given: tensor-ipc ${name} NAME`, name);
      const intervalMs = wholeNumber(name, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
      const count = wholeNumber(name, 'count', values.count, 1, 2 ** 31) ?? Infinity;
      const window = wholeNumber(name, 'window', values.window, 1, 10_000_000) ?? DEFAULT_WINDOW;
      const trust = trustOf(name, values.trust);
      using interrupt = new Interrupt();
      const pools = names.map((pool) => ({ name: pool, ...watch(pool, window, { trust, ...wireFor(name, pool, values) }) }));
      try {
        for (let i = 0; i < count && !interrupt.signal.aborted; i++) {
          await setTimeout(intervalMs, undefined, { signal: interrupt.signal }).catch(ifAborted);
          const failed = pools.find(({ state }) => state.error !== null);
          if (failed !== undefined) throw failed.state.error;
          // Ctrl-C in the middle of an interval is followed by the summary at once.
          if (interrupt.signal.aborted) break;
          say(pools.map((pool) => [pool.name, ...lineOf(pool, show)]));
        }
      } finally {
        for (const { consumer } of pools) consumer.close();
        await Promise.all(pools.map(({ reading }) => reading));
      }
      say(pools.map(({ name: pool, meter }) => [pool, ...summaryOf(meter, show)]));
      return EXIT_OK;
    },
  });
}

function ifAborted(error: unknown): void {
  if ((error as Error).name !== 'AbortError') throw error;
}

interface State {
  /** Whether a frame came since the last line. */
  fresh: boolean;
  error: unknown;
}

function watch(name: string, window: number, options: ConstructorParameters<typeof TensorConsumer>[1]) {
  const consumer = TensorConsumer.attach(name, options ?? {});
  const meter = new Meter(window);
  const state: State = { fresh: false, error: null };
  consumer.on('disconnect', () => meter.pause());
  const reading = (async () => {
    for await (using view of consumer.frames({ borrow: true })) {
      state.fresh = true;
      meter.take(performance.now() - view.ageMs(), view.missed, sizeOf(view));
    }
  })().catch((error: unknown) => {
    state.error = error;
  });
  return { consumer, meter, state, reading };
}

function sizeOf(view: View): number {
  const { fields } = view;
  return fields === undefined ? bytesOf(view) : Object.values(fields).reduce((sum, field) => sum + bytesOf(field), 0);
}

function lineOf({ consumer, meter, state }: ReturnType<typeof watch>, show: Show): string[] {
  const { fresh } = state;
  state.fresh = false;
  if (!consumer.connected) return ['waits for a producer'];
  const figures = meter.recent();
  if (!fresh) return ['no new frames'];
  return figures === null ? ['one frame so far'] : [...show(figures), `window ${figures.frames}`];
}

function summaryOf(meter: Meter, show: Show): string[] {
  const figures = meter.whole();
  if (figures === null) return ['no rate: fewer than two frames came'];
  const missed = meter.missed === 0 ? [] : [`missed ${meter.missed}`];
  return [...show(figures), `frames ${figures.frames}`, ...missed];
}

/** A line for each pool. */
function say(rows: readonly (readonly string[])[]): void {
  const width = widthOf(process.stdout);
  const short = width === null ? rows : rows.map(([name = '', ...cells]) => [cut(name, MAX_NAME), ...cells]);
  const widest = short.reduce((most, [name = '']) => Math.max(most, name.length), 0);
  const padded = short.map(([name = '', ...cells]) => [name.padEnd(widest), ...cells]);
  // Words in place of figures make no column wider.
  const tables = columns(padded.filter((row) => row.length > 2)).split('\n');
  const lines = padded.map((row) => (row.length > 2 ? (tables.shift() ?? '') : row.join('  ')));
  print(lines.map((line) => `${width === null ? line : cut(line, width)}\n`).join(''));
}
