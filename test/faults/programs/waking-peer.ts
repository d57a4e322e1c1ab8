// A producer or consumer in a process of its own that can be made to run out of descriptors: { op, … } → { value } or { error }.

import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import { type ConsumerOptions, type ProducerOptions, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { serve } from '../../support/child';

export type Request =
  | { op: 'produce'; pool: string; options?: ProducerOptions & { historyLen?: number } }
  | { op: 'put'; count?: number }
  | { op: 'hoard' }
  | { op: 'let go' }
  | { op: 'close' }
  | { op: 'consume'; pool: string; options?: ConsumerOptions }
  | { op: 'wait' }
  | { op: 'seen' }
  | { op: 'warnings' };

let producer: TensorProducer | null = null;
let consumer: TensorConsumer | null = null;
let hoard: number[] = [];
const seen: number[] = [];
const warnings: string[] = [];
process.on('warning', (warning) => warnings.push(warning.message));

function put(count: number): number {
  let sequence = -1;
  for (let k = 0; k < count; k++) sequence = producer?.put(new Float64Array(8).fill(k)) ?? -1;
  return sequence;
}

/** Opens files until the process may open no more. */
function runOut(): number {
  for (;;) {
    try {
      hoard.push(openSync('/dev/null', 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
      return hoard.length;
    }
  }
}

async function follow(): Promise<void> {
  for await (const frame of consumer as TensorConsumer) seen.push(frame.sequence);
}

serve(async (message) => {
  const request = message as Request;
  switch (request.op) {
    case 'produce':
      producer = TensorProducer.fromSample(request.pool, new Float64Array(8), request.options);
      return null;
    case 'put':
      return put(request.count ?? 1);
    case 'hoard':
      return runOut();
    case 'let go':
      for (const fd of hoard) closeSync(fd);
      hoard = [];
      return null;
    case 'close':
      producer?.cleanup();
      return null;
    case 'consume':
      consumer = TensorConsumer.attach(request.pool, request.options);
      return consumer.connected;
    case 'wait':
      void follow();
      // The doorbell's file is there once the loop waits.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return readdirSync('/dev/shm')
        .filter((file) => file.startsWith(`tensoripc-bell.${consumer?.name}.`))
        .map((file) => ({ file, gid: statSync(`/dev/shm/${file}`).gid }));
    case 'seen':
      return seen;
    case 'warnings':
      return warnings;
  }
});
