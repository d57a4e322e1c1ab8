// tensor-ipc demo: frames from one process to several others, with the figures.

import { existsSync } from 'node:fs';
import { printable } from '../../entry/inspection';
import { CliError, defineCommand, EXIT_FAILURE, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { LiveLine } from '../live';
import { note, print } from '../output';
import { styleOf } from '../terminal';
import { type DemoOptions, Director, type Outcome } from './director';
import type { Rate, Ready, Size, SourceRequest } from './messages';
import { PICTURE_FPS, PICTURE_FRAMES, PICTURE_SIZE } from './picture';
import { LiveReport, outcomeJson, showOutcome, showReady } from './report';

const NAME = 'demo';
const DEFAULT_CONSUMERS = 3;
/** A pool has room for 64; some are left for others. */
const MAX_CONSUMERS = 48;
const MAX_SIDE = 16384;
const MAX_FPS = 100_000;

export const demoCommand = defineCommand({
  name: NAME,
  summary: 'Stream video, a camera or a generated picture to several processes.',
  usage: '',
  details:
    'One process decodes with ffmpeg straight into shared memory; consumers in processes of their own read it as borrowed\n' +
    'views, as copies and as windows of history. The pool is open to others meanwhile: try "tensor-ipc snapshot demo out.png".',
  options: {
    input: {
      type: 'string',
      value: 'FILE',
      help: 'Video file, URL, or camera such as /dev/video0. Default: a generated picture.',
    },
    frames: {
      type: 'string',
      value: 'N',
      help: `Frames to stream. Default: all of a file, ${PICTURE_FRAMES} generated ones, a camera until Ctrl-C.`,
    },
    consumers: { type: 'string', value: 'N', help: `Consumer processes. Default ${DEFAULT_CONSUMERS}.` },
    fps: {
      type: 'string',
      value: 'N|max',
      help: `Frames a second. Default: the file's own, ${PICTURE_FPS} for the generated picture.`,
    },
    size: {
      type: 'string',
      value: 'WxH',
      help: `Scale a file, or ask the camera. The generated picture is ${PICTURE_SIZE.width}x${PICTURE_SIZE.height} by default.`,
    },
    name: { type: 'string', value: 'POOL', help: `Name of the pool. Default "${NAME}".` },
    ffmpeg: { type: 'string', value: 'PATH', help: 'The ffmpeg to use. Default: $FFMPEG, or the one on the PATH.' },
    json: { type: 'boolean', help: 'Print one JSON object at the end and nothing else.' },
    hashes: { type: 'string', value: 'PREFIX', help: 'Consumer i writes "sequence md5" per frame to PREFIX.i.', hidden: true },
  },
  examples: [
    [NAME, 'ten seconds of a generated picture'],
    [`${NAME} --input film.mp4`, 'a file at its own pace'],
    [`${NAME} --input /dev/video0 --consumers 5`, 'a camera, until Ctrl-C'],
    [`${NAME} --fps max --frames 5000 --size 1920x1080`, 'as fast as it goes'],
  ],
  async run(values, positionals) {
    const [stray] = positionals;
    if (stray !== undefined) throw new UsageError(`unexpected argument '${stray}'; did you mean --input ${stray}?`, NAME);
    const options: DemoOptions = {
      producer: {
        pool: values.name ?? NAME,
        source: sourceOf(values.input),
        frames: wholeNumber(NAME, 'frames', values.frames, 1, Number.MAX_SAFE_INTEGER) ?? null,
        rate: rateOf(values.fps),
        size: sizeOf(values.size),
        ffmpeg: values.ffmpeg ?? (process.env['FFMPEG'] || 'ffmpeg'),
      },
      consumers: wholeNumber(NAME, 'consumers', values.consumers, 0, MAX_CONSUMERS) ?? DEFAULT_CONSUMERS,
      hashPrefix: values.hashes ?? null,
    };
    return play(options, values.json === true);
  },
});

function sourceOf(input: string | undefined): SourceRequest {
  if (input === undefined) return { kind: 'picture' };
  if (!input.includes('://') && !existsSync(input)) throw new CliError(`--input ${input}: no such file or device`);
  return { kind: input.startsWith('/dev/') ? 'device' : 'file', path: input };
}

function rateOf(text: string | undefined): Rate {
  if (text === undefined) return 'own';
  if (text === 'max') return 'max';
  const fps = finiteNumber(NAME, 'fps', text) as number;
  if (!(fps > 0 && fps <= MAX_FPS))
    throw new UsageError(`--fps is above 0 and at most ${MAX_FPS}, or max, found '${text}'`, NAME);
  return fps;
}

function sizeOf(text: string | undefined): Size | null {
  if (text === undefined) return null;
  const match = text.match(/^(\d+)[x×](\d+)$/);
  const [width, height] = [Number(match?.[1]), Number(match?.[2])];
  const fits = (side: number) => side >= 1 && side <= MAX_SIDE;
  if (!fits(width) || !fits(height))
    throw new UsageError(`--size is like 640x480, at most ${MAX_SIDE} a side, found '${text}'`, NAME);
  return { width, height };
}

/** Runs the demo and shows it. */
async function play(options: DemoOptions, json: boolean): Promise<number> {
  const style = styleOf(process.stdout);
  const live = new LiveLine();
  let report: LiveReport | null = null;
  let ticker: NodeJS.Timeout | null = null;
  const director = new Director(options, {
    notice: (text) => {
      live.end();
      note(text);
    },
    ready: (ready: Ready) => {
      if (json) return;
      print(
        `${style.bold(showReady(ready))}\n${style.dim(`pool '${options.producer.pool}', ${options.consumers} ${options.consumers === 1 ? 'consumer' : 'consumers'}, Ctrl-C ends it`)}\n`,
      );
      report = new LiveReport(ready);
      ticker = setInterval(() => live.show((report as LiveReport).line(director.progress())), live.intervalMs);
    },
  });
  const interrupt = () => director.interrupt();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  let outcome: Outcome | null;
  try {
    outcome = await director.run();
  } finally {
    if (ticker !== null) clearInterval(ticker);
    live.end();
  }
  if (outcome === null) return EXIT_OK;
  if (json) {
    print(`${printable(JSON.stringify(outcomeJson(options.producer.pool, outcome)))}\n`);
  } else {
    const [head, ...rest] = showOutcome(outcome);
    print([style.bold(head as string), ...rest, ''].join('\n'));
  }
  const trouble = outcome.producerTrouble !== null || outcome.consumers.some((consumer) => consumer.trouble !== null);
  return trouble && !outcome.interrupted ? EXIT_FAILURE : EXIT_OK;
}
