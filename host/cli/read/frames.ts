// The frames of a pool, one after the other, until its producer ends.

import type { Frame, TensorConsumer, Trust } from '../../entry/main';
import { CliError, UsageError } from '../command';

const TRUST: readonly Trust[] = ['owner', 'group', 'any'];

export const TRUST_OPTION = {
  type: 'string',
  value: 'WHO',
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

/**
 * Each new frame, valid until the next one is asked for. Waits for the pool if there is none yet; ends when its producer closes it.
 *
 * @throws CliError when the producer died, or no frame came in time
 */
export async function* framesOf(consumer: TensorConsumer, { timeoutMs, signal }: FramesOptions): AsyncGenerator<Frame, void> {
  const { name } = consumer;
  const ended = new AbortController();
  let how: 'closed' | 'died' | null = null;
  consumer.on('disconnect', (reason) => {
    how = reason;
    ended.abort();
  });
  if (signal?.aborted) return;
  signal?.addEventListener('abort', () => ended.abort(), { once: true });
  for (;;) {
    let frame: Frame | null;
    try {
      frame = await consumer.next({ signal: ended.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    } catch (error) {
      if (!ended.signal.aborted) throw error;
      if (how === 'died' && signal?.aborted !== true) throw new CliError(`the producer of pool '${name}' died`);
      return;
    }
    if (frame === null) throw noFrame(consumer, timeoutMs ?? Infinity);
    yield frame;
    frame.release();
  }
}

/** Nothing came in time: because nobody publishes, or because nobody is there. */
export function noFrame(consumer: TensorConsumer, waitedMs: number): CliError {
  return new CliError(
    consumer.connected
      ? `pool '${consumer.name}' has a producer, but no frame came within ${waitedMs} ms`
      : `pool '${consumer.name}' has no producer, and none came within ${waitedMs} ms: start one, or raise --timeout`,
  );
}
