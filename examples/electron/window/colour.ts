// Colour maps for depth, masks and other scalars: 256 colours each, packed as the little-endian RGBA words of a canvas.

export type ColourMap = 'turbo' | 'inferno' | 'grey';
export const COLOUR_MAPS: readonly ColourMap[] = ['turbo', 'inferno', 'grey'];

/** Where there is no value: NaN, and 0 in integer depth, which cameras use for "not measured". */
export const NO_VALUE = pack(14, 16, 21);

type Triple = readonly [number, number, number];

/** Points of each map at equal distances, between which colours are interpolated. */
const STOPS: Readonly<Record<ColourMap, readonly Triple[]>> = {
  turbo: [
    [48, 18, 59],
    [70, 107, 227],
    [40, 188, 235],
    [50, 242, 152],
    [164, 252, 60],
    [238, 207, 58],
    [251, 126, 33],
    [209, 47, 5],
    [122, 4, 3],
  ],
  inferno: [
    [4, 3, 16],
    [34, 12, 75],
    [87, 16, 110],
    [138, 34, 106],
    [188, 55, 84],
    [227, 89, 51],
    [249, 142, 9],
    [249, 203, 53],
    [252, 255, 164],
  ],
  grey: [
    [0, 0, 0],
    [255, 255, 255],
  ],
};

export function pack(red: number, green: number, blue: number): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The colour of i / 255, for i from 0 to 255. */
export function colourTable(map: ColourMap): Uint32Array {
  const stops = STOPS[map];
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    const [from, to] = [stops[low], stops[low + 1]] as [Triple, Triple];
    const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (at - low));
    return pack(mix(0), mix(1), mix(2));
  });
}
