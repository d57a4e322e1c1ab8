// Creates a large pool in turns: opening-peer POOL BYTES. Sends how far it is after each piece, and does what it is told between two pieces:
// 'exit' ends it by process.exit, 'throw' by an error that nobody handles.

import { TensorProducer } from 'tensor-ipc';

const [name, bytes] = process.argv.slice(2) as [string, string];
let told: string | null = null;
process.on('message', (message) => {
  told = String(message);
  if (told === 'exit') process.exit(0);
  if (told === 'throw') throw new Error('on purpose');
});
process.on('disconnect', () => process.exit(1));
const onProgress = (fraction: number) => void process.send?.(fraction);
await TensorProducer.create(name, new Uint8Array(Number(bytes)), { historyLen: 1, onProgress });
process.send?.('created');
