// How long the suites take: test/durations.json has the seconds of each, as a whole run measured them. npm test -- --record writes it anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FILE = 'test/durations.json';
/** A suite that has not been measured yet. */
const UNKNOWN_SECONDS = 3;

/** @returns {Record<string, number>} */
export function durations() {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
}

/** Seconds of a run: emulated suites side by side, then all others one after the other. */
export function estimate(files, isEmulated) {
  const known = durations();
  const seconds = (file) => known[file] ?? UNKNOWN_SECONDS;
  const emulated = files.filter(isEmulated).map(seconds);
  const others = files.filter((file) => !isEmulated(file)).map(seconds);
  return Math.max(0, ...emulated) + others.reduce((sum, one) => sum + one, 0);
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
