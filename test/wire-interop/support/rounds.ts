// What rounds of coming, leaving and being killed have in common.

import type { TensorConsumer } from 'tensor-ipc';
import { type Peer, untilAnswer, type WirePool } from '../../wire/support/peers';
import { seenIn } from './tensors';

/** What this consumer sees as the newest frame. */
export function newest(consumer: TensorConsumer, what: WirePool) {
  const frame = consumer.get();
  return frame === null ? null : seenIn(frame, what)[0];
}

export async function untilNewest(consumer: TensorConsumer, what: WirePool, seed: number): Promise<void> {
  await untilAnswer(
    async () => newest(consumer, what),
    (seen) => seen === seed % 256,
    `frame ${seed} is there`,
  );
}

/** Until this consumer has heard what the producer's pool is, and is attached. The package's say it with a put only, half a second apart. */
export async function untilJoins(consumer: TensorConsumer, producer: Peer): Promise<void> {
  await untilAnswer(
    () => producer.ask('announce'),
    () => consumer.get() !== null || consumer.connected,
    'the consumer has joined',
  );
}
