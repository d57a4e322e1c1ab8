// How a consumer is told of what happens without being held by those who tell it. Timers, doorbells, signals and the pool hold what is made
// here; a closure of the consumer's own would hold the consumer, and one that is dropped could never be collected.

import type { DeadlineEvents, DeadlineWatch } from '../endpoint/deadline';
import type { Cursor, Source, SourceEvents } from '../endpoint/source';
import type { Subscription, Waiting } from '../endpoint/waiting';
import { onAbort } from '../runtime/signals';
import { everyStep } from '../runtime/steps';

/** What a consumer does when it hears of something. It holds its callbacks, and nobody else does. */
export interface ConsumerCallbacks extends SourceEvents, DeadlineEvents {
  serve(quick: boolean): boolean;
  report(error: unknown): void;
  abort(): void;
}

/** Holds a consumer that has listeners: they want to hear of it, whether or not the program holds the consumer. */
export interface Anchor {
  held: object | null;
}

export function eventsOf(callbacks: WeakRef<ConsumerCallbacks>): SourceEvents {
  return {
    onConnect: (metadata) => callbacks.deref()?.onConnect(metadata),
    onDisconnect: (reason) => callbacks.deref()?.onDisconnect(reason),
    onLag: (missed, sequence) => callbacks.deref()?.onLag(missed, sequence),
    wantsLast: () => callbacks.deref()?.wantsLast() ?? false,
  };
}

export function deadlineEventsOf(callbacks: WeakRef<ConsumerCallbacks>): DeadlineEvents {
  return {
    onStall: (lateMs, sequence) => callbacks.deref()?.onStall(lateMs, sequence),
    onResume: (gapMs, sequence) => callbacks.deref()?.onResume(gapMs, sequence),
    report: (error) => callbacks.deref()?.report(error),
  };
}

export function subscriptionOf(
  callbacks: WeakRef<ConsumerCallbacks>,
  cursor: Cursor,
  anchor: Anchor,
): Subscription & { readonly anchor: Anchor } {
  return {
    anchor,
    cursor,
    serve: (quick) => callbacks.deref()?.serve(quick) ?? false,
    report: (error) => callbacks.deref()?.report(error),
  };
}

export function closeOnAbort(callbacks: WeakRef<ConsumerCallbacks>, signal: AbortSignal | undefined): () => void {
  return signal === undefined ? () => {} : onAbort(signal, () => callbacks.deref()?.abort());
}

/** What a consumer has open. */
export interface ConsumerParts {
  readonly source: Source;
  readonly waiting: Waiting;
  readonly deadline: DeadlineWatch | null;
  removeAbort(): void;
}

export function closeParts({ source, waiting, deadline, removeAbort }: ConsumerParts): void {
  everyStep([removeAbort, () => deadline?.close(), () => source.close(), () => waiting.close()]);
}

/** How a dropped consumer is closed. */
export function closing(name: string, parts: ConsumerParts) {
  return {
    what: `pool '${name}': a consumer`,
    cure: 'close it when it is done (or write "using consumer = …")',
    free: () => closeParts(parts),
  };
}
