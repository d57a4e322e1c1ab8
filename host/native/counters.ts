// Counters that a pool keeps in its control block, for stats() and for the tools that look at pools.

import {
  CONSUMER_FRAMES_MISSED,
  CONSUMER_FRAMES_TAKEN,
  CONSUMER_LAST_POSITION,
  HANDLE_ENTRY,
  HEADER_FRAMES_OVERRUN,
  HEADER_FRAMES_REFUSED,
  HEADER_WAITS,
} from '../../assembly/layout';
import type { ProducerCounters } from '../endpoint/sink';
import type { Mapping } from '../memory/mapping';

export function readProducerCounters(mapping: Mapping): ProducerCounters {
  const at = (field: number) => Number(mapping.arena.i64[(mapping.controlOffset + field) / 8]);
  return { framesRefused: at(HEADER_FRAMES_REFUSED), framesOverrun: at(HEADER_FRAMES_OVERRUN), waits: at(HEADER_WAITS) };
}

export interface ConsumerCounters {
  /** Newest frame taken, or null before the first. */
  readonly lastSequence: number | null;
  readonly framesTaken: number;
  readonly framesMissed: number;
}

/** The counters of the mapping's own entry in the consumer table. */
export function readConsumerCounters(mapping: Mapping): ConsumerCounters {
  const entry = mapping.arena.u32[(mapping.handle + HANDLE_ENTRY) / 4] as number;
  const at = (field: number) => Number(mapping.arena.i64[(entry + field) / 8]);
  const position = at(CONSUMER_LAST_POSITION);
  return {
    lastSequence: position === 0 ? null : position - mapping.geometry.slotCapacity,
    framesTaken: at(CONSUMER_FRAMES_TAKEN),
    framesMissed: at(CONSUMER_FRAMES_MISSED),
  };
}
