// What rounds of coming, leaving and being killed have in common.

import type { TensorConsumer } from 'tensor-ipc';
import { untilAnswer, type WirePool } from '../../wire/support/peers';
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
