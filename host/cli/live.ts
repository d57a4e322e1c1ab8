// Output that is rewritten in place on a terminal: a line, or a page. Both go to the standard output.

import { printable } from '../entry/inspection';
import { print } from './output';
import { isTerminal } from './terminal';

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
    const width = Math.max(20, (process.stdout.columns || 80) - 1);
    print(`\r\u001b[2K${text.slice(0, width)}`);
    this.#shown = true;
  }

  /** Ends the line, so that other output starts on its own. */
  end(): void {
    if (this.#shown) print('\n');
    this.#shown = false;
  }
}

/** A page that is redrawn in place on a terminal; elsewhere one page after the other. */
export class LivePage {
  readonly #terminal = isTerminal(process.stdout);
  #pages = 0;

  show(lines: readonly string[]): void {
    this.#pages += 1;
    if (!this.#terminal) {
      print(`${this.#pages === 1 ? '' : '\n'}${lines.join('\n')}\n`);
      return;
    }
    // To the top, each line over the old one, and what is left below goes. The first page starts on a clear screen. Lines do not
    // wrap meanwhile: a page that grew by that could not be drawn over.
    const fitting = lines.slice(0, Math.max(1, (process.stdout.rows || 24) - 1));
    const clear = this.#pages === 1 ? '\u001b[2J' : '';
    print(`${clear}\u001b[H\u001b[?7l${fitting.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J\u001b[?7h`);
  }
}
