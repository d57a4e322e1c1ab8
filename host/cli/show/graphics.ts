// Pictures of pixels, for terminals that have them: the protocol of kitty, and sixels.

import { encodePng } from '../snapshot/png';
import type { Colours } from './fit';

/** Characters of base64 in one message, by the protocol. */
const CHUNK = 4096;

/** A picture over so many cells, as kitty, WezTerm, Ghostty and Konsole take it. */
export function kitty({ width, height, rgb }: Colours, columns: number, rows: number): string {
  const data = Buffer.from(encodePng({ width, height, channels: 3, pixels: rgb })).toString('base64');
  const chunks = data.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? [];
  const messages = chunks.map((chunk, i) => {
    const about = i === 0 ? `a=T,f=100,q=2,c=${columns},r=${rows},` : '';
    return `\u001b_G${about}m=${i === chunks.length - 1 ? 0 : 1};${chunk}\u001b\\`;
  });
  return `${messages.join('')}\n`;
}

/** Steps of red, green and blue: 6 × 7 × 6 colours, of the 256 that terminals have registers for. */
const [REDS, GREENS, BLUES] = [6, 7, 6];
const SIXEL_ROWS = 6;
/** Thresholds of an ordered dither, in sixteenths: four by four. */
const DITHER = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];

/** The picture in sixels, with an ordered dither. */
export function sixel({ width, height, rgb }: Colours): string {
  const register = (red: number, green: number, blue: number) => (red * GREENS + green) * BLUES + blue;
  const palette: string[] = [];
  const percent = (level: number, levels: number) => Math.round((level * 100) / (levels - 1));
  for (let r = 0; r < REDS; r++)
    for (let g = 0; g < GREENS; g++)
      for (let b = 0; b < BLUES; b++)
        palette.push(`#${register(r, g, b)};2;${percent(r, REDS)};${percent(g, GREENS)};${percent(b, BLUES)}`);
  const level = (value: number, levels: number, threshold: number) => Math.floor((value * (levels - 1)) / 255 + threshold);
  const registerAt = (x: number, y: number) => {
    const at = (y * width + x) * 3;
    const threshold = ((DITHER[(y & 3) * 4 + (x & 3)] as number) + 0.5) / 16;
    const [r = 0, g = 0, b = 0] = rgb.subarray(at, at + 3);
    return register(level(r, REDS, threshold), level(g, GREENS, threshold), level(b, BLUES, threshold));
  };
  const bands: string[] = [];
  for (let top = 0; top < height; top += SIXEL_ROWS) {
    // For each colour of the band the bits of its columns.
    const used = new Map<number, Uint8Array>();
    for (let y = top; y < Math.min(height, top + SIXEL_ROWS); y++) {
      for (let x = 0; x < width; x++) {
        const key = registerAt(x, y);
        const bits = used.get(key) ?? new Uint8Array(width);
        used.set(key, bits);
        bits[x] = (bits[x] as number) | (1 << (y - top));
      }
    }
    bands.push([...used].map(([key, bits]) => `#${key}${runs(bits)}`).join('$'));
  }
  return `\u001bPq"1;1;${width};${height}${palette.join('')}${bands.join('-')}\u001b\\\n`;
}

/** Columns of bits as characters, the same ones counted. */
function runs(bits: Uint8Array): string {
  let text = '';
  for (let x = 0; x < bits.length; ) {
    let end = x + 1;
    while (end < bits.length && bits[end] === bits[x]) end += 1;
    const character = String.fromCharCode(63 + (bits[x] as number));
    text += end - x > 3 ? `!${end - x}${character}` : character.repeat(end - x);
    x = end;
  }
  return text;
}
