// An array as text: nested brackets, the middle of a large one left out, as NumPy prints it.

import type { ElementText } from './numbers';

/** Arrays of more elements are abbreviated. */
const THRESHOLD = 1000;
/** Of an axis that is abbreviated, so many at each end are shown. */
const EDGE = 3;
const SUMMARY = '...';

export interface Layout {
  readonly shape: readonly number[];
  /** Columns. */
  readonly width: number;
  /** Every element, however many there are. */
  readonly full: boolean;
}

/** Indices along an axis that are shown, -1 for what is left out. */
function shownOf(extent: number, abbreviated: boolean): number[] {
  const all = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  return abbreviated && extent > 2 * EDGE ? [...all(0, EDGE), -1, ...all(extent - EDGE, extent)] : all(0, extent);
}

function isAbbreviated({ shape, full }: Layout): boolean {
  return !full && shape.reduce((product, extent) => product * extent, 1) > THRESHOLD;
}

/** Indices of the elements that are shown, in a dense array. */
export function shownElements(layout: Layout): number[] {
  const abbreviated = isAbbreviated(layout);
  return layout.shape.reduce<number[]>(
    (bases, extent) => {
      const steps = shownOf(extent, abbreviated).filter((index) => index >= 0);
      return bases.flatMap((base) => steps.map((index) => base * extent + index));
    },
    [0],
  );
}

export function arrayText(layout: Layout, text: ElementText): string {
  const { shape } = layout;
  const abbreviated = isAbbreviated(layout);
  // An axis of no elements leaves nothing to nest.
  if (shape.includes(0)) return '[]';
  const nested = (axis: number, base: number, indent: string, width: number): string => {
    const extent = shape[axis];
    if (extent === undefined) return text(base);
    const inner = (index: number) => (index < 0 ? SUMMARY : nested(axis + 1, base * extent + index, `${indent} `, width - 1));
    const parts = shownOf(extent, abbreviated).map(inner);
    const last = axis === shape.length - 1;
    return `[${last ? wrapped(parts, indent, width - 1) : parts.join(`${'\n'.repeat(shape.length - 1 - axis)}${indent}`)}]`;
  };
  return nested(0, 0, ' ', layout.width);
}

/** Words with blanks between, on lines that begin below the first word. */
function wrapped(words: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    const empty = line.length <= indent.length;
    if (!empty && line.length + word.length > width) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.slice(0, -1)].join('\n').slice(indent.length);
}
