// Tensors that are no picture (joint states, observations): their values as bars around zero.

import type { FieldForm } from './source';
import { valuesOf } from './values';

const WIDTH = 960;
const HEIGHT = 480;
const MARGIN = 24;
/** More would be thinner than a pixel. */
const MOST_BARS = 240;

/** Draws the first values of a field. */
export function drawBars(context: OffscreenCanvasRenderingContext2D, frame: Uint8Array, field: FieldForm): void {
  const { canvas } = context;
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  context.fillStyle = '#0b0d11';
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const values = valuesOf(frame, field);
  const shown = Array.from({ length: Math.min(values.length, MOST_BARS) }, (_, index) => values.at(index));
  const finite = shown.filter(Number.isFinite);
  const top = Math.max(0, ...finite);
  const bottom = Math.min(0, ...finite);
  const scale = (HEIGHT - 2 * MARGIN) / (top - bottom || 1);
  const zero = MARGIN + top * scale;
  const pitch = (WIDTH - 2 * MARGIN) / Math.max(1, shown.length);
  const gap = Math.min(6, pitch * 0.2);
  shown.forEach((value, index) => {
    if (!Number.isFinite(value)) return;
    context.fillStyle = value < 0 ? '#e0796b' : '#5cc8a8';
    const height = value * scale;
    context.fillRect(MARGIN + index * pitch + gap / 2, Math.min(zero, zero - height), Math.max(1, pitch - gap), Math.abs(height));
  });
  context.fillStyle = '#39414f';
  context.fillRect(MARGIN, zero, WIDTH - 2 * MARGIN, 1);
}
