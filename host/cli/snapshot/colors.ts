// Colour maps: a value between 0 and 1 as a colour.

export const COLOR_MAPS = ['gray', 'turbo'] as const;
export type ColorMap = (typeof COLOR_MAPS)[number];

/** Coefficients of the polynomials that approximate Turbo (Anton Mikhailov, Google, Apache-2.0), lowest power first. */
const TURBO = [
  [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
  [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
  [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
] as const;

const STEPS = 256;

/** 256 colours, three bytes each: dark blue, green in the middle, dark red. */
export const TURBO_TABLE: Uint8Array = Uint8Array.from({ length: STEPS * 3 }, (_, i) => {
  const x = Math.floor(i / 3) / (STEPS - 1);
  const [c0, c1, c2, c3, c4, c5] = TURBO[i % 3] as (typeof TURBO)[0];
  const value = c0 + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * c5))));
  return Math.round(Math.min(1, Math.max(0, value)) * 255);
});
