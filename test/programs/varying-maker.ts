// A producer of the frames of test/support/varying-frames.ts. Arguments: pool, frames. Stays until it is killed or told to close.

import { TensorProducer } from 'tensor-ipc';
import { serve } from '../support/child';
import { varyingFrame, varyingMetadata } from '../support/varying-frames';

const [pool = '', frames = '0'] = process.argv.slice(2);
const producer = new TensorProducer(varyingMetadata(pool));
const first = producer.nextSequence;
for (let i = 0; i < Number(frames); i++) producer.put(varyingFrame(producer.nextSequence));
serve((message) => {
  if (message === 'close') producer.cleanup();
  return { first, next: producer.nextSequence };
});
