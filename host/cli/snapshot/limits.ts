// Which values are black and white, and in which colours the others are drawn: options of the commands that draw.

import { finiteNumber, UsageError } from '../command';
import { COLOR_MAPS } from './colors';
import type { Limits } from './image';

export const LIMIT_OPTIONS = {
  range: { type: 'string', value: 'MIN,MAX', help: 'The values to show as black and as white. Default: those of the frame.' },
  min: { type: 'string', value: 'X', help: 'The value to show as black.' },
  max: { type: 'string', value: 'X', help: 'The value to show as white.' },
  'color-map': {
    type: 'string',
    value: 'NAME',
    choices: COLOR_MAPS,
    help: `Colours for depth and other single channels: ${COLOR_MAPS.join(' (default) or ')}.`,
  },
} as const;

type Values = { readonly [K in keyof typeof LIMIT_OPTIONS]?: string };

export function limitsOf(command: string, values: Values): Limits {
  const range = values.range?.split(',') ?? [];
  if (values.range !== undefined) {
    if (values.min !== undefined || values.max !== undefined) {
      throw new UsageError('--range, or --min and --max, not both', command);
    }
    if (range.length !== 2) throw new UsageError(`--range is like 0,4000, found ${JSON.stringify(values.range)}`, command);
  }
  const min = finiteNumber(command, values.range === undefined ? 'min' : 'range', range[0] ?? values.min);
  const max = finiteNumber(command, values.range === undefined ? 'max' : 'range', range[1] ?? values.max);
  if (min !== undefined && max !== undefined && min >= max)
    throw new UsageError(
      values.range === undefined
        ? `--min ${min} is not below --max ${max}`
        : `--range is from the lower to the higher value, found ${values.range}`,
      command,
    );
  const said = values['color-map'];
  const colorMap = COLOR_MAPS.find((candidate) => candidate === (said ?? 'gray'));
  if (colorMap === undefined) throw new UsageError(`--color-map is one of ${COLOR_MAPS.join(', ')}, found '${said}'`, command);
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }), colorMap };
}
