// Packets as pictures, decoded by ffmpeg.

import type { Encoding } from '../../entry/main';
import { CliError } from '../command';
import { throughFfmpeg } from '../ffmpeg';
import type { Image } from './png';

const DEMUXERS: Readonly<Partial<Record<Encoding, string>>> = { jpeg: 'mjpeg', png: 'png_pipe', h264: 'h264', h265: 'hevc' };

/** The first picture of a packet. */
export async function decoded(ffmpeg: string, encoding: Encoding | undefined, packet: Uint8Array): Promise<Image | null> {
  const demuxer = encoding === undefined ? undefined : DEMUXERS[encoding];
  if (demuxer === undefined) return null;
  const args = ['-f', demuxer, '-i', 'pipe:0', '-frames:v', '1', '-f', 'image2pipe', '-c:v', 'ppm'];
  const ppm = await throughFfmpeg(ffmpeg, args, packet, `decode this ${encoding} packet`);
  const head = /^P6\s(\d+)\s(\d+)\s255\s/.exec(Buffer.from(ppm.subarray(0, 64)).toString('latin1'));
  // Of H.264 and H.265 a packet that is no key frame gives no picture.
  if (head === null) throw new CliError(`ffmpeg finds no picture in this ${encoding} packet: is it a key frame?`);
  return { width: Number(head[1]), height: Number(head[2]), channels: 3, pixels: ppm.subarray(head[0].length) };
}

/** A picture as JPEG, at a quality that shows no blocks. */
export function encodeJpeg(ffmpeg: string, { width, height, channels, pixels }: Image): Promise<Uint8Array> {
  const format = { 1: 'gray', 3: 'rgb24', 4: 'rgba' }[channels];
  const input = ['-f', 'rawvideo', '-pix_fmt', format, '-s', `${width}x${height}`, '-i', 'pipe:0'];
  const output = [
    '-frames:v',
    '1',
    '-c:v',
    'mjpeg',
    '-q:v',
    '2',
    '-pix_fmt',
    channels === 1 ? 'gray' : 'yuvj444p',
    '-f',
    'image2pipe',
  ];
  return throughFfmpeg(ffmpeg, [...input, ...output], pixels, 'make a JPEG of this picture');
}
