// Python pools as rows, as JSON, and in full.

import { isFree, type PythonPoolInfo, type PythonPoolNews, type PythonSlotInfo } from '../../entry/inspection';
import { showBytes, showName, table } from '../format';
import { type Style, widthOf } from '../terminal';
import { hanging } from '../wrap';

/** What is known of a Python pool: by looking, and by listening. */
export interface PythonRow {
  readonly info: PythonPoolInfo;
  readonly news: PythonPoolNews | null;
}

export function pythonCells({ info, news }: PythonRow) {
  const { name, state, objectBytes, processes } = info;
  const metadata = news?.metadata ?? null;
  return {
    NAME: showName(name),
    WIRE: 'tensor-ipc',
    STATE: state,
    DTYPE: metadata?.dtype ?? '-',
    SHAPE: metadata === null ? (news?.error?.code ?? '-') : `[${metadata.shape.join(', ')}]`,
    HISTORY: metadata === null ? '-' : String(metadata.historyLen),
    SIZE: objectBytes === null ? '-' : showBytes(objectBytes),
    RATE: '-',
    CONSUMERS: state === 'leftover' ? '-' : `${processes.length} ${processes.length === 1 ? 'process' : 'processes'}`,
    LAG: '-',
    AGE: '-',
  };
}

export function pythonJson({ info, news }: PythonRow): object {
  const { mode, ...rest } = info;
  const metadata = news?.metadata ?? null;
  return {
    ...rest,
    wire: 'tensor-ipc',
    mode: `0${mode.toString(8)}`,
    ...(metadata === null
      ? {}
      : {
          dtype: metadata.dtype,
          shape: metadata.shape,
          historyLen: metadata.historyLen,
          backend: metadata.backend,
          frameBytes: metadata.frameBytes,
          creatorPid: news?.creatorPid ?? null,
        }),
    ...(news === null ? {} : { newestSlot: news.newestSlot, producers: news.producers }),
    ...(news?.error ? { error: { code: news.error.code, message: news.error.message } } : {}),
  };
}

export function describePython({ info, news }: PythonRow, { bold }: Style): string {
  const { name, state, objectBytes, uid, mode, processes, slots } = info;
  const metadata = news?.metadata ?? null;
  const lines: [string, string][] = [
    ['wire', "tensor-ipc, the Python package's"],
    ['state', state],
    ...(metadata === null
      ? [['tensor', unheard(news)] satisfies [string, string]]
      : ([
          ['tensor', `${metadata.dtype} [${metadata.shape.join(', ')}], ${showBytes(metadata.frameBytes)}, ${metadata.backend}`],
          ['history', `${metadata.historyLen} frames`],
        ] satisfies [string, string][])),
    [
      'object',
      `${objectBytes === null ? 'none' : showBytes(objectBytes)}, uid ${uid}, mode 0${mode.toString(8)}, made ${new Date(info.changedMs).toISOString()}`,
    ],
    ['processes', processes.length === 0 ? 'none has it mapped' : `${processes.join(', ')} have it mapped`],
    ['producer', producerOf(info, news)],
    ['newest', news?.newestSlot === null || news === null ? '-' : `in slot ${news.newestSlot}`],
    ['locks', lockSummary(slots)],
  ];
  return [
    bold(showName(name)),
    ...hanging(lines, widthOf(process.stdout)),
    ...lockTable(slots.filter((slot) => !isFree(slot))),
  ].join('\n');
}

function unheard(news: PythonPoolNews | null): string {
  if (news?.error) return `${news.error.code}: ${news.error.message}`;
  if (news === null) return 'unknown: told over DDS only';
  return news.producers > 0 ? 'unknown: its producer says so with its next frame' : 'unknown: nobody told it on this DDS domain';
}

function producerOf({ producerHoldsLock, processes }: PythonPoolInfo, news: PythonPoolNews | null): string {
  const pid = news?.creatorPid ?? null;
  const told = news === null || news.producers === 0 ? 'none heard over DDS' : 'on DDS';
  if (pid === null) return producerHoldsLock ? 'of this library, alive' : told;
  return `pid ${pid}, ${processes.includes(pid) ? 'alive' : 'of another namespace, or gone'}${producerHoldsLock ? ', of this library' : ''}`;
}

function lockSummary(slots: readonly PythonSlotInfo[]): string {
  const taken = slots.filter((slot) => !isFree(slot)).length;
  return slots.length === 0
    ? 'none made yet'
    : `of ${slots.length} slots, ${taken === 0 ? 'all free' : `${taken} taken at this moment`}`;
}

const cell = (value: number | null) => (value === null ? '-' : String(value));

/** The state of locks, slot by slot, with a last column of the caller's. */
export function lockTable(
  slots: readonly PythonSlotInfo[],
  last: { readonly title: string; text(slot: number): string } | null = null,
): string[] {
  if (slots.length === 0) return [];
  const head = ['SLOT', 'MUTEX', 'WRITE', 'READTRY', 'READERS', ...(last === null ? [] : [last.title])];
  const rows = slots.map(({ slot, mutex, write, readTry, readers }) => [
    String(slot),
    cell(mutex),
    cell(write),
    cell(readTry),
    cell(readers),
    ...(last === null ? [] : [last.text(slot)]),
  ]);
  return table(head, rows, [true, true, true, true, true, false]).map((line) => `  ${line}`);
}
