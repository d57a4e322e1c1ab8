// How long the suites take: test/durations.json has the seconds of each, as a whole run measured them. npm test -- --record writes it anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FILE = 'test/durations.json';
/** A suite that has not been measured yet. */
const UNKNOWN_SECONDS = 3;

/** @returns {Record<string, number>} */
export function durations() {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
}

/** Those that take longest come first: two lanes end together then. */
export function longestFirst(files) {
  const known = durations();
  return [...files].sort((a, b) => (known[b] ?? UNKNOWN_SECONDS) - (known[a] ?? UNKNOWN_SECONDS));
}

/** Seconds of a run of so many suites at a time. */
export function estimate(files, width) {
  const known = durations();
  const seconds = files.map((file) => known[file] ?? UNKNOWN_SECONDS);
  return Math.max(0, ...seconds, seconds.reduce((sum, one) => sum + one, 0) / width);
}

/** Keeps what was measured, and forgets files that are gone. */
export function record(measured) {
  const all = { ...durations(), ...measured };
  const kept = Object.entries(all).filter(([file]) => existsSync(file));
  kept.sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
}

/** "40 seconds", "12 minutes". */
export function spoken(seconds) {
  const [count, unit] = seconds < 90 ? [Math.ceil(seconds), 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
