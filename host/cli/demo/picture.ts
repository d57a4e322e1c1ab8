// The generated moving picture: waves of colour, bouncing discs, the frame number in digits and as a bar of bits. A pure function
// of frame number and size, so that every reader can check what it got.

import type { Size } from './messages';
import type { FrameSource } from './source';

export const PICTURE_SIZE: Size = { width: 640, height: 480 };
export const PICTURE_FPS = 30;
export const PICTURE_FRAMES = 300;

/** Cells of the bar below the picture: the frame number in binary, highest bit left. */
const BAR_BITS = 16;
const BAR_ON = 250;
const BAR_OFF = 30;

interface Disc {
  readonly colour: readonly [number, number, number];
  /** Shares of the picture's smaller side. */
  readonly radius: number;
  /** Where it starts and how far it goes per frame, in units of the way from wall to wall. */
  readonly start: readonly [number, number];
  readonly step: readonly [number, number];
}

const DISCS: readonly Disc[] = [
  { colour: [240, 70, 60], radius: 0.13, start: [0.1, 0.7], step: [0.011, 0.007] },
  { colour: [250, 200, 50], radius: 0.1, start: [0.6, 0.2], step: [0.008, 0.013] },
  { colour: [70, 200, 110], radius: 0.085, start: [0.3, 1.4], step: [0.015, 0.009] },
  { colour: [80, 150, 250], radius: 0.07, start: [1.5, 0.9], step: [0.019, 0.016] },
];

/** Digits, three cells wide: each row as three bits. */
const DIGIT_ROWS: readonly (readonly number[])[] = [
  [7, 5, 5, 5, 7],
  [2, 6, 2, 2, 7],
  [7, 1, 7, 4, 7],
  [7, 1, 7, 1, 7],
  [5, 5, 7, 1, 1],
  [7, 4, 7, 1, 7],
  [7, 4, 7, 5, 7],
  [7, 1, 1, 1, 1],
  [7, 5, 7, 5, 7],
  [7, 5, 7, 1, 7],
];

/** Position on a way of length 1 that is walked to and fro. */
function bounce(way: number): number {
  const phase = way % 2;
  return phase < 1 ? phase : 2 - phase;
}

/** Draws frame `index` as dense RGB. */
export function drawPicture(into: Uint8Array, { width, height }: Size, index: number): void {
  const barHeight = Math.max(1, Math.floor(height / 24));
  const pictureHeight = height - barHeight;
  drawWaves(into, width, height, index);
  for (const disc of DISCS) drawDisc(into, width, pictureHeight, disc, index);
  drawNumber(into, width, pictureHeight, index);
  drawBar(into, width, height, barHeight, index);
}

/** Red waves across, green ones down, blue ones along the diagonal. One table per direction keeps it to three loads a pixel. */
function drawWaves(into: Uint8Array, width: number, height: number, index: number): void {
  const wave = (length: number, periods: number, phase: number, middle: number, swing: number) =>
    Uint8Array.from({ length }, (_, i) => middle + swing * Math.sin((i / length) * periods * 2 * Math.PI + phase));
  const red = wave(width, 1.2, index * 0.045, 90, 60);
  const green = wave(height, 1, index * 0.03 + 2, 85, 50);
  const blue = wave(width + height, 1.5, 4 - index * 0.06, 130, 70);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const g = green[y] as number;
    for (let x = 0; x < width; x++) {
      into[at] = red[x] as number;
      into[at + 1] = g;
      into[at + 2] = blue[x + y] as number;
      at += 3;
    }
  }
}

/** A disc lit from the upper left, with a soft edge. */
function drawDisc(into: Uint8Array, width: number, height: number, { colour, radius, start, step }: Disc, index: number): void {
  const r = radius * Math.min(width, height);
  const centreX = r + bounce(start[0] + index * step[0]) * (width - 2 * r);
  const centreY = r + bounce(start[1] + index * step[1]) * (height - 2 * r);
  const bottom = Math.min(height - 1, Math.ceil(centreY + r));
  const right = Math.min(width - 1, Math.ceil(centreX + r));
  for (let y = Math.max(0, Math.floor(centreY - r)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(centreX - r)); x <= right; x++) {
      const cover = Math.min(1, r + 0.5 - Math.hypot(x - centreX, y - centreY));
      if (cover <= 0) continue;
      const light = 1.1 - Math.hypot(x - centreX + 0.4 * r, y - centreY + 0.4 * r) / (2.4 * r);
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) {
        const old = into[at + c] as number;
        into[at + c] = old + (Math.min(255, (colour[c] as number) * light) - old) * cover;
      }
    }
  }
}

/** The frame number in the lower left corner. */
function drawNumber(into: Uint8Array, width: number, height: number, index: number): void {
  const cell = Math.max(1, Math.floor(height / 90));
  const text = String(index).padStart(4, '0');
  const top = height - 8 * cell;
  for (const [i, character] of [...text].entries()) {
    for (const [row, bits] of (DIGIT_ROWS[Number(character)] as readonly number[]).entries()) {
      for (let column = 0; column < 3; column++) {
        if (((bits >> (2 - column)) & 1) === 0) continue;
        const left = cell * (3 + i * 4 + column);
        fillBox(into, width, height, left, top + row * cell, left + cell, top + (row + 1) * cell, 255);
      }
    }
  }
}

function drawBar(into: Uint8Array, width: number, height: number, barHeight: number, index: number): void {
  for (let bit = 0; bit < BAR_BITS; bit++) {
    const left = Math.floor((bit * width) / BAR_BITS);
    const right = Math.floor(((bit + 1) * width) / BAR_BITS);
    const on = ((index >> (BAR_BITS - 1 - bit)) & 1) === 1;
    fillBox(into, width, height, left, height - barHeight, right, height, on ? BAR_ON : BAR_OFF);
  }
}

/** A grey box, clipped to the picture. */
function fillBox(
  into: Uint8Array,
  width: number,
  height: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
  shade: number,
): void {
  const from = Math.min(width, left);
  const to = Math.min(width, right);
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++)
    into.fill(shade, (y * width + from) * 3, (y * width + to) * 3);
}

/** The generated picture as a source. */
export function pictureSource(size: Size): FrameSource {
  return {
    ...size,
    description: 'a generated picture',
    fps: PICTURE_FPS,
    live: false,
    frames: PICTURE_FRAMES,
    limit: PICTURE_FRAMES,
    fill: async (into, index) => {
      drawPicture(into, size, index);
      return true;
    },
    stop: () => {},
    close: async () => {},
  };
}
