// Answers a window over a MessagePort: the half that reads pools. In Electron it runs in the preload; it needs nothing of Electron's.

import { bytesOf, monotonicMs, PoolReader, poolRows } from './pool-reader';
import type { PortAnswer, PortRequest } from './window/protocol';

/** What a MessagePort of the web and one of node:worker_threads have in common. */
export interface Port {
  postMessage(message: PortAnswer, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { readonly data: PortRequest }) => void) | null;
}

/** Serves a window until `close` is called. */
export function servePort(port: Port): { close(): void } {
  const readers = new Map<number, PoolReader>();

  /** Streams whose next update somebody waits for: only one request at a time can have it. */
  const asked = new Set<number>();

  async function next(id: number, stream: number): Promise<void> {
    const reader = readers.get(stream);
    if (reader === undefined || asked.has(stream)) return;
    asked.add(stream);
    const update = await reader.next().finally(() => asked.delete(stream));
    if (update === null) return;
    if ('kind' in update) {
      port.postMessage({ op: 'state', id, update }, []);
      return;
    }
    // The frame's memory is ours, the one copy made from the shared pages: it is handed over, not copied again.
    const bytes = bytesOf(update.frame);
    port.postMessage({ op: 'frame', id, header: update.header, bytes }, [bytes.buffer]);
  }

  port.onmessage = ({ data: request }) => {
    switch (request.op) {
      case 'pools':
        port.postMessage({ op: 'pools', id: request.id, rows: poolRows() }, []);
        return;
      case 'open':
        readers.set(request.stream, new PoolReader(request.pool));
        return;
      case 'next':
        void next(request.id, request.stream);
        return;
      case 'close':
        readers.get(request.stream)?.close();
        readers.delete(request.stream);
    }
  };
  // Both ends are on one machine, and in the preload even in one thread: two looks at two clocks, and no message in between.
  port.postMessage({ op: 'clock', offsetMs: monotonicMs() - performance.timeOrigin - performance.now() }, []);
  return {
    close() {
      for (const reader of readers.values()) reader.close();
      readers.clear();
    },
  };
}
