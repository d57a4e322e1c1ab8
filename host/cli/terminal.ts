// What a terminal can do that a pipe cannot: colour, and a line that is rewritten.

import type { WriteStream } from 'node:tty';

type Output = NodeJS.WriteStream | WriteStream;

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
}

const plain = (text: string) => text;

/** Whether escape codes make sense on this stream. */
function isTerminal(stream: Output): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb';
}

/** Colours for a stream: none unless it is a terminal, and none with NO_COLOR (https://no-color.org). */
export function styleOf(stream: Output): Style {
  if (!isTerminal(stream) || (process.env['NO_COLOR'] ?? '') !== '') return { bold: plain, dim: plain, red: plain };
  const wrap = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39) };
}

/** A status line: rewritten in place on a terminal, now and then a line of its own elsewhere. */
export class LiveLine {
  readonly #stream: Output;
  readonly #terminal: boolean;
  #shown = false;

  constructor(stream: Output) {
    this.#stream = stream;
    this.#terminal = isTerminal(stream);
  }

  /** How often it is worth a new text. */
  get intervalMs(): number {
    return this.#terminal ? 500 : 2000;
  }

  show(text: string): void {
    if (!this.#terminal) {
      this.#stream.write(`${text}\n`);
      return;
    }
    // A line that wraps could not be rewritten.
    const width = Math.max(20, (this.#stream.columns || 80) - 1);
    this.#stream.write(`\r\u001b[2K${text.slice(0, width)}`);
    this.#shown = true;
  }

  /** Ends the line, so that other output starts on its own. */
  end(): void {
    if (this.#shown) this.#stream.write('\n');
    this.#shown = false;
  }
}

/** A page that is redrawn in place on a terminal; elsewhere one page after the other. */
export class LivePage {
  readonly #stream: Output;
  readonly #terminal: boolean;
  #pages = 0;

  constructor(stream: Output) {
    this.#stream = stream;
    this.#terminal = isTerminal(stream);
  }

  show(lines: readonly string[]): void {
    this.#pages += 1;
    if (!this.#terminal) {
      this.#stream.write(`${this.#pages === 1 ? '' : '\n'}${lines.join('\n')}\n`);
      return;
    }
    // To the top, each line over the old one, and what is left below goes. The first page starts on a clear screen. Lines do not
    // wrap meanwhile: a page that grew by that could not be drawn over.
    const fitting = lines.slice(0, Math.max(1, (this.#stream.rows || 24) - 1));
    const clear = this.#pages === 1 ? '\u001b[2J' : '';
    this.#stream.write(`${clear}\u001b[H\u001b[?7l${fitting.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J\u001b[?7h`);
  }
}
