// Native pools that producers announce over DDS (discovery: 'dds'): those of other machines, and of other containers on this one.

import { type AnnouncedPool, listAnnounced } from '../../entry/dds';
import { LAYOUT_VERSION, platform, printable } from '../../entry/inspection';
import { list, type PoolMetadata } from '../../entry/main';
import { fittedTable, showName } from '../format';
import { widthOf } from '../terminal';
import { showRate } from './rows';

/** What is announced in a domain and does not stand in the list of this machine already. */
export async function announcedElsewhere(domainId: number): Promise<AnnouncedPool[]> {
  const { hostName, bootId } = platform().machine();
  const here = new Set(list().map(({ name }) => name));
  const announced = await listAnnounced(domainId);
  return announced.filter((pool) => !(pool.host === hostName && pool.bootId === bootId && here.has(pool.name)));
}

export function announcedLines(pools: readonly AnnouncedPool[]): string[] {
  const rows = pools.map(({ host, name, framesPublished, rateHz, metadata, layout }) => [
    host === '' ? '-' : showName(host),
    showName(name),
    String(framesPublished),
    showRate(rateHz),
    printable(`${metadata}${meaningsOf(metadata)}${layout === LAYOUT_VERSION ? '' : `, layout ${layout}`}`),
  ]);
  const head = ['HOST', 'NAME', 'FRAMES', 'RATE', 'WHAT'];
  return fittedTable(head, rows, [false, false, true, true, false], ['FRAMES'], widthOf(process.stdout));
}

/** ", rgb8" of a plain pool; of a record each field's encoding: ", rgb: rgb8, depth: depth16u". */
function meaningsOf({ plain, fields }: PoolMetadata): string {
  return fields
    .filter(({ encoding }) => encoding !== undefined)
    .map(({ name, encoding }) => (plain ? `, ${encoding}` : `, ${name}: ${encoding}`))
    .join('');
}

export function announcedJson({ metadata, ...pool }: AnnouncedPool) {
  const { historyLen, fields } = metadata;
  return { ...pool, wire: 'native', state: 'announced', historyLen, fields };
}
