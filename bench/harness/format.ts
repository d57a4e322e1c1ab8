// Figures as people read them, and tables of them.

const NS_UNITS = [
  ['ms', 1e6],
  ['µs', 1e3],
] as const;

const UNIT_NS: Readonly<Record<string, number>> = { ns: 1, µs: 1e3, ms: 1e6 };

/** "1.23 µs", "45.6 k frames/s": three digits that can be read, where JSON keeps one unit. */
export function readable(value: number, unit: string): string {
  const unitNs = UNIT_NS[unit];
  if (unitNs !== undefined) {
    const ns = value * unitNs;
    for (const [name, size] of NS_UNITS) if (ns >= size) return `${digits(ns / size)} ${name}`;
    return `${digits(ns)} ns`;
  }
  if (unit === 'frames/s') {
    if (value >= 1e6) return `${digits(value / 1e6)} M/s`;
    return value >= 1e4 ? `${digits(value / 1e3)} k/s` : `${digits(value)} /s`;
  }
  return `${digits(value)} ${unit}`;
}

export function digits(value: number): string {
  const text = value.toPrecision(3);
  return text.includes('e') ? String(Math.round(value)) : text;
}

/** The lines of a table, its titles first. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: ReadonlySet<string>,
): string[] {
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)));
  return [titles, ...rows].map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] as number;
        return rightAligned.has(titles[column] as string) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
