// The thread that draws: the page's own thread stays free for the controls, whatever a frame costs.

import { drawBars } from './bars';
import type { Drawn, DrawRequest } from './painter';
import { Renderer } from './render';

const renderer = new Renderer();
let context: OffscreenCanvasRenderingContext2D | null = null;
let shownField = '';

addEventListener('message', ({ data }: MessageEvent<DrawRequest | OffscreenCanvas>) => {
  if (data instanceof OffscreenCanvas) {
    context = data.getContext('2d');
    return;
  }
  if (context === null) return;
  const { bytes, field, map, key } = data;
  if (key !== shownField) {
    shownField = key;
    renderer.reset();
  }
  const picture = renderer.render(bytes, field, map);
  if (picture === null) {
    drawBars(context, bytes, field);
  } else {
    const { canvas } = context;
    // Setting a size clears the canvas, so only when it changes.
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    context.putImageData(picture.image, 0, 0);
  }
  const { width, height } = context.canvas;
  const drawn: Drawn = {
    width,
    height,
    range: picture?.range ?? null,
    picture: picture !== null,
    atMs: performance.timeOrigin + performance.now(),
  };
  postMessage(drawn);
});
