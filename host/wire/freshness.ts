// How old what was told of is, for readers that want fresh frames only.

import { type Cursor, passTo, type WindowRequest } from '../endpoint/source';
import { isStale } from '../endpoint/times';
import type { WireFeed } from './feed';
import type { Told } from './order';

/** What is told of a pool, and when its frames were told of. */
export interface Feed extends Told {
  timestampOf(sequence: number): bigint;
}

/** What was told of a pool that is over, now that it is: nothing more will be, and the feed goes on with the next pool. */
export function whenOver(feed: WireFeed): Feed {
  const { slot, sequence, pace } = feed;
  const timestampNs = feed.timestampOf(sequence);
  return {
    slot,
    sequence,
    pace,
    silentMs: Infinity,
    get nowMs() {
      return feed.nowMs;
    },
    toldMs: () => Number.NaN,
    timestampOf: () => timestampNs,
    pollProgress: () => {},
    sleep: (ms) => feed.sleep(ms),
  };
}

/** Whether the newest frame was told of longer ago than the request allows. */
export function stale(feed: Feed, request: WindowRequest | undefined): boolean {
  return isStale(Number(feed.timestampOf(feed.sequence)), request?.maxAgeMs);
}

/** The same of a reader's next frame, which counts as seen then. */
export function passed(
  cursor: Cursor,
  { feed, epoch }: { readonly feed: Feed; readonly epoch: number },
  request: WindowRequest | undefined,
): boolean {
  if (feed.sequence < 0 || !stale(feed, request)) return false;
  passTo(cursor, epoch, feed.sequence);
  return true;
}
