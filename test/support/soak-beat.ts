// How long a process of the soak got no processor time, or did not come back to its event loop: what it notices, it notices so much later.

import { nowMs } from './soak-steps';

const BEAT_MS = 50;

/** From now on: the longest time between two turns of the event loop so far, beyond what is between two beats, ms. */
export function standstill(): () => number {
  let last = nowMs();
  let longest = 0;
  const beat = () => {
    const now = nowMs();
    longest = Math.max(longest, now - last - BEAT_MS);
    last = now;
    return longest;
  };
  setInterval(beat, BEAT_MS).unref();
  return beat;
}
