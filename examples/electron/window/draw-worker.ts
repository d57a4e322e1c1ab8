// The thread that draws: the page's own thread stays free for the controls, whatever a frame costs.

import { drawBars } from './bars';
import type { Drawn, DrawRequest } from './painter';
import { Renderer } from './render';
import type { FieldForm } from './source';
import { drawText } from './text';

const renderer = new Renderer();
let context: OffscreenCanvasRenderingContext2D | null = null;
let shownField = '';

addEventListener('message', ({ data }: MessageEvent<DrawRequest | OffscreenCanvas>) => {
  if (data instanceof OffscreenCanvas) context = data.getContext('2d');
  else if (context !== null) void draw(context, data);
});

/** Encodings that are no picture of one frame, and what to do about them. */
const SAID: Readonly<Record<string, string>> = {
  h264: 'H.264 packets: each needs those before it, which a window that skips has not. tensor-ipc sub records them',
  h265: 'H.265 packets: each needs those before it, which a window that skips has not. tensor-ipc sub records them',
  xyz: 'points are not drawn here: tensor-ipc snapshot writes them as PLY',
  xyzi: 'points are not drawn here: tensor-ipc snapshot writes them as PLY',
};

async function draw(context: OffscreenCanvasRenderingContext2D, { bytes, field, map, key }: DrawRequest): Promise<void> {
  if (key !== shownField) {
    shownField = key;
    renderer.reset();
  }
  let said = field.encoding === null ? null : (SAID[field.encoding] ?? null);
  let range: Drawn['range'] = null;
  let picture = false;
  if (said === null && (field.encoding === 'jpeg' || field.encoding === 'png')) {
    picture = await drawPacket(context, bytes, field);
    if (!picture) said = `the browser cannot decode this ${field.encoding}`;
  } else if (said === null) {
    const rendered = renderer.render(bytes, field, map);
    picture = rendered !== null;
    if (rendered === null) {
      drawBars(context, bytes, field);
    } else {
      resize(context, rendered.width, rendered.height);
      context.putImageData(rendered.image, 0, 0);
      range = rendered.range;
    }
  }
  if (said !== null) drawText(context, said, field);
  const { width, height } = context.canvas;
  const drawn: Drawn = { width, height, range, picture, said, atMs: performance.timeOrigin + performance.now() };
  postMessage(drawn);
}

/** Setting a size clears the canvas, so only when it changes. */
function resize({ canvas }: OffscreenCanvasRenderingContext2D, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** An image that the browser decodes. False where it cannot. */
async function drawPacket(context: OffscreenCanvasRenderingContext2D, frame: Uint8Array, field: FieldForm): Promise<boolean> {
  // A Blob takes no shared memory.
  const bytes = new Uint8Array(frame.subarray(field.byteOffset, field.byteOffset + field.bytes));
  try {
    const image = await createImageBitmap(new Blob([bytes], { type: `image/${field.encoding}` }));
    resize(context, image.width, image.height);
    context.drawImage(image, 0, 0);
    image.close();
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
