// A page that has the whole terminal to itself, on the alternate screen, and keys that are read as they are pressed. What was on the
// terminal before is there again however the program ends, SIGKILL aside.

import { print } from '../output';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const DEADLY = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** What Ctrl-C, Ctrl-\ and Ctrl-Z send while the terminal does not turn them into signals. */
const SIGNAL_KEYS: Readonly<Record<string, NodeJS.Signals>> = { '\u0003': 'SIGINT', '\u001c': 'SIGQUIT', '\u001a': 'SIGTSTP' };
/** Keys of more than one byte, or any other character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal sends keys.
const KEYS = /\u001b\[[0-9;]*[A-Za-z~]|\u001bO[A-Z]|[\s\S]/g;

export interface ScreenEvents {
  onKey(key: string): void;
  /** The terminal has another size, or the program came back to it: draw again. */
  onChange(): void;
}

export class Screen {
  readonly #events: ScreenEvents;
  readonly #listeners: [emitter: NodeJS.EventEmitter, event: string, listener: (...args: never[]) => void][] = [];
  #shown = false;
  readonly #stop = () => this.#suspend();

  constructor(events: ScreenEvents) {
    this.#events = events;
  }

  open(): void {
    for (const signal of DEADLY) this.#listen(process, signal, () => this.#die(signal));
    this.#listen(process, 'SIGTSTP', this.#stop);
    this.#listen(process, 'SIGCONT', () => this.#resume());
    this.#listen(process, 'exit', () => this.#leave());
    this.#listen(process.stdout, 'resize', () => this.#events.onChange());
    if (this.#hasKeys) {
      this.#listen(process.stdin, 'data', (bytes: Buffer) => this.#read(bytes.toString('latin1')));
      // A terminal that is gone: SIGHUP, or the next write, ends the program.
      this.#listen(process.stdin, 'error', () => process.stdin.pause());
    }
    this.#enter();
  }

  /** Shows lines from the top, each cut where the terminal ends, and a last line at the bottom. */
  draw(lines: readonly string[], footer: string): void {
    if (!this.#shown) return;
    // Cleared before they are written: a line that fills the terminal leaves the cursor on its last letter. The last line without its end:
    // that would push the page up by one.
    const body = lines.slice(0, this.rows).map((line) => `\u001b[K${line}\n`);
    const bottom = `\u001b[${process.stdout.rows || 24};1H\u001b[K${footer}`;
    print(`\u001b[H\u001b[?7l${body.join('')}\u001b[J${bottom}\u001b[?7h`);
  }

  /** Lines that there is room for above the footer. */
  get rows(): number {
    return Math.max(1, (process.stdout.rows || 24) - 1);
  }

  get columns(): number {
    return process.stdout.columns || 80;
  }

  close(): void {
    this.#leave();
    for (const [emitter, event, listener] of this.#listeners.splice(0)) emitter.removeListener(event, listener as () => void);
  }

  get #hasKeys(): boolean {
    return process.stdin.isTTY === true;
  }

  #listen(emitter: NodeJS.EventEmitter, event: string, listener: (...args: never[]) => void): void {
    emitter.on(event, listener as () => void);
    this.#listeners.push([emitter, event, listener]);
  }

  #enter(): void {
    if (this.#shown) return;
    this.#shown = true;
    if (this.#hasKeys) process.stdin.setRawMode(true).resume();
    print(ENTER);
  }

  #leave(): void {
    if (!this.#shown) return;
    this.#shown = false;
    print(LEAVE);
    if (this.#hasKeys) process.stdin.setRawMode(false).pause();
  }

  #read(text: string): void {
    for (const key of text.match(KEYS) ?? []) {
      const signal = SIGNAL_KEYS[key];
      // To everybody on this terminal's line, as the terminal itself would: npx waits for us, and so may a pipe.
      if (signal !== undefined) process.kill(0, signal);
      else this.#events.onKey(key);
    }
  }

  /** The terminal as it was, and then what the signal would have done. */
  #die(signal: NodeJS.Signals): void {
    this.close();
    process.kill(process.pid, signal);
  }

  #suspend(): void {
    this.#leave();
    process.removeListener('SIGTSTP', this.#stop);
    process.kill(process.pid, 'SIGTSTP');
  }

  #resume(): void {
    process.removeListener('SIGTSTP', this.#stop);
    process.on('SIGTSTP', this.#stop);
    // Stopped by SIGSTOP it could not leave, and the shell has made the terminal its own since.
    if (this.#shown) this.#leave();
    this.#enter();
    this.#events.onChange();
  }
}
