// Native pools that producers announce over DDS (discovery: 'dds'): those of other machines, and of other containers on this one.

import { type AnnouncedPool, listAnnounced } from '../../entry/dds';
import { platform, printable } from '../../entry/inspection';
import { list } from '../../entry/main';
import { showName, table } from '../format';
import { showRate } from './rows';

/** What is announced in a domain and does not stand in the list of this machine already. */
export async function announcedElsewhere(domainId: number): Promise<AnnouncedPool[]> {
  const { hostName, bootId } = platform().machine();
  const here = new Set(list().map(({ name }) => name));
  const announced = await listAnnounced(domainId);
  return announced.filter((pool) => !(pool.host === hostName && pool.bootId === bootId && here.has(pool.name)));
}

export function announcedLines(pools: readonly AnnouncedPool[]): string[] {
  const rows = pools.map(({ host, name, framesPublished, rateHz, metadata }) => [
    host === '' ? '-' : showName(host),
    showName(name),
    String(framesPublished),
    showRate(rateHz),
    printable(String(metadata)),
  ]);
  return table(['HOST', 'NAME', 'FRAMES', 'RATE', 'WHAT'], rows, [false, false, true, true, false]);
}

export function announcedJson({ metadata, ...pool }: AnnouncedPool) {
  const { historyLen, fields } = metadata;
  return { ...pool, wire: 'native', state: 'announced', historyLen, fields };
}
