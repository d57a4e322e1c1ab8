// What top shows on a terminal: which pools, in which order, and what its keys do.

import { setTimeout } from 'node:timers/promises';
import { cut } from '../format';
import { styleOf } from '../terminal';
import { type NumberKey, type PoolLine, poolTable, showMegabytes, TOP_TABLE } from './pool-table';
import { showAge } from './rows';
import { Screen } from './screen';

type Order = 'name' | NumberKey;

/** Orders by the keys that choose them. The largest number first, since that is what one looks for; names from A. */
const ORDERS: readonly (readonly [key: string, order: Order, label: string])[] = [
  ['n', 'name', 'name'],
  ['r', 'rate', 'rate'],
  ['b', 'bandwidth', 'MB/s'],
  ['c', 'consumers', 'consumers'],
  ['l', 'lag', 'lag'],
  ['a', 'age', 'age'],
];

/** Lines by which the keys scroll; a page for those that say so. */
const SCROLLS: Readonly<Record<string, number | 'page' | 'back'>> = {
  '\u001b[A': -1,
  '\u001bOA': -1,
  k: -1,
  '\u001b[B': 1,
  '\u001bOB': 1,
  j: 1,
  '\u001b[5~': 'back',
  '\u001b[6~': 'page',
  ' ': 'page',
};

/** Lines above the pools: the summary and the head. */
const ABOVE = 2;

export class TopPage implements Disposable {
  readonly #intervalMs: number;
  readonly #quit = new AbortController();
  readonly #screen = new Screen({ onKey: (key) => this.#press(key), onChange: () => this.#draw() });
  #lines: readonly PoolLine[] = [];
  #order: Order = 'name';
  #reversed = false;
  #first = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#screen.open();
  }

  show(lines: readonly PoolLine[]): void {
    this.#lines = lines;
    this.#draw();
  }

  /** Waits, and says whether the user has had enough. */
  async quits(ms: number): Promise<boolean> {
    const { signal } = this.#quit;
    await setTimeout(ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return signal.aborted;
  }

  [Symbol.dispose](): void {
    this.#screen.close();
  }

  #press(key: string): void {
    if (key === 'q' || key === 'Q') {
      this.#quit.abort();
      return;
    }
    const [, order] = ORDERS.find(([letter]) => letter === key) ?? [];
    if (order !== undefined) {
      this.#reversed = order === this.#order && !this.#reversed;
      this.#order = order;
      this.#first = 0;
    }
    const scroll = SCROLLS[key];
    if (order === undefined && scroll === undefined) return;
    if (scroll !== undefined) this.#first += scroll === 'page' ? this.#room : scroll === 'back' ? -this.#room : scroll;
    this.#draw();
  }

  /** Pools that fit on the screen. */
  get #room(): number {
    return Math.max(1, this.#screen.rows - ABOVE);
  }

  #draw(): void {
    const ordered = inOrder(this.#lines, this.#order, this.#reversed);
    const room = this.#room;
    this.#first = Math.max(0, Math.min(this.#first, ordered.length - room));
    const [head = '', ...rows] = poolTable(ordered, TOP_TABLE, styleOf(process.stdout));
    const body = ordered.length === 0 ? ['no pools'] : rows.slice(this.#first, this.#first + room);
    this.#screen.draw([this.#summary(), head, ...body], this.#footer(ordered.length, room));
  }

  #summary(): string {
    const live = this.#lines.filter((line) => line.live);
    const bytes = live.reduce((sum, { keys }) => sum + (keys.bandwidth ?? 0), 0);
    const count = this.#lines.length;
    const text = `${count} ${count === 1 ? 'pool' : 'pools'}, ${live.length} live, ${showMegabytes(bytes)} MB/s, every ${showAge(this.#intervalMs)}`;
    return cut(text, this.#screen.columns);
  }

  /** The keys, the order that is chosen in brackets; which pools are on the screen where not all are. */
  #footer(count: number, room: number): string {
    const { bold } = styleOf(process.stdout);
    const chosen = (order: Order, text: string) => (order === this.#order ? `[${text}${this.#reversed ? ' ↑' : ''}]` : text);
    const plain = ['Order:', ...ORDERS.map(([key, order, label]) => chosen(order, `${key} ${label}`)), 'q quit'].join('  ');
    const last = Math.min(count, this.#first + room);
    const where = count > room ? `  ${this.#first + 1}-${last} of ${count}` : '';
    return bold(cut(`${plain}${where}`, this.#screen.columns));
  }
}

/** Pools without a number come last, whichever way round. */
function inOrder(lines: readonly PoolLine[], order: Order, reversed: boolean): PoolLine[] {
  const turn = reversed ? -1 : 1;
  if (order === 'name') return turn === 1 ? [...lines] : [...lines].reverse();
  return [...lines].sort((a, b) => {
    const [x, y] = [a.keys[order], b.keys[order]];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return turn * (y - x);
  });
}
