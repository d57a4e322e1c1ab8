// Frames over a MessagePort: each comes as an ArrayBuffer of its own, moved from sender to window to the drawing worker.

import type { PortAnswer, PortRequest } from './protocol';
import type { FrameSource, PoolRow, PoolStream, Update } from './source';

export class PortSource implements FrameSource {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (answer: PortAnswer) => void>();
  #ids = 0;
  #offsetMs: number | null = null;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<PortAnswer>) => {
      if (data.op === 'clock') {
        this.#offsetMs = data.offsetMs;
        return;
      }
      const resolve = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      resolve?.(data);
    };
  }

  async pools(): Promise<readonly PoolRow[]> {
    const answer = await this.#ask((id) => ({ op: 'pools', id }));
    return answer.op === 'pools' ? answer.rows : [];
  }

  open(pool: string): PoolStream {
    this.#ids += 1;
    const stream = this.#ids;
    this.#send({ op: 'open', stream, pool });
    return {
      next: async (): Promise<Update> => {
        const answer = await this.#ask((id) => ({ op: 'next', id, stream }));
        if (answer.op === 'state') return answer.update;
        if (answer.op === 'frame') return { ...answer.header, bytes: answer.bytes, release: () => undefined };
        throw new Error(`expected a frame or a state, found ${answer.op}`);
      },
      close: () => this.#send({ op: 'close', stream }),
    };
  }

  clockOffsetMs(): number | null {
    return this.#offsetMs;
  }

  #send(request: PortRequest): void {
    this.#port.postMessage(request);
  }

  #ask(request: (id: number) => PortRequest): Promise<PortAnswer> {
    this.#ids += 1;
    const id = this.#ids;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send(request(id));
    });
  }
}
