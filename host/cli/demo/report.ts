// What the demo shows of itself.

import { showBytes, showMs, table, threeDigits } from '../format';
import type { Outcome, Progress } from './director';
import { type Mode, type Ready, WINDOW_LEN } from './messages';

const MODE_NAMES: Readonly<Record<Mode, string>> = {
  borrow: 'borrowed views',
  copy: 'copies',
  window: `borrowed windows of ${WINDOW_LEN}`,
};

function frameBytes({ width, height }: Ready): number {
  return width * height * 3;
}

/** "vtest.avi: 768×576 RGB, 10 frames a second, 795 frames". */
export function showReady(ready: Ready): string {
  const { source, width, height, fps, frames } = ready;
  return [
    `${source}: ${width}×${height} RGB`,
    fps === null ? 'as fast as it comes' : `${Number(fps.toFixed(2))} frames a second`,
    frames === null ? 'until Ctrl-C' : `${frames} frames`,
  ].join(', ');
}

/** Turns progress into lines, and knows the rate between them. */
export class LiveReport {
  readonly #ready: Ready;
  #lastFrames = 0;
  #lastMs = performance.now();

  constructor(ready: Ready) {
    this.#ready = ready;
  }

  line({ frames, missed, delivered, latencies }: Progress): string {
    const now = performance.now();
    const fps = ((frames - this.#lastFrames) * 1000) / Math.max(1, now - this.#lastMs);
    this.#lastFrames = frames;
    this.#lastMs = now;
    // Short enough for a terminal of 80 columns.
    return [
      `frame ${frames}${this.#ready.frames === null ? '' : `/${this.#ready.frames}`}`,
      `${threeDigits(fps)} fps`,
      `latency ${showMs(latencies.quantileMs(0.5))} ms (p99 ${showMs(latencies.quantileMs(0.99))})`,
      `missed ${missed}`,
      `${showBytes(delivered * frameBytes(this.#ready))} read`,
    ].join('  ');
  }
}

/** The table at the end. */
export function showOutcome(outcome: Outcome): string[] {
  const { ready, frames, seconds, consumers } = outcome;
  const bytes = frameBytes(ready);
  const rate = seconds === null || frames < 2 ? '' : ` in ${threeDigits(seconds)} s, ${threeDigits(frames / seconds)} fps`;
  const lines = [`published ${frames} frames (${showBytes(frames * bytes)})${rate}`];
  if (consumers.length === 0) return lines;
  const rows = consumers.map(({ index, mode, report, trouble }) => {
    if (report === null) return [`${index} ${MODE_NAMES[mode]}`, '-', '-', '-', '-', '-', '-', trouble ?? 'no report'];
    const { p50, p99 } = report.latencyMs;
    return [
      `${index} ${MODE_NAMES[mode]}`,
      String(report.frames),
      String(report.missed),
      report.fps === null ? '-' : threeDigits(report.fps),
      showMs(p50),
      showMs(p99),
      showBytes(report.frames * bytes),
      trouble ?? '',
    ];
  });
  const head = ['consumer', 'frames', 'missed', 'fps', 'p50 ms', 'p99 ms', 'seen', ''];
  return [...lines, ...table(head, rows, [false, true, true, true, true, true, true, false])];
}

/** The same for programs. */
export function outcomeJson(pool: string, outcome: Outcome): object {
  const { ready, frames, seconds, interrupted, producerTrouble, consumers } = outcome;
  return {
    pool,
    source: ready.source,
    notice: ready.notice,
    width: ready.width,
    height: ready.height,
    firstSequence: ready.firstSequence,
    frames,
    bytes: frames * frameBytes(ready),
    seconds,
    fps: seconds === null || seconds === 0 ? null : frames / seconds,
    interrupted,
    trouble: producerTrouble,
    consumers: consumers.map(({ index, mode, report, trouble }) => ({
      index,
      mode,
      frames: report?.frames ?? null,
      missed: report?.missed ?? null,
      fps: report?.fps ?? null,
      latencyMs: report?.latencyMs ?? null,
      trouble,
    })),
  };
}
