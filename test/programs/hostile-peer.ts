// A producer that publishes as fast as it can while somebody else scribbles over its control block. Arguments: pool, form.

import { TensorProducer } from 'tensor-ipc';
import { serve } from '../support/child';
import { Outcome, write } from '../support/hostile-exercise';
import { formOf, metadataOf } from '../support/hostile-image';
import { Random } from '../support/random';

const [pool = '', form = ''] = process.argv.slice(2);
const outcome = new Outcome();
const random = new Random(1);
process.on('uncaughtException', (error) => outcome.fault(`uncaught exception: ${error.stack}`));

const producer = new TensorProducer(metadataOf(pool, form), { waitTimeoutMs: 1 });
let on = true;

function publish(): void {
  if (!on) return;
  write(random, outcome, producer, formOf(form).sample);
  setImmediate(publish);
}
publish();

serve((message) => {
  if (message === 'ready') return null;
  on = false;
  const before = producer.nextSequence;
  outcome.step('put', () => producer.put(formOf(form).sample));
  outcome.step('cleanup', () => producer.cleanup());
  return { faults: outcome.faults.slice(0, 20), counts: outcome.counts, published: before };
});
