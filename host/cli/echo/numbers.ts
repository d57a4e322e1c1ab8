// Elements as text, as NumPy writes them: as many digits as tell a number apart, decimal points below one another.

import type { Dtype, TypedArray } from '../../entry/main';
import { scalarReader } from '../snapshot/scalars';

/** Digits behind the point, at most. */
const PRECISION = 8;
/** Bits of the significand that are stored; what is not here has those of a double. */
const FRACTION_BITS: Readonly<Partial<Record<Dtype, number>>> = { float16: 10, bfloat16: 7, float32: 23 };
/** So many digits tell all values of the type apart. */
const MAX_DIGITS: Readonly<Partial<Record<Dtype, number>>> = { float16: 5, bfloat16: 4, float32: 9 };

/** Element `index` as text. */
export type ElementText = (index: number) => string;

/** Texts of one width for the elements that are shown. */
export function elementTexts(data: TypedArray, dtype: Dtype, shown: readonly number[]): ElementText {
  if (dtype === 'bool') return padded(shown, (index) => (data[index] === 0 ? 'False' : 'True'));
  if (!dtype.includes('float')) return padded(shown, (index) => String(data[index]));
  const at = scalarReader(data, dtype);
  return floatTexts(shown, at, dtype);
}

/** One number, without padding. */
export function numberText(value: number, dtype: Dtype): string {
  if (!Number.isFinite(value)) return special(value);
  const text = shortest(value, dtype);
  return text.length <= 12 ? text : String(Number(value.toPrecision(PRECISION)));
}

function padded(shown: readonly number[], text: ElementText): ElementText {
  const width = shown.reduce((most, index) => Math.max(most, text(index).length), 0);
  return (index) => text(index).padStart(width);
}

function floatTexts(shown: readonly number[], at: (index: number) => number, dtype: Dtype): ElementText {
  const sizes = shown.map((index) => Math.abs(at(index))).filter((size) => Number.isFinite(size) && size > 0);
  const most = sizes.reduce((a, b) => Math.max(a, b), 0);
  const least = sizes.reduce((a, b) => Math.min(a, b), Infinity);
  const scientific = sizes.length > 0 && (most >= 1e8 || least < 1e-4 || most / least > 1000);
  const finite = shown.map(at).filter(Number.isFinite);
  const digits = finite.reduce((widest, value) => {
    const text = scientific ? exponential(value, dtype) : positional(value, dtype);
    return Math.max(widest, (/\.(\d*)/.exec(text)?.[1] ?? '').length);
  }, 0);
  const text = (value: number) => {
    if (!Number.isFinite(value)) return special(value);
    if (!scientific) {
      const [whole, fraction = ''] = positional(value, dtype).split('.');
      return `${whole}.${fraction.padEnd(digits)}`;
    }
    const [mantissa = '', exponent = ''] = exponential(value, dtype).split('e');
    const [whole, fraction = ''] = mantissa.split('.');
    return `${whole}.${fraction.padEnd(digits, '0')}e${exponent}`;
  };
  return padded(shown, (index) => text(at(index)));
}

function special(value: number): string {
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

/** "0.5", "12." */
function positional(value: number, dtype: Dtype): string {
  // Without an exponent: what is shown like this lies between 1e-4 and 1e8, or is zero.
  const text = shortest(value, dtype);
  const exact = text.includes('e') ? value.toFixed(PRECISION) : text;
  const [whole = '', fraction = ''] = exact.split('.');
  if (fraction.length <= PRECISION) return `${whole}.${fraction}`;
  return value.toFixed(PRECISION).replace(/0+$/, '');
}

/** "1.5e-05", "2.e+10" */
function exponential(value: number, dtype: Dtype): string {
  const digits = shortest(value, dtype).replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;
  const [mantissa = '', exponent = ''] = value.toExponential(Math.min(PRECISION, Math.max(0, digits - 1))).split('e');
  const trimmed = mantissa.includes('.') ? mantissa.replace(/0+$/, '') : `${mantissa}.`;
  const sign = exponent.startsWith('-') ? '-' : '+';
  return `${trimmed}e${sign}${exponent.replace(/^[-+]/, '').padStart(2, '0')}`;
}

/** The fewest digits that lead back to the same value of the type. */
function shortest(value: number, dtype: Dtype): string {
  const most = MAX_DIGITS[dtype];
  if (most === undefined || value === 0) return Object.is(value, -0) ? '-0' : String(value);
  for (let digits = 1; digits < most; digits++) {
    const text = Number(value.toPrecision(digits));
    if (rounded(text, dtype) === value) return String(text);
  }
  return String(Number(value.toPrecision(most)));
}

/** The nearest value that the type can hold. */
function rounded(value: number, dtype: Dtype): number {
  if (dtype === 'float32') return Math.fround(value);
  const bits = FRACTION_BITS[dtype] ?? 52;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), dtype === 'float16' ? -14 : -126);
  const step = 2 ** (exponent - bits);
  return Math.round(value / step) * step;
}
