// Smallest and largest value, mean, and what is no number.

import type { Dtype, TypedArray } from '../../entry/main';
import { scalarReader } from '../snapshot/scalars';
import { numberText } from './numbers';

/** "min 0  max 255  mean 103.4", over the finite values; of floats also how many are NaN and infinite. */
export function statisticsText(data: TypedArray, dtype: Dtype): string {
  const at = scalarReader(data, dtype);
  let [least, most] = [-1, -1];
  let [min, max] = [Infinity, -Infinity];
  let [sum, count, nan] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = at(i);
    if (!Number.isFinite(value)) {
      if (Number.isNaN(value)) nan += 1;
      continue;
    }
    sum += value;
    count += 1;
    if (value < min) [min, least] = [value, i];
    if (value > max) [max, most] = [value, i];
  }
  const infinite = data.length - count - nan;
  const exact = (index: number) => (typeof data[index] === 'bigint' ? String(data[index]) : numberText(at(index), dtype));
  return [
    ...(count === 0
      ? ['no finite values']
      : [`min ${exact(least)}`, `max ${exact(most)}`, `mean ${numberText(sum / count, 'float64')}`]),
    ...(dtype.includes('float') ? [`NaN ${nan}`] : []),
    ...(infinite > 0 ? [`infinite ${infinite}`] : []),
  ].join('  ');
}
