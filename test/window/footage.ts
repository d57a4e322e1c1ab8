// Real footage as raw frames, for the producer to play and for the test to compare with.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

export const SIZE = { width: 768, height: 576 };
export const FRAMES = 60;
export const FRAME_BYTES = SIZE.width * SIZE.height * 3;

const DEBIAN = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';

/** Pedestrians on a square: beside the repository, or where Debian's opencv-doc puts it. */
function find(folder: string): string | null {
  const found = [resolve('../shared/data/vtest.avi'), DEBIAN].find(existsSync);
  if (found !== undefined || !existsSync(`${DEBIAN}.gz`)) return found ?? null;
  const unpacked = join(folder, 'vtest.avi');
  writeFileSync(unpacked, gunzipSync(readFileSync(`${DEBIAN}.gz`)));
  return unpacked;
}

export const noFootage: string | null =
  spawnSync('ffmpeg', ['-version']).status !== 0
    ? 'ffmpeg is not installed (sudo apt install ffmpeg)'
    : ![resolve('../shared/data/vtest.avi'), DEBIAN, `${DEBIAN}.gz`].some(existsSync)
      ? 'vtest.avi is not there (sudo apt install opencv-doc)'
      : null;

/** Decodes the footage into a file of RGB frames in the folder. */
export function decodeFootage(folder: string): string {
  const file = join(folder, 'footage.rgb');
  const args = [
    '-v',
    'error',
    '-nostdin',
    '-i',
    find(folder) ?? '',
    '-frames:v',
    String(FRAMES),
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
    file,
  ];
  const { status, stderr } = spawnSync('ffmpeg', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ffmpeg could not decode the footage: ${stderr}`);
  return file;
}
