// A producer that announces its pool, or a browser, in a process of its own: "discovery-peer DOMAIN produce NAME SHAPE HISTORY" or
// "discovery-peer DOMAIN browse". Commands come on standard input, one a line; what happens goes to standard output, one line each.

import process from 'node:process';
import { createInterface } from 'node:readline';
import { TensorIpcError, TensorProducer } from 'tensor-ipc';
import { DdsPoolBrowser, listAnnounced } from '../../../host/entry/dds';

const say = (line: string) => void process.stdout.write(`${line}\n`);
const [domain, role, name = '', shape = '[7]', historyLen = '1'] = process.argv.slice(2);
const domainId = Number(domain);
const input = createInterface(process.stdin);

function listen(handle: (command: string, argument: string) => void): void {
  input.on('line', (line) => {
    const [command = '', argument = ''] = line.split(' ');
    if (command === 'exit') process.exit(0);
    if (command === 'throw') throw new Error('as it was told');
    // With nothing left to do the program ends by itself.
    if (command === 'done') process.stdin.destroy();
    handle(command, argument);
  });
}

if (role === 'produce') {
  const extents = JSON.parse(shape) as number[];
  const frame = { data: new Uint8Array(extents.reduce((product, extent) => product * extent, 1)), shape: extents };
  try {
    const producer = TensorProducer.fromSample(name, frame, { historyLen: Number(historyLen), discovery: 'dds', domainId });
    listen((command, argument) => {
      if (command === 'put') for (let left = Number(argument); left > 0; left--) producer.put(frame);
      if (command === 'close') producer.close();
      if (command === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(argument));
      say(`did ${command}`);
    });
    say('ready');
  } catch (error) {
    say(`failed ${error instanceof TensorIpcError ? `${error.code} ${error.message}` : String(error)}`);
    // Nothing is to be left that would keep the process.
    input.close();
  }
} else if (role === 'list') {
  listAnnounced(domainId, Number(name)).then((pools) => {
    say(`list ${JSON.stringify(pools)}`);
    input.close();
  });
} else {
  const browser = new DdsPoolBrowser({ domainId });
  let unreferenced = false;
  browser.on('pool', (pool) => say(`pool ${pool.name} ${JSON.stringify(pool)}`));
  browser.on('gone', (pool, reason) => say(`gone ${pool.name} ${pool.id} ${reason}`));
  listen((command) => {
    if (command === 'pools') say(`pools ${JSON.stringify(browser.pools())}`);
    if (command === 'ignored') say(`ignored ${browser.ignored}`);
    if (command === 'unref') {
      browser.unref();
      unreferenced = true;
    }
    if (command === 'close') browser.close();
  });
  input.on('close', () => {
    if (!unreferenced) browser.close();
  });
  say('ready');
}
