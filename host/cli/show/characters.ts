// Pictures of characters: half blocks in 24-bit colour, or shades of plain text.

import type { Colours } from './fit';

/** From black to white, by how much of a cell is inked, on a dark ground. */
const SHADES = ' .:-=+*#%@';

/** Two pixels in each cell: the upper one in the colour of the block, the lower one in that of the ground. */
export function halfBlocks({ width, height, rgb }: Colours): string {
  const colour = (x: number, y: number) => rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3).join(';');
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    let before = '';
    for (let x = 0; x < width; x++) {
      // Below the last row of an odd number there is the terminal's own ground.
      const lower = y + 1 < height ? `48;2;${colour(x, y + 1)}` : '49';
      const code = `\u001b[38;2;${colour(x, y)};${lower}m`;
      line += code === before ? '▀' : `${code}▀`;
      before = code;
    }
    lines.push(`${line}\u001b[0m\n`);
  }
  return lines.join('');
}

/** One pixel in each cell, by its brightness. */
export function shades({ width, height, rgb }: Colours): string {
  const shade = (at: number) => {
    const [r = 0, g = 0, b = 0] = rgb.subarray(at * 3, at * 3 + 3);
    return SHADES[Math.round(((0.299 * r + 0.587 * g + 0.114 * b) / 255) * (SHADES.length - 1))];
  };
  return Array.from({ length: height }, (_, y) => {
    const line = Array.from({ length: width }, (_, x) => shade(y * width + x)).join('');
    return `${line.trimEnd()}\n`;
  }).join('');
}
