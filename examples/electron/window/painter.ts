// The page's end of the drawing worker: one frame in its hands at a time.

import type { ColourMap } from './colour';
import type { Range } from './render';
import type { FieldForm, FrameUpdate } from './source';

export interface DrawRequest {
  readonly bytes: Uint8Array;
  readonly field: FieldForm;
  readonly map: ColourMap;
  /** Changes where the scale of the colours must be found anew. */
  readonly key: string;
}

export interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly range: Range | null;
  /** False where values are shown as bars. */
  readonly picture: boolean;
  /** Why there is nothing to see, in words; null where there is. */
  readonly said: string | null;
  /** When the pixels were on the canvas, in milliseconds since the epoch by this page's clock. */
  readonly atMs: number;
}

export class Painter {
  readonly #worker: Worker;
  #canvas: HTMLCanvasElement;
  #done: ((drawn: Drawn) => void) | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#worker = new Worker('draw-worker.js', { type: 'module' });
    const offscreen = canvas.transferControlToOffscreen();
    this.#worker.postMessage(offscreen, [offscreen]);
    this.#worker.onmessage = ({ data }: MessageEvent<Drawn>) => this.#done?.(data);
    this.#worker.onerror = ({ message }) => {
      throw new Error(`the drawing worker failed: ${message}`);
    };
  }

  /** Draws a frame and gives its memory back. A frame of another pool may still be in the worker's hands: one after the other. */
  draw(frame: FrameUpdate, field: FieldForm, map: ColourMap, key: string): Promise<Drawn> {
    const begin = () => this.#drawNow(frame, field, map, key);
    const drawn = this.#last.then(begin, begin);
    this.#last = drawn;
    return drawn;
  }

  /**
   * An empty canvas in the place of the one that is there: another pool was chosen. The browser shows what a worker has drawn some time
   * after it says so, hence a canvas that was only emptied could show the last pool's picture once more.
   */
  clear(): void {
    const next = this.#canvas.cloneNode() as HTMLCanvasElement;
    this.#canvas.replaceWith(next);
    this.#canvas = next;
    const offscreen = next.transferControlToOffscreen();
    const give = () => this.#worker.postMessage(offscreen, [offscreen]);
    this.#last = this.#last.then(give, give);
  }

  async #drawNow({ bytes, release }: FrameUpdate, field: FieldForm, map: ColourMap, key: string): Promise<Drawn> {
    const request: DrawRequest = { bytes, field, map, key };
    // Shared memory is read where it lies; an ArrayBuffer moves. Neither is copied.
    const transfer = bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
    try {
      return await new Promise<Drawn>((resolve) => {
        this.#done = resolve;
        this.#worker.postMessage(request, transfer);
      });
    } finally {
      release();
    }
  }
}
