// The list of pools at the side.

import { ageText } from './age';
import type { PoolRow } from './source';

export class PoolList {
  readonly #element: HTMLElement;
  readonly #choose: (pool: string) => void;
  #before = new Map<string, PoolRow>();
  #rates = new Map<string, number>();
  #chosen: string | null = null;

  constructor(element: HTMLElement, choose: (pool: string) => void) {
    this.#element = element;
    this.#choose = choose;
  }

  mark(chosen: string): void {
    this.#chosen = chosen;
    for (const row of this.#element.children) row.classList.toggle('chosen', row.getAttribute('data-pool') === chosen);
  }

  /** `nowMs` is CLOCK_MONOTONIC; null if unknown yet. */
  show(rows: readonly PoolRow[], nowMs: number | null): void {
    this.#measure(rows);
    const sorted = [...rows].sort((a, b) => Number(b.state === 'live') - Number(a.state === 'live'));
    this.#element.replaceChildren(...sorted.map((row) => this.#row(row, nowMs)));
    if (rows.length === 0) this.#element.append(made('p', 'none', 'No pools on this machine.'));
  }

  /** A rate needs two looks. */
  #measure(rows: readonly PoolRow[]): void {
    const rates = new Map<string, number>();
    for (const row of rows) {
      const before = this.#before.get(row.name);
      const spanMs = (row.publishedMs ?? 0) - (before?.publishedMs ?? row.publishedMs ?? 0);
      const frames = row.framesPublished - (before?.framesPublished ?? 0);
      if (spanMs > 0 && frames > 0) rates.set(row.name, (frames * 1000) / spanMs);
    }
    this.#rates = rates;
    this.#before = new Map(rows.map((row) => [row.name, row]));
  }

  #row({ name, state, text, publishedMs }: PoolRow, nowMs: number | null): HTMLElement {
    const row = made('button', `pool ${state}${name === this.#chosen ? ' chosen' : ''}`, '');
    row.dataset['pool'] = name;
    row.title = `${name}: ${state}, ${text}`;
    row.addEventListener('click', () => this.#choose(name));
    const rate = this.#rates.get(name);
    const age = state === 'dead' && publishedMs !== null && nowMs !== null ? ` ${ageText(nowMs - publishedMs)}` : '';
    const figure = state === 'live' ? (rate === undefined ? 'idle' : `${rate.toFixed(rate < 10 ? 1 : 0)} fps`) : state + age;
    row.append(made('i', 'dot', ''), made('span', 'name', name), made('span', 'figure', figure), made('span', 'text', text));
    return row;
  }
}

function made(tag: string, className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
