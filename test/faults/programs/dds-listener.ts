// Who suffers a flood: listens to what is announced in a DDS domain ("dds-listener DOMAIN"), or reads a Python pool there ("dds-listener
// DOMAIN POOL"), and answers messages with how it is.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { TensorConsumer } from 'tensor-ipc';
import { DdsPoolBrowser } from '../../../host/entry/dds';

const [domain, pool] = process.argv.slice(2);
const domainId = Number(domain);
const names = new Set<string>();
const browser = pool === undefined ? new DdsPoolBrowser({ domainId }) : null;
browser?.on('pool', ({ name }) => void names.add(name));
const consumer = pool === undefined ? null : TensorConsumer.attach(pool, { wire: 'tensor-ipc', domainId });
let frames = 0;
let errors = 0;
consumer?.on('frame', () => {
  frames += 1;
});
consumer?.on('error', () => {
  errors += 1;
});

const warnings: string[] = [];
process.on('warning', ({ message }) => void warnings.push(message));

let turns = 0;
setInterval(() => {
  turns += 1;
}, 20);

process.on('message', () => {
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  process.send?.({
    rssMiB: rssKb / 1024,
    heapMiB: heapUsed / 2 ** 20,
    buffersMiB: arrayBuffers / 2 ** 20,
    turns,
    warnings,
    frames,
    errors,
    listed: browser?.pools().length ?? 0,
    ignored: browser?.ignored ?? 0,
    found: [...names].filter((name) => name !== 'flood'),
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
