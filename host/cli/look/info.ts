// tensor-ipc info: all there is to know about one pool.

import { setTimeout } from 'node:timers/promises';
import { inspectPythonPool, listPythonPools } from '../../entry/inspection';
import { type ConsumerInfo, inspect, list, monotonicNs, type PoolInfo, type Wire } from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, nearest, UsageError, wholeNumber } from '../command';
import { fittedTable, isPlainName, showBytes } from '../format';
import { print, toJson } from '../output';
import { type Style, styleOf, widthOf } from '../terminal';
import { hear } from '../wire/listen';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { describePython, pythonJson } from '../wire/show';
import { hanging } from '../wrap';
import { poolJson } from './json';
import { showAttributes, showForm, showMeaning, wrapped } from './meaning';
import { DEFAULT_INTERVAL_MS, lateMs, rateBetween, showAge, showRate } from './rows';

const NAME = 'info';

export const infoCommand = defineCommand({
  name: NAME,
  summary: 'Show everything about a pool: tensors, ring, producer, consumers.',
  usage: 'NAME',
  details: 'Nothing is written to the pool. Ends with code 1 if there is no pool of that name, or a damaged one.',
  options: {
    json: { type: 'boolean', help: 'Print JSON.' },
    interval: { type: 'string', value: 'MS', help: `Measure the rate over so long. Default ${DEFAULT_INTERVAL_MS}.` },
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} camera`, 'the pool "camera"'],
    [`${NAME} camera --json`, 'for programs'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    const { wire, domainId } = wireFor(NAME, name, values);
    if (wire === 'tensor-ipc') return aboutPython(name, domainId, values.json === true);
    const first = inspect(name);
    if (first === null) throw missing(name);
    if (first.state === 'live') await setTimeout(intervalMs);
    // It may have been closed meanwhile.
    const info = inspect(name) ?? first;
    const rateHz = rateBetween(first, info);
    const text = values.json ? toJson(poolJson(info, rateHz)) : describe(info, rateHz, styleOf(process.stdout));
    print(`${text}\n`);
    return EXIT_OK;
  },
});

async function aboutPython(name: string, domainId: number, json: boolean): Promise<number> {
  const info = inspectPythonPool(name);
  if (info === null) throw missing(name, 'tensor-ipc');
  const news = info.objectBytes === null ? null : ((await hear([name], domainId, false)).get(name) ?? null);
  const row = { info, news };
  const text = json ? toJson(pythonJson(row)) : describePython(row, styleOf(process.stdout));
  print(`${text}\n`);
  return EXIT_OK;
}

/** The complaint about a name without a pool. */
export function missing(name: string, wire: Wire = 'native'): CliError {
  const near = nearest(name, (wire === 'native' ? list() : listPythonPools()).map((entry) => entry.name).filter(isPlainName));
  if (near === name) return new CliError(`pool '${name}' is under construction`);
  return new CliError(
    `there is no ${wire === 'native' ? '' : 'Python '}pool '${name}'${near === null ? '' : `; did you mean '${near}'?`}`,
  );
}

function describe(info: PoolInfo, rateHz: number | null, { bold }: Style): string {
  const { metadata, producer } = info;
  const since = (ns: bigint) => showAge(Math.max(0, Number(monotonicNs() - ns) / 1e6));
  const padding = info.frameStride - info.frameBytes;
  const labelWidth = Math.max(10, ...metadata.fields.map(({ name }) => (metadata.plain ? 0 : name.length + 7)));
  const lines: [string, string][] = [
    ['state', info.state],
    ...metadata.fields.flatMap((field): [string, string][] => {
      const label = metadata.plain ? 'tensor' : `tensor ${field.name}`;
      return [[label, showForm(field, metadata.plain)], ...wrapped('', showMeaning(field), labelWidth)];
    }),
    ...showAttributes(metadata.attributes, labelWidth).map((line, i): [string, string] => [i === 0 ? 'attributes' : '', line]),
    [
      'history',
      `${metadata.historyLen} ${metadata.historyLen === 1 ? 'frame' : 'frames'}, before the first frame ${info.historyPad === 'fill' ? 'copies of it' : 'zeros'}`,
    ],
    [
      'ring',
      `${info.slotCapacity} slots of ${info.frameStride} bytes${padding === 0 ? '' : ` (${padding} of them padding)`}, ` +
        `object ${showBytes(info.objectBytes)}`,
    ],
    ['pool id', info.poolId.toString(16).padStart(16, '0')],
    [
      'created',
      `${new Date(Number(info.createdNs / 1_000_000n)).toISOString()}, uid ${info.uid}, mode 0${info.mode.toString(8)}`,
    ],
    [
      'producer',
      `pid ${producer.pid}, ${producer.alive ? 'alive' : 'gone'}, epoch ${producer.epoch}, for ${since(producer.sinceNs)}, ` +
        `onPinned ${producer.onPinned ?? 'unknown'}`,
    ],
    ['counters', `${producer.framesRefused} refused, ${producer.framesOverrun} overrun, ${producer.waits} waits`],
    [
      'published',
      [
        `${info.framesPublished} frames`,
        ...(rateHz === null ? [] : [showRate(rateHz)]),
        ...(info.ageMs === null ? [] : [`the latest ${showAge(info.ageMs)} ago`]),
      ].join(', '),
    ],
    ...periodOf(info),
    ['doorbells', info.doorbells.length === 0 ? 'none' : info.doorbells.map((doorbell) => doorbell.file).join(', ')],
    ['consumers', String(info.consumers.length)],
  ];
  return [bold(info.name), ...hanging(lines, widthOf(process.stdout)), ...consumerTable(info.consumers, since)].join('\n');
}

/** What the producer states, and whether it keeps to it. */
function periodOf(info: PoolInfo): [string, string][] {
  const { periodMs } = info.producer;
  if (periodMs === null) return [];
  const late = lateMs(info);
  const kept = late === null ? '' : late === 0 ? ', in time' : `, late by ${showAge(late)}`;
  return [['period', `a frame every ${showAge(periodMs)}${kept}`]];
}

const HEAD = ['#', 'PID', 'ALIVE', 'DELIVERY', 'FOR', 'LAST', 'LAG', 'TAKEN', 'MISSED', 'HOLDS', 'WAKES BY'];
const NUMBERS = [true, true, false, false, true, true, true, true, true, false, false];
/** What a narrow terminal does without, the first one first. */
const SPARE = ['WAKES BY', 'LAST', 'FOR', 'TAKEN', 'DELIVERY'];

function consumerTable(consumers: readonly ConsumerInfo[], since: (ns: bigint) => string): string[] {
  if (consumers.length === 0) return [];
  const rows = consumers.map((consumer) => [
    String(consumer.index),
    String(consumer.pid),
    consumer.alive ? 'yes' : 'no',
    consumer.delivery,
    since(consumer.sinceNs),
    String(consumer.lastSequence ?? '-'),
    String(consumer.lag ?? '-'),
    String(consumer.framesTaken),
    String(consumer.framesMissed),
    [consumer.holdsViews ? 'views' : '', consumer.holdsFrames ? 'frames' : ''].filter((held) => held !== '').join(', ') || '-',
    consumer.wakes ?? '-',
  ]);
  const width = widthOf(process.stdout);
  return fittedTable(HEAD, rows, NUMBERS, SPARE, width === null ? null : width - 2).map((line) => `  ${line}`);
}
