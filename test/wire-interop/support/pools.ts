// Pools of a suite, which leave nothing behind, and the peers that meet in them. For suites that are uvu's own `test`: of a `suite()` no hook
// here would run (test/tidy.test.ts looks).

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Peer, type Tools, WIRE_DOMAIN, type WirePool } from '../../wire/support/peers';
import { removeWireObjects, wireName, wireObjects } from '../../wire/support/shm';
import { ours } from './ours';

/** Options of pools in the test's own process. */
export const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;

const made: string[] = [];

// What killed peers have left behind.
test.after(() => {
  for (const name of made) removeWireObjects(name);
  assert.equal(made.flatMap(wireObjects), []);
});

/** A pool under a name of its own, of which nothing stays when the suite ends. */
export function pool<P extends Omit<WirePool, 'name'>>(label: string, rest: P): P & { readonly name: string } {
  const name = wireName(label);
  made.push(name);
  return { name, ...rest };
}

/** One of three frames of seven float32, unless told otherwise. */
export function smallPool(label: string, rest: Partial<WirePool> = {}): WirePool {
  return pool(label, { shape: [7], dtype: 'float32', history_len: 3, ...rest });
}

/** Whoever can be in either role, by name. */
export function peersOf(tools: Tools) {
  return {
    producers: { python: () => Peer.python(tools), c: () => Peer.cProducer(tools), ours: () => ours(tools) },
    consumers: { python: () => Peer.python(tools), c: () => Peer.cConsumer(tools), ours: () => ours(tools) },
  } as const;
}
