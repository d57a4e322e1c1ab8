// The frames of a pool, one after the other, until its producer ends.

import type { Frame, PoolMetadata, TensorConsumer, Trust } from '../../entry/main';
import { CliError, UsageError } from '../command';

const TRUST: readonly Trust[] = ['owner', 'group', 'any'];

export const TRUST_OPTION = {
  type: 'string',
  value: 'WHO',
  choices: ['owner', 'group', 'any'],
  help: "Whose pools to accept: 'owner' (default: your own), 'group' or 'any'.",
} as const;

/** What --trust says. */
export function trustOf(command: string, said: string | undefined): Trust {
  const trust = TRUST.find((who) => who === (said ?? 'owner'));
  if (trust === undefined) throw new UsageError(`--trust is 'owner', 'group' or 'any', found '${said}'`, command);
  return trust;
}

/** The one pool that a command takes. */
export function onePool(command: string, [name, ...more]: readonly string[]): string {
  if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${command} NAME`, command);
  if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, command);
  return name;
}

export interface FramesOptions {
  /** How long to wait for each frame. Default: for ever. */
  readonly timeoutMs?: number | undefined;
  /** Ends the frames without an error. */
  readonly signal?: AbortSignal;
}

/** A frame, and what its pool says of it. */
export interface Arrival {
  readonly frame: Frame;
  readonly metadata: PoolMetadata;
}

/**
 * Each new frame, valid until the next one is asked for. Waits for the pool if there is none yet. Ends when the producer closes the pool,
 * with its last frame.
 *
 * @throws CliError when the producer died, or no frame came in time
 */
export async function* framesOf(consumer: TensorConsumer, { timeoutMs, signal }: FramesOptions): AsyncGenerator<Arrival, void> {
  const ended = new AbortController();
  const end = (reason: CliError | null) => ended.abort(reason);
  consumer.on('disconnect', (how) => {
    if (how === 'died') end(new CliError(`the producer of pool '${consumer.name}' died`));
  });
  if (signal?.aborted) return;
  signal?.addEventListener('abort', () => end(null), { once: true });
  const frames = consumer.frames({ endOnClose: true, signal: ended.signal });
  for (;;) {
    const watchdog = timeoutMs === undefined ? undefined : setTimeout(() => end(noFrame(consumer, timeoutMs)), timeoutMs);
    const next = await frames.next();
    clearTimeout(watchdog);
    if (next.done) break;
    const { metadata } = consumer;
    if (metadata !== null) yield { frame: next.value, metadata };
    next.value.release();
  }
  if (ended.signal.reason instanceof CliError) throw ended.signal.reason;
}

/** Nothing came in time: because nobody publishes, or because nobody is there. */
export function noFrame(consumer: TensorConsumer, waitedMs: number): CliError {
  return new CliError(
    consumer.connected
      ? `pool '${consumer.name}' has a producer, but no frame came within ${waitedMs} ms`
      : `pool '${consumer.name}' has no producer, and none came within ${waitedMs} ms: start one, or raise --timeout`,
  );
}
