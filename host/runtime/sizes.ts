// Sizes for people, in messages.

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** "6.2 MB (6220800 bytes)": what a person reads, and the number that programs print elsewhere. Of small ones the number alone. */
export function showSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(value >= 99.95 ? 0 : 1)} ${UNITS[unit]} (${bytes} bytes)`;
}
