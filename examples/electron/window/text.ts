// What cannot be drawn is said.

import type { FieldForm } from './source';

const WIDTH = 960;
const HEIGHT = 480;

/** The reason, and below it what the field is. */
export function drawText(context: OffscreenCanvasRenderingContext2D, said: string, { dtype, shape, encoding }: FieldForm): void {
  const { canvas } = context;
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  context.fillStyle = '#0b0d11';
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.textAlign = 'center';
  context.font = '20px system-ui, sans-serif';
  context.fillStyle = '#c3cad4';
  context.fillText(said, WIDTH / 2, HEIGHT / 2, WIDTH - 48);
  context.font = '16px system-ui, sans-serif';
  context.fillStyle = '#8d97a6';
  context.fillText(`${encoding ?? ''} ${dtype} [${shape.join(', ')}]`, WIDTH / 2, HEIGHT / 2 + 32, WIDTH - 48);
}
