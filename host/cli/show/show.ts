// A picture in the terminal, in the best way that it knows.

import { UsageError } from '../command';
import type { Image } from '../snapshot/png';
import { isTerminal } from '../terminal';
import { type Answer, askTerminal } from './ask';
import { halfBlocks, shades } from './characters';
import { scaled, sizeIn } from './fit';
import { kitty, sixel } from './graphics';

export const GRAPHICS = ['auto', 'kitty', 'sixel', 'blocks', 'text'] as const;
export type Graphics = (typeof GRAPHICS)[number];

/** Columns and rows where there is no terminal. */
const ELSEWHERE = [80, 24] as const;
/** Rows that stay free: the line below the picture, and the prompt. */
const SPARED_ROWS = 2;
/** Pixels of a cell where the terminal does not say. */
const DEFAULT_CELL = [10, 20] as const;
/** A cell is about twice as high as wide. */
const CELL_ASPECT = 2;

export function graphicsOf(command: string, said: string | undefined): Graphics {
  const graphics = GRAPHICS.find((candidate) => candidate === (said ?? 'auto'));
  if (graphics === undefined) throw new UsageError(`--graphics is one of ${GRAPHICS.join(', ')}, found '${said}'`, command);
  return graphics;
}

/** The text that shows a picture on the standard output. */
export async function pictureText(image: Image, graphics: Graphics): Promise<string> {
  const { stdout } = process;
  const [columns, rows] = isTerminal(stdout) ? [stdout.columns || ELSEWHERE[0], stdout.rows || ELSEWHERE[1]] : ELSEWHERE;
  const room = [columns, Math.max(1, rows - SPARED_ROWS)] as const;
  const answer = graphics === 'blocks' || graphics === 'text' ? null : await ask();
  const how = graphics === 'auto' ? best(answer) : graphics;
  const [cellWidth, cellHeight] = answer?.cell ?? DEFAULT_CELL;
  switch (how) {
    case 'kitty': {
      const [wide, high] = sizeIn(image, ...room, cellHeight / cellWidth);
      return kitty(scaled(image, ...smaller(image, wide * cellWidth, high * cellHeight)), wide, high);
    }
    case 'sixel':
      return sixel(scaled(image, ...sizeIn(image, room[0] * cellWidth, room[1] * cellHeight)));
    case 'blocks':
      return halfBlocks(scaled(image, ...sizeIn(image, room[0], room[1] * 2)));
    case 'text':
      return shades(scaled(image, ...sizeIn(image, ...room, CELL_ASPECT)));
  }
}

/** Multiplexers answer for themselves, and draw what they said. */
async function ask(): Promise<Answer | null> {
  return isTerminal(process.stdout) ? askTerminal() : null;
}

function best(answer: Answer | null): Exclude<Graphics, 'auto'> {
  if (!isTerminal(process.stdout) || (process.env['NO_COLOR'] ?? '') !== '') return 'text';
  return answer?.kitty ? 'kitty' : answer?.sixel ? 'sixel' : 'blocks';
}

/** The terminal enlarges what is smaller than its place. */
function smaller({ width, height }: Image, mostWidth: number, mostHeight: number): [number, number] {
  const scale = Math.min(1, mostWidth / width, mostHeight / height);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
