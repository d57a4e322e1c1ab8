// What console.log shows of the two ends of a pool.

import { showAs } from '../runtime/inspected';
import type { PoolMetadata } from '../tensor/metadata';

interface ShownProducer {
  readonly metadata: PoolMetadata;
  readonly closed: boolean;
  readonly nextSequence: number;
}

interface ShownConsumer {
  readonly name: string;
  readonly metadata: PoolMetadata | null;
  readonly closed: boolean;
  readonly connected: boolean;
  stats(): { readonly lastSequence: number | null };
}

export function showProducers(type: { readonly prototype: ShownProducer }): void {
  showAs(type, ({ metadata, closed, nextSequence }) => {
    const state = closed ? ' (closed)' : '';
    return `TensorProducer${state} of '${metadata.name}': ${metadata.toString()}, nextSequence ${nextSequence}`;
  });
}

export function showConsumers(type: { readonly prototype: ShownConsumer }): void {
  showAs(type, (consumer) => {
    const { name, closed, connected, metadata } = consumer;
    const { lastSequence } = consumer.stats();
    const state = closed ? 'closed' : connected ? 'connected' : 'waiting for a producer';
    const last = lastSequence === null ? '' : `, sequence ${lastSequence} was the last`;
    return `TensorConsumer (${state}) of '${name}': ${metadata?.toString() ?? 'any form'}${last}`;
  });
}
