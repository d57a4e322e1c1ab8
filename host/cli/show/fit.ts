// A picture made as large as there is room.

import type { Image } from '../snapshot/png';

/** Red, green and blue, a byte each, rows one behind the other. */
export interface Colours {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** The size that fills a room and keeps the proportions. `aspect` is the height of a pixel of the room, in its width. */
export function sizeIn({ width, height }: Image, roomWidth: number, roomHeight: number, aspect = 1): [number, number] {
  const scale = Math.min(roomWidth / width, (roomHeight * aspect) / height);
  const whole = (value: number, most: number) => Math.min(most, Math.max(1, Math.round(value)));
  return [whole(width * scale, roomWidth), whole((height * scale) / aspect, roomHeight)];
}

/** The picture in another size: each pixel the mean of those below it, over black where it is transparent. */
export function scaled({ width, height, channels, pixels }: Image, toWidth: number, toHeight: number): Colours {
  const rgb = new Uint8Array(toWidth * toHeight * 3);
  const span = (i: number, to: number, from: number): [number, number] => {
    const first = Math.floor((i * from) / to);
    return [first, Math.max(first + 1, Math.floor(((i + 1) * from) / to))];
  };
  for (let y = 0; y < toHeight; y++) {
    const [top, bottom] = span(y, toHeight, height);
    for (let x = 0; x < toWidth; x++) {
      const [left, right] = span(x, toWidth, width);
      const sums = [0, 0, 0];
      for (let v = top; v < bottom; v++) {
        for (let u = left; u < right; u++) {
          const at = (v * width + u) * channels;
          const alpha = channels === 4 ? (pixels[at + 3] as number) / 255 : 1;
          for (let c = 0; c < 3; c++) sums[c] = (sums[c] as number) + (pixels[channels === 1 ? at : at + c] as number) * alpha;
        }
      }
      const count = (bottom - top) * (right - left);
      for (let c = 0; c < 3; c++) rgb[(y * toWidth + x) * 3 + c] = Math.round((sums[c] as number) / count);
    }
  }
  return { width: toWidth, height: toHeight, rgb };
}
