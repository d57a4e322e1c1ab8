// The tables of ls and top: a row for each pool, native and Python.

import { showFieldShape } from '../../entry/inspection';
import type { FieldMetadata } from '../../entry/main';
import { fittedTable, showBytes, showName, threeDigits } from '../format';
import { type Style, widthOf } from '../terminal';
import { type PythonRow, pythonCells } from '../wire/show';
import { type Row, showAge, showRate, stateOf } from './rows';

/** Every column that there is, in the order in which they stand. */
const TITLES = [
  'NAME',
  'WIRE',
  'STATE',
  'PID',
  'DTYPE',
  'SHAPE',
  'HISTORY',
  'SIZE',
  'RATE',
  'MB/s',
  'CONSUMERS',
  'LAG',
  'AGE',
] as const;
export type Title = (typeof TITLES)[number];

const TEXTS: ReadonlySet<Title> = new Set(['NAME', 'WIRE', 'STATE', 'DTYPE', 'SHAPE']);

/** What a table shows, and what it does without on a narrow terminal, the first one first. */
interface TableForm {
  readonly titles: readonly Title[];
  readonly spare: readonly Title[];
}

export const LS_TABLE: TableForm = {
  titles: TITLES.filter((title) => title !== 'PID' && title !== 'MB/s'),
  spare: ['HISTORY', 'SIZE', 'WIRE', 'DTYPE', 'LAG', 'AGE', 'CONSUMERS', 'SHAPE'],
};

export const TOP_TABLE: TableForm = {
  titles: TITLES,
  spare: ['HISTORY', 'SIZE', 'WIRE', 'DTYPE', 'CONSUMERS', 'SHAPE', 'RATE'],
};

/** A pool as a row: what its cells say, and the numbers that it can be ordered by. */
export interface PoolLine {
  readonly cells: Readonly<Record<Title, string>>;
  readonly live: boolean;
  /** Null where there is none. */
  readonly keys: Readonly<Record<NumberKey, number | null>>;
}

export type NumberKey = 'rate' | 'bandwidth' | 'consumers' | 'lag' | 'age';

const NONE = { rate: null, bandwidth: null, consumers: null, lag: null, age: null } as const;

/** The rows, in the order of the listing. */
export function poolLines(rows: readonly Row[], python: readonly PythonRow[]): PoolLine[] {
  return [...rows.map(nativeLine), ...python.map(pythonLine)];
}

/** The table as a terminal holds it: the head bold, what is not alive dim. */
export function poolTable(lines: readonly PoolLine[], { titles, spare }: TableForm, { bold, dim }: Style): string[] {
  const cells = lines.map((line) => titles.map((title) => line.cells[title]));
  const numbers = titles.map((title) => !TEXTS.has(title));
  const [head = '', ...body] = fittedTable(titles, cells, numbers, spare, widthOf(process.stdout));
  return [bold(head), ...body.map((text, i) => (lines[i]?.live === true ? text : dim(text)))];
}

function nativeLine(row: Row): PoolLine {
  const { entry, rateHz } = row;
  const { name, info, error } = entry;
  const about = { NAME: showName(name), WIRE: 'native', STATE: stateOf(entry) };
  if (info === null) {
    const nothing = { PID: '-', DTYPE: '-', HISTORY: '-', SIZE: '-', RATE: '-', 'MB/s': '-', CONSUMERS: '-', LAG: '-', AGE: '-' };
    return { cells: { ...about, ...nothing, SHAPE: error?.code ?? '-' }, live: false, keys: NONE };
  }
  const { metadata, producer } = info;
  const alive = info.consumers.filter((consumer) => consumer.alive);
  const dead = info.consumers.length - alive.length;
  const lag = alive.reduce((most, consumer) => Math.max(most, consumer.lag ?? -1), -1);
  const bandwidth = rateHz === null ? null : rateHz * info.frameBytes;
  return {
    cells: {
      ...about,
      PID: producer.pid === 0 ? '-' : String(producer.pid),
      DTYPE: metadata.plain ? metadata.dtype : 'record',
      SHAPE: metadata.plain
        ? formOf(metadata.fields[0] as FieldMetadata)
        : shorten(metadata.fields.map((field) => field.name).join(', ')),
      HISTORY: String(metadata.historyLen),
      SIZE: showBytes(info.objectBytes),
      RATE: showRate(rateHz),
      // Frames of varying length: the object does not say how long each was.
      'MB/s': bandwidth === null ? '-' : `${metadata.varying && bandwidth > 0 ? '≤' : ''}${showMegabytes(bandwidth)}`,
      CONSUMERS: dead === 0 ? String(alive.length) : `${alive.length} +${dead} dead`,
      LAG: lag < 0 ? '-' : String(lag),
      AGE: showAge(info.ageMs),
    },
    live: info.state === 'live',
    keys: { rate: rateHz, bandwidth, consumers: alive.length, lag: lag < 0 ? null : lag, age: info.ageMs },
  };
}

function pythonLine(row: PythonRow): PoolLine {
  const { info } = row;
  const [pid, ...others] = info.processes;
  return {
    cells: {
      ...pythonCells(row),
      // Which of several makes the frames cannot be seen.
      PID: pid === undefined || others.length > 0 ? '-' : String(pid),
      'MB/s': '-',
    },
    live: info.state === 'live',
    keys: { ...NONE, consumers: info.processes.length },
  };
}

/** "27.6": bytes a second as MB a second. */
export function showMegabytes(bytesPerS: number): string {
  return bytesPerS === 0 ? '0' : threeDigits(bytesPerS / 1e6);
}

/** "[480, 640, 3] rgb8", "[≤300000, 3] xyz". */
function formOf(field: FieldMetadata): string {
  return field.encoding === undefined ? showFieldShape(field) : `${showFieldShape(field)} ${field.encoding}`;
}

function shorten(text: string): string {
  return text.length <= 32 ? text : `${text.slice(0, 31)}…`;
}
