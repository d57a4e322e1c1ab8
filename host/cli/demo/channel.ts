// A child's end of the channel to the process that runs the demo.

import { TensorIpcError } from '../../entry/main';
import { CliError, EXIT_FAILURE, EXIT_OK, UsageError } from '../command';
import type { Failed } from './messages';

export interface Channel<In, Out> {
  send(message: Out): void;
  /** Messages that came before anybody listened are not lost. */
  listen(listener: (message: In) => void): void;
  /** Aborted when the parent is gone. */
  readonly orphaned: AbortSignal;
}

/** So long an orphan may take to end in order. */
const ORPHAN_TIMEOUT_MS = 2000;

/**
 * Runs a child's part. Its errors go to the parent, which has the terminal; Ctrl-C is left to the parent too, which ends its
 * children in order. When the parent is gone, so is the child.
 */
export async function runChild<In, Out>(part: (channel: Channel<In, Out | Failed>) => Promise<void>): Promise<number> {
  const { send } = process;
  if (send === undefined) throw new UsageError('this command is for the demo itself; run "tensor-ipc demo"', 'demo');
  const post = (message: Out | Failed) => {
    // A parent that is gone needs no answer.
    if (process.connected) send.call(process, message, undefined, undefined, () => {});
  };
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const orphan = new AbortController();
  const abandoned = () => {
    orphan.abort();
    setTimeout(() => process.exit(EXIT_FAILURE), ORPHAN_TIMEOUT_MS).unref();
  };
  process.once('disconnect', abandoned);
  try {
    const listen = (listener: (message: In) => void) => void process.on('message', (message) => listener(message as In));
    await part({ send: post, listen, orphaned: orphan.signal });
    return orphan.signal.aborted ? EXIT_FAILURE : EXIT_OK;
  } catch (error) {
    post({ type: 'failed', message: explain(error) });
    return EXIT_FAILURE;
  } finally {
    process.removeListener('disconnect', abandoned);
    // Closes after what has been sent is out.
    if (process.connected) process.disconnect();
  }
}

function explain(error: unknown): string {
  if (error instanceof TensorIpcError) return `${error.code}: ${error.message}`;
  if (error instanceof CliError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
