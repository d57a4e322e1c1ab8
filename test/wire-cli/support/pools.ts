// Python pools for the tests of the command line: our own producers and consumers, in processes of their own, and those of the peers.

import { TensorIpcError } from 'tensor-ipc';
import { Child, sleep } from '../../support/child';
import { type Peer, untilAnswer, WIRE_CONFIGURATION, WIRE_DOMAIN } from '../../wire/support/peers';
import { removeWireObjects, wireName, wireObjects } from '../../wire/support/shm';

// For this process and all that it starts: the peers keep to the loopback interface.
process.env['CYCLONEDDS_URI'] = WIRE_CONFIGURATION;

export const DOMAIN = String(WIRE_DOMAIN);
export const WIRE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;

const made: string[] = [];

/** A pool name of this test alone. */
export function newPool(label: string): string {
  const name = wireName(label);
  made.push(name);
  return name;
}

/** After the tests: what peers leave behind is removed; the names of what else is left are given. */
export function sweep(): string[] {
  for (const name of made) removeWireObjects(name);
  return made.flatMap(wireObjects);
}

/** Whether Cyclone DDS is installed; prints a line where it is not. */
export async function hasDds(): Promise<boolean> {
  const { DdsParticipant } = await import('../../../host/entry/dds');
  try {
    DdsParticipant.shared({ domainId: WIRE_DOMAIN }).close();
    return true;
  } catch (error) {
    if (!(error instanceof TensorIpcError) || error.code !== 'MISSING_DEPENDENCY') throw error;
    console.log('\nskip: no Cyclone DDS: apt-get install libddsc0debian');
    return false;
  }
}

/** A producer of ours in a process of its own, with frames of 4 float64. */
export async function ourProducer(pool: string, historyLen: number, waitTimeoutMs = 1000): Promise<Child> {
  const child = new Child('peer');
  const made = await child.ask<{ error?: unknown }>({
    op: 'produce',
    pool,
    elements: 4,
    options: { ...WIRE, historyLen, waitTimeoutMs },
  });
  if (made.error !== undefined) throw new Error(JSON.stringify(made.error));
  return child;
}

/** A consumer of ours in a process of its own, that has a view of the newest frame. */
export async function ourHolder(pool: string): Promise<Child> {
  const child = new Child('peer');
  await child.ask({ op: 'consume', pool, options: WIRE });
  for (;;) {
    const { value } = await child.ask<{ value: unknown }>({ op: 'borrow' });
    if (value !== null) return child;
    await sleep(10);
  }
}

/** Waits until a consumer of the package's kind is attached, and will hear of the next frame. */
export async function untilJoined(consumer: Peer): Promise<void> {
  await untilAnswer(
    async () => {
      // It attaches when it is asked for frames.
      await consumer.ask('get');
      return consumer.ask('stats');
    },
    ({ connected, matched_progress }) => connected && matched_progress > 0,
    'the consumer is attached',
  );
  // It knows the producer's endpoint; the producer has to know its own.
  await sleep(500);
}
