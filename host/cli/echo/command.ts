// tensor-ipc echo: values and statistics of the frames of a pool, as text.

import { printable, showFieldShape } from '../../entry/inspection';
import { type Frame, type PoolMetadata, TensorConsumer } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { cut } from '../format';
import { showMeaning } from '../look/meaning';
import { showAge } from '../look/rows';
import { printBytes } from '../output';
import { elementsOf, FIELD_OPTION, fieldsOf } from '../read/field';
import { framesOf, onePool, TRUST_OPTION, trustOf } from '../read/frames';
import { latest } from '../read/latest';
import { widthOf } from '../terminal';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { arrayText, shownElements } from './array';
import { elementTexts } from './numbers';
import { statisticsText } from './statistics';

const NAME = 'echo';
/** Lines are as wide as this, or as a narrower terminal. */
const WIDTH = 80;

export const echoCommand = defineCommand({
  name: NAME,
  summary: 'Print the frames of a pool: values and statistics as text.',
  usage: 'NAME',
  details:
    'Prints each new frame: its number and age, and of each tensor the smallest and the\n' +
    'largest value, the mean, and the elements. Of more than 1000 elements three at each\n' +
    'end of an axis are shown, as NumPy does. Frames that come while one is printed are\n' +
    'skipped and counted. Waits for the pool if there is none yet; ends with its producer:\n' +
    'code 0 if that closed the pool, 1 if it died.',
  options: {
    field: FIELD_OPTION,
    every: { type: 'string', value: 'N|SECONDS', help: 'Print every Nth frame (10), or one in so many seconds (2s, 0.5s).' },
    count: { type: 'string', value: 'N', help: 'End after so many frames.' },
    once: { type: 'boolean', help: 'Print the newest frame and end; of a dead pool its last one.' },
    full: { type: 'boolean', help: 'Print every element.' },
    stats: { type: 'boolean', help: 'Print statistics and no elements.' },
    timeout: { type: 'string', value: 'MS', help: 'Wait so long for each frame. Default: for ever.' },
    trust: TRUST_OPTION,
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} arm`, 'every new frame'],
    [`${NAME} camera --field depth --once`, 'one tensor of the newest frame'],
    [`${NAME} camera --stats --every 1s`, 'a line of statistics a second'],
  ],
  async run(values, positionals) {
    const name = onePool(NAME, positionals);
    const every = everyOf(values.every);
    if (values.once && values.count !== undefined) throw new UsageError('--once or --count, not both', NAME);
    if (values.full && values.stats) throw new UsageError('--full or --stats, not both', NAME);
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 31) ?? Infinity;
    const timeoutMs = wholeNumber(NAME, 'timeout', values.timeout, 0, 2 ** 31 - 1);
    const wire = wireFor(NAME, name, values);
    using consumer = TensorConsumer.attach(name, { trust: trustOf(NAME, values.trust), ...wire });
    const how = { wanted: values.field, full: values.full === true, elements: values.stats !== true };
    if (values.once) {
      const { frame, metadata, last } = await latest(consumer, wire.wire, timeoutMs);
      await printBytes(Buffer.from(frameText(frame, metadata, last, how)));
      return EXIT_OK;
    }
    let printed = 0;
    for await (const { frame, metadata } of framesOf(consumer, { timeoutMs })) {
      if (!every(frame)) continue;
      // One text is on its way at a time, and nobody may read it any more.
      if (!(await printBytes(Buffer.from(`${frameText(frame, metadata, '', how)}---\n`)))) return EXIT_OK;
      printed += 1;
      if (printed >= count) return EXIT_OK;
    }
    return EXIT_OK;
  },
});

/** Which frames are printed. */
function everyOf(text: string | undefined): (frame: Frame) => boolean {
  const match = /^(\d+(?:\.\d+)?)(s?)$/.exec(text ?? '1');
  const value = Number(match?.[1]);
  const seconds = match?.[2] === 's';
  if (match === null || value <= 0 || (!seconds && !Number.isInteger(value))) {
    throw new UsageError(`--every is a number of frames (10) or of seconds (2s), found ${JSON.stringify(text)}`, NAME);
  }
  let due = -Infinity;
  return ({ sequence }) => {
    const now = seconds ? performance.now() / 1000 : sequence;
    // A producer that comes anew counts from 0.
    if (now < due && due - now <= value) return false;
    due = now + value;
    return true;
  };
}

interface How {
  readonly wanted: string | undefined;
  readonly full: boolean;
  readonly elements: boolean;
}

function frameText(frame: Frame, metadata: PoolMetadata, last: string, { wanted, full, elements }: How): string {
  const width = Math.min(WIDTH, widthOf(process.stdout) ?? WIDTH);
  const missed = frame.missed === 0 ? '' : `  missed ${frame.missed}`;
  const head = `frame ${frame.sequence}  age ${showAge(frame.ageMs())}${missed}${last}`;
  const lines = fieldsOf(frame, metadata, wanted).flatMap(({ name, tensor, meaning, label }) => {
    const { dtype, shape } = tensor;
    const data = elementsOf(tensor);
    const form = `${dtype} ${showFieldShape({ shape })}`;
    const said = showMeaning(meaning).map((part) => `, ${part}`);
    const layout = { shape, width, full };
    const text = elements ? arrayText(layout, elementTexts(data, dtype, shownElements(layout))).split('\n') : [];
    return [
      cut(printable(`${label === '' ? '' : `${name}: `}${form}${said.join('')}`), width),
      statisticsText(data, dtype),
      ...text,
    ];
  });
  return [head, ...lines].map((line) => `${line}\n`).join('');
}
