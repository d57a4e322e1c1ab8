// Waiting for a producer, or for its pages, not for a frame.

import { Lookout } from '../endpoint/lookout';
import { READ_OPTIONS, type ReadyOptions } from '../endpoint/options';
import { checkWait } from '../endpoint/requests';
import type { Source } from '../endpoint/source';
import type { Waiting } from '../endpoint/waiting';
import { checkOptions } from '../runtime/options';
import type { TurnOptions } from '../runtime/pieces';
import { runSteps } from '../runtime/steps';
import { platform } from '../runtime/system';

/** True once the source is attached to the pool of a live producer, false when the time is over or it is closed. */
export function waitUntilReady(
  consumer: object,
  source: Source,
  waiting: Waiting,
  options: ReadyOptions | undefined,
): Promise<boolean> {
  const { signal, timeoutMs = Infinity } = options ?? {};
  try {
    if (options !== undefined) checkWait(checkOptions(options, READ_OPTIONS.ready), timeoutMs);
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (source.closed) return Promise.resolve(false);
    // Also whether the producer still lives: nobody may have looked since it died.
    source.check();
    if (source.connected) return Promise.resolve(true);
  } catch (error) {
    return Promise.reject(error);
  }
  const lookout = new Lookout(waiting, () => source.connected, { timeoutMs, signal, holder: consumer });
  waiting.join(lookout);
  return lookout.promise;
}

/** Gives the consumer when the page tables of its pool are populated, with turns of the event loop in between. What fails closes it. */
export async function prefaultInTurns<C extends Disposable>(
  consumer: C,
  source: Source,
  { signal, onProgress }: TurnOptions,
): Promise<C> {
  try {
    for (let part = source.prefaulted; ; part = source.prefaulted) {
      onProgress?.(part);
      signal?.throwIfAborted();
      if (part >= 1) return consumer;
      await platform().turn();
    }
  } catch (error) {
    runSteps([() => consumer[Symbol.dispose]()]);
    throw error;
  }
}
