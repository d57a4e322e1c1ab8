// Producers that wait for readers in the same process: { op, … } → { value } or { error }.

import { readFile } from 'node:fs/promises';
import { inspect, TensorConsumer, TensorProducer, type View } from 'tensor-ipc';
import { serve } from '../../support/child';

export type Request =
  | { op: 'wait'; pool: string; count: number }
  | { op: 'read file'; path: string }
  | { op: 'release' }
  | { op: 'attach'; pool: string }
  | { op: 'usage' };

const pools: { producer: TensorProducer; consumer: TensorConsumer; view: View | null; put: Promise<number> }[] = [];
let consumer: TensorConsumer | null = null;

/** A pool with a putAsync that waits for a view. */
function block(name: string): void {
  const frame = new Uint8Array(4096);
  const producer = TensorProducer.fromSample(name, frame, { waitTimeoutMs: 100_000 });
  const reader = TensorConsumer.attach(name);
  producer.put(frame);
  const view = reader.borrow();
  const slots = inspect(name)?.slotCapacity as number;
  for (let k = 1; k < slots; k++) producer.put(frame);
  pools.push({ producer, consumer: reader, view, put: producer.putAsync(frame) });
}

serve(async (message) => {
  const request = message as Request;
  switch (request.op) {
    case 'wait':
      for (let k = 0; k < request.count; k++) block(`${request.pool}-${k}`);
      return pools.length;
    case 'read file': {
      const begin = performance.now();
      await readFile(request.path);
      return performance.now() - begin;
    }
    case 'release': {
      for (const { view } of pools) view?.release();
      const results = await Promise.allSettled(pools.map(({ put }) => put));
      for (const { producer, consumer: reader } of pools) {
        reader.cleanup();
        producer.cleanup();
      }
      return results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason)));
    }
    case 'attach':
      consumer = TensorConsumer.attach(request.pool);
      consumer.on('error', () => {});
      consumer.on('frame', () => {});
      return consumer.connected;
    case 'usage':
      return { faults: process.resourceUsage().minorPageFault, io: await readFile('/proc/self/io', 'utf8') };
  }
});
