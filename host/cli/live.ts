// A status line on the standard output, rewritten in place on a terminal.

import { printable } from '../entry/inspection';
import { cut } from './format';
import { print } from './output';
import { isTerminal, widthOf } from './terminal';

/** Columns of the line; null where it is not rewritten, and may be as long as it is. The last column stays free: some terminals wrap there. */
export function liveWidth(): number | null {
  const width = widthOf(process.stdout);
  return width === null ? null : width - 1;
}

/** A status line: rewritten in place on a terminal, now and then a line of its own elsewhere. */
export class LiveLine {
  readonly #terminal = isTerminal(process.stdout);
  #shown = false;

  /** How often it is worth a new text. */
  get intervalMs(): number {
    return this.#terminal ? 500 : 2000;
  }

  show(line: string): void {
    const text = printable(line);
    if (!this.#terminal) {
      print(`${text}\n`);
      return;
    }
    // A line that wraps could not be rewritten.
    print(`\r\u001b[2K${cut(text, liveWidth() ?? Infinity)}`);
    this.#shown = true;
  }

  /** Ends the line, so that other output starts on its own. */
  end(): void {
    if (this.#shown) print('\n');
    this.#shown = false;
  }
}
