import { encode } from 'fast-png';

/** Dense rows of pixels, eight bits a channel: grey, RGB or RGBA. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly pixels: Uint8Array;
}

export function encodePng({ width, height, channels, pixels }: Image): Uint8Array {
  return encode({ width, height, channels, depth: 8, data: pixels });
}
