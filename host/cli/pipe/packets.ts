// Cuts a stream of bytes into frames of varying length: by a length in front of each, or by what JPEG, PNG, H.264 and H.265 begin and end
// with.

import { CliError } from '../command';
import type { Input } from './input';

/** How frames follow one another in a stream. */
export const FRAMINGS = ['length', 'jpeg', 'png', 'h264', 'h265'] as const;
export type Framing = (typeof FRAMINGS)[number];

/** Bytes of the length in front of a frame. */
export const LENGTH_BYTES = 4;
const CHUNK_BYTES = 1 << 16;

/** Where the first frame of some bytes ends, and where the next one begins; null where they hold no end. */
type Find = (bytes: Buffer, ended: boolean) => number | null;

const FIND: Readonly<Record<Exclude<Framing, 'length'>, Find>> = {
  jpeg: endOfJpeg,
  png: endOfPng,
  h264: (bytes, ended) => nextAccessUnit(bytes, ended, 0x09),
  h265: (bytes, ended) => nextAccessUnit(bytes, ended, 0x46),
};

export class PacketReader {
  readonly #input: Input;
  readonly #framing: Framing;
  readonly #maxBytes: number;
  #buffer = Buffer.alloc(CHUNK_BYTES);
  #filled = 0;
  #ended = false;

  constructor(input: Input, framing: Framing, maxBytes: number) {
    this.#input = input;
    this.#framing = framing;
    this.#maxBytes = maxBytes;
  }

  /** The next frame, valid until the next call; null at the end of the input. */
  async next(): Promise<Uint8Array | null> {
    return this.#framing === 'length' ? this.#nextOfLength() : this.#nextFound(FIND[this.#framing]);
  }

  async #nextOfLength(): Promise<Uint8Array | null> {
    const head = Buffer.alloc(LENGTH_BYTES);
    const got = await this.#input.fill(head);
    if (got === 0) return null;
    if (got < LENGTH_BYTES) throw new CliError(`the input ended inside a length: ${got} of ${LENGTH_BYTES} bytes`);
    const bytes = head.readUInt32LE();
    this.#check(bytes);
    if (this.#buffer.length < bytes) this.#buffer = Buffer.alloc(bytes);
    const frame = this.#buffer.subarray(0, bytes);
    const read = await this.#input.fill(frame);
    if (read < bytes) throw new CliError(`the input ended inside a frame: ${read} of ${bytes} bytes`);
    return frame;
  }

  async #nextFound(find: Find): Promise<Uint8Array | null> {
    for (;;) {
      const end = this.#filled === 0 ? null : find(this.#buffer.subarray(0, this.#filled), this.#ended);
      if (end !== null) {
        this.#check(end);
        const frame = Uint8Array.prototype.slice.call(this.#buffer, 0, end);
        this.#buffer.copyWithin(0, end, this.#filled);
        this.#filled -= end;
        return frame;
      }
      if (this.#ended) {
        if (this.#filled === 0) return null;
        throw new CliError(`the input ended inside a frame, after ${this.#filled} bytes of it: is it ${this.#framing}?`);
      }
      this.#check(this.#filled);
      if (this.#filled === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(this.#buffer.length)]);
      const bytes = await this.#input.read(this.#buffer, this.#filled);
      this.#filled += bytes;
      this.#ended = bytes === 0;
    }
  }

  #check(bytes: number): void {
    if (bytes <= this.#maxBytes) return;
    throw new CliError(`a frame of ${bytes} bytes, where at most ${this.#maxBytes} fit: raise --max-length`);
  }
}

/** Behind the marker "end of image": segments say how long they are, and in the coded data a marker is 0xff and no 0x00. */
function endOfJpeg(bytes: Buffer): number | null {
  if (bytes.length < 2) return null;
  if (bytes.readUInt16BE(0) !== 0xffd8)
    throw new CliError('the input is no sequence of JPEG images: expected one to begin with ff d8');
  for (let at = 2; ; ) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= bytes.length) return null;
    const marker = bytes[at + 1] as number;
    at += marker === 0xff ? 1 : 2;
    if (marker === 0xd9) return at;
    // Fill bytes, stuffed data and restarts have no length.
    if (marker === 0xff || marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (at + 2 > bytes.length) return null;
    at += bytes.readUInt16BE(at);
  }
}

const PNG_SIGNATURE = 0x89504e470d0a1a0an;
const IEND = 0x49454e44;

/** Behind the chunk IEND. */
function endOfPng(bytes: Buffer): number | null {
  if (bytes.length < 8) return null;
  if (bytes.readBigUInt64BE(0) !== PNG_SIGNATURE)
    throw new CliError('the input is no sequence of PNG images: expected their signature');
  for (let at = 8; at + 8 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (bytes.readUInt32BE(at + 4) === IEND) return end <= bytes.length ? end : null;
    at = end;
  }
  return null;
}

/** Where the next access unit begins, which is where its delimiter (a NAL unit of a type of its own) stands; the last one takes the rest. */
function nextAccessUnit(bytes: Buffer, ended: boolean, delimiter: number): number | null {
  const start = Buffer.of(0, 0, 1, delimiter);
  const first = bytes.indexOf(start);
  if (first < 0 || first > 1) {
    if (bytes.length < 5 && !ended) return null;
    throw new CliError(
      'the input has no access unit delimiters, by which packets are told apart: with ffmpeg add -bsf:v h264_metadata=aud=insert ' +
        '(hevc_metadata for H.265)',
    );
  }
  const next = bytes.indexOf(start, first + start.length);
  if (next < 0) return ended ? bytes.length : null;
  // The start code may have a zero in front.
  return bytes[next - 1] === 0 ? next - 1 : next;
}
