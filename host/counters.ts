// Counters that a pool keeps in its control block, for stats() and for the tools that look at pools.

import { HEADER_FRAMES_OVERRUN, HEADER_FRAMES_REFUSED, HEADER_WAITS } from '../assembly/layout';
import type { Mapping } from './mapping';

export interface ProducerCounters {
  readonly framesRefused: number;
  readonly framesOverrun: number;
  readonly waits: number;
}

export function readProducerCounters(mapping: Mapping): ProducerCounters {
  const at = (field: number) => Number(mapping.arena.i64[(mapping.controlOffset + field) / 8]);
  return { framesRefused: at(HEADER_FRAMES_REFUSED), framesOverrun: at(HEADER_FRAMES_OVERRUN), waits: at(HEADER_WAITS) };
}
