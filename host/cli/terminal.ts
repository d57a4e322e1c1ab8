// What a terminal can do that a pipe cannot: colour.

import type { WriteStream } from 'node:tty';

export type Output = NodeJS.WriteStream | WriteStream;

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
}

const plain = (text: string) => text;

/** Whether escape codes make sense on this stream. */
export function isTerminal(stream: Output): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

/** Colours for a stream: none unless it is a terminal, and none with NO_COLOR (https://no-color.org). */
export function styleOf(stream: Output): Style {
  if (!isTerminal(stream) || (process.env['NO_COLOR'] ?? '') !== '') return { bold: plain, dim: plain, red: plain };
  const wrap = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39) };
}

/** Columns of a terminal; null where it is none, and lines may be as long as they are. */
export function widthOf(stream: NodeJS.WriteStream): number | null {
  return isTerminal(stream) ? Math.max(20, stream.columns || 80) : null;
}
