// What this process has of pools, by the kernel's own lists.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { anyArena, arenaUsage } from '../../../host/memory/arena';
import { platform } from '../../../host/runtime/system';
import { sleep } from '../../support/child';

const gc = (globalThis as { gc?: () => void }).gc;

/** How many maps of a pool's object this process has; of all pools without a name. */
export function mapsOf(pool = ''): number {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return maps.filter((line) => line.includes(`tensoripc.${pool}`)).length;
}

/** How many descriptors of a pool's object this process has. */
export function descriptorsOf(pool: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes(`tensoripc.${pool}`);
    } catch {
      return false; // the listing's own
    }
  }).length;
}

/** How many pieces the memory of the pools has in the kernel's list. An engine's heap has more and less of them as it likes. */
function piecesOfArena(): number {
  const { address, buffer } = anyArena(platform().system());
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => {
      const [from, to] = (line.split(' ')[0] ?? '').split('-').map((hex) => Number.parseInt(hex, 16));
      return from !== undefined && to !== undefined && from < address + buffer.byteLength && to > address;
    }).length;
}

/** After the collector has run. */
export async function footprint() {
  for (let i = 0; i < 5; i++) {
    gc?.();
    await sleep(30);
  }
  const { heapUsed, external } = process.memoryUsage();
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    poolMaps: mapsOf(),
    pieces: piecesOfArena(),
    ...arenaUsage(),
    heap: heapUsed,
    external,
  };
}
