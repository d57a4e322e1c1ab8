// How long ago something was, in a few words.

const SECOND_MS = 1000;
const UNITS: readonly [name: string, ms: number][] = [
  ['day', 86_400 * SECOND_MS],
  ['h', 3600 * SECOND_MS],
  ['min', 60 * SECOND_MS],
  ['s', SECOND_MS],
];

/** "12 s", "3 min", "5 h", "2 days". */
export function ageText(ageMs: number): string {
  const [name, ms] = UNITS.find(([, unitMs]) => ageMs >= unitMs) ?? (['s', SECOND_MS] as const);
  const count = Math.max(0, Math.floor(ageMs / ms));
  return `${count} ${name}${name === 'day' && count > 1 ? 's' : ''}`;
}
