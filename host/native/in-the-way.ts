// Who is in the way of a pool's next producer, or of its next frame, as messages name them.

import { CONSUMER_PID, HEADER_PRODUCER_PID } from '../../assembly/layout';
import type { Mapping } from '../memory/mapping';
import { nameProcess } from '../runtime/participants';
import type { System } from '../runtime/system';
import { consumerEntry } from './doorbell';
import { objectName } from './trust';

/** ", pid 4711 (node camera.mjs)" of a pool's producer; nothing where it cannot be seen. */
export function nameProducer(system: System, pool: string, fd: number): string {
  const pid = new Uint8Array(4);
  if (system.readAt(fd, pid, HEADER_PRODUCER_PID) < pid.length) return '';
  const who = nameProcess(system, new DataView(pid.buffer).getUint32(0, true), objectName(pool));
  return who === null ? '' : `, ${who}`;
}

/** "a consumer in pid 4711 (node viewer.mjs, table entry 3)" of an entry of the consumer table; below 0 it has gone in this moment. */
export function nameConsumer(mapping: Mapping, index: number): string {
  if (index < 0) return 'a consumer';
  const pid = mapping.arena.u32[(consumerEntry(mapping, index) + CONSUMER_PID) / 4] as number;
  const who = nameProcess(mapping.system, pid, objectName(mapping.metadata.name));
  return who === null ? `a consumer (table entry ${index})` : `a consumer in ${who} (table entry ${index})`;
}
