// The utility process: a Node process of Electron's with a consumer of its own. It maps the pool itself: a SharedArrayBuffer cannot
// be sent between processes, and need not be, since the pages are the same.

import { watchPool } from './statistics';

const [, , pool = ''] = process.argv;
const stop = new AbortController();
process.parentPort.once('message', () => stop.abort());
watchPool(pool, (statistics) => process.parentPort.postMessage(statistics), stop.signal).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
