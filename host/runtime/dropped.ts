// What a program drops without close(): when it has been garbage-collected it is closed all the same, with a warning.

import { messageOf } from './realm';
import { runSteps } from './steps';
import { platform } from './system';

interface Dropped {
  /** "pool 'camera': a consumer". */
  readonly what: string;
  /** What to do about it. */
  readonly cure: string;
  /** Frees what it had open. Must not hold the owner. */
  free(): void;
}

const registry = new FinalizationRegistry<Dropped>(({ what, cure, free }) => {
  // Nobody called this who could catch an error.
  const errors = runSteps([free]);
  platform().warn(`${what} was dropped without close(), and has been closed: ${cure}`);
  for (const error of errors) platform().warn(`${what}: ${messageOf(error)}`);
});

/** Frees what `owner` had open once it is gone, until the return value is called. */
export function whenDropped(owner: object, dropped: Dropped): () => void {
  // The owner itself would do as the token, but the returned function must not hold it.
  const token = {};
  registry.register(owner, dropped, token);
  return () => void registry.unregister(token);
}
