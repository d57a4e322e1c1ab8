// The two messages of the Python package, as CDR. What arrives is untrusted: everything is checked before it is believed.

import { CdrReader, CdrWriter, EncapsulationKind } from '@foxglove/cdr';
import { TensorIpcError } from '../runtime/errors';
import { quoted } from '../runtime/printable';
import { messageOf } from '../runtime/realm';
import type { Dtype } from '../tensor/dtype';
import { PLAIN_FIELD, PoolMetadata } from '../tensor/metadata';
import { checkWireTensor, wireObject } from './form';

/** Longest shape that is believed. */
const MAX_DIMENSIONS = 32;
const HEADER_BYTES = 4;
/** A name has at most 200 characters, a shape 32 lengths; the rest is room for what the package's users may put into `payload_json`. */
export const MAX_METADATA_BYTES = 64 * 1024;
export const MAX_PROGRESS_BYTES = 512;
/** Longest string that is read. The payload is none: nobody looks at it. */
const MAX_STRING_BYTES = 256;

/** What a producer says of its pool. */
export interface Announcement {
  readonly metadata: PoolMetadata;
  readonly creatorPid: number;
}

/** struct PoolMetadata { string name; sequence<long long> shape; string dtype_str, backend_type; long long history_len; string device; … } */
export function encodeMetadata(metadata: PoolMetadata, creatorPid: number, payload = '{}'): Uint8Array {
  const { name, shape, dtype, backend, historyLen, frameBytes } = metadata;
  const elements = shape.reduce((product, length) => product * length, 1);
  const writer = new CdrWriter({ kind: EncapsulationKind.CDR_LE });
  writer.string(name);
  writer.sequenceLength(shape.length);
  for (const length of shape) writer.int64(BigInt(length));
  writer.string(dtype).string(backend);
  writer.int64(BigInt(historyLen));
  writer.string('cpu');
  writer.int64(BigInt(frameBytes / elements));
  writer.int64(BigInt(historyLen * frameBytes));
  writer.string(wireObject(name).slice(1));
  writer.int64(BigInt(creatorPid));
  // Of its strings the writer counts characters where CDR counts bytes. Only this one may have others than ASCII.
  const bytes = new TextEncoder().encode(`${payload}\0`);
  return writer.uint32(bytes.length).uint8Array(bytes).data;
}

/** struct PoolProgressMessage { string pool_name; long long latest_frame; } */
export function encodeProgress(name: string, slot: number): Uint8Array {
  return new CdrWriter({ kind: EncapsulationKind.CDR_LE }).string(name).int64(BigInt(slot)).data;
}

/** A reader that does not run over the end, and answers for every string. */
class Checked {
  readonly #bytes: Uint8Array;
  readonly #reader: CdrReader;

  constructor(bytes: Uint8Array, most: number) {
    if (bytes.byteLength < HEADER_BYTES || bytes.byteLength > most)
      throw new RangeError(`it has fewer than ${HEADER_BYTES} or more than ${most} bytes`);
    this.#bytes = bytes;
    this.#reader = new CdrReader(bytes);
  }

  string(): string {
    const length = this.#reader.uint32();
    if (length === 0) return '';
    if (length > Math.min(MAX_STRING_BYTES, this.#bytes.byteLength - this.#reader.decodedBytes))
      throw new RangeError(`a string of ${length} bytes`);
    return this.#reader.string(length);
  }

  int(what: string): number {
    const value = this.#reader.int64();
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${what} ${value}`);
    return Number(value);
  }

  length(what: string, most: number): number {
    const length = this.#reader.uint32();
    if (length > most) throw new RangeError(`${what} of ${length}`);
    return length;
  }
}

function damaged(pool: string, what: string, cause: unknown): TensorIpcError {
  const detail = messageOf(cause);
  return new TensorIpcError('CORRUPT_OBJECT', `pool '${pool}': a ${what} message cannot be read (${detail})`, { cause });
}

/**
 * Reads what arrived on a pool's metadata topic.
 *
 * @throws TensorIpcError CORRUPT_OBJECT
 */
export function decodeMetadata(pool: string, bytes: Uint8Array): Announcement {
  try {
    const from = new Checked(bytes, MAX_METADATA_BYTES);
    const name = from.string();
    if (name !== pool) throw new RangeError(`it is of pool ${quoted(name.slice(0, 80))}`);
    const shape = Array.from({ length: from.length('a shape', MAX_DIMENSIONS) }, () => from.int('a length'));
    const dtype = from.string();
    const backend = from.string();
    const historyLen = from.int('history_len');
    const device = from.string();
    if (device !== 'cpu') throw new RangeError(`its frames are on ${quoted(device.slice(0, 80))}`);
    const itemBytes = from.int('element_size');
    const totalBytes = from.int('total_size');
    const shmName = from.string();
    const creatorPid = from.int('creator_pid');
    const metadata = new PoolMetadata({
      name,
      historyLen,
      fields: [{ name: PLAIN_FIELD, dtype: dtype as Dtype, shape }],
      backend: backend as PoolMetadata['backend'],
    });
    checkWireTensor(metadata);
    const elements = shape.reduce((product, length) => product * length, 1);
    if (itemBytes * elements !== metadata.frameBytes) throw new RangeError(`element_size ${itemBytes} for ${dtype}`);
    if (totalBytes !== historyLen * metadata.frameBytes) throw new RangeError(`total_size ${totalBytes}`);
    if (`/${shmName}` !== wireObject(pool)) throw new RangeError(`its object is ${quoted(shmName.slice(0, 80))}`);
    return { metadata, creatorPid };
  } catch (cause) {
    throw damaged(pool, 'metadata', cause);
  }
}

/**
 * Reads what arrived on a pool's progress topic: the slot of the newest frame.
 *
 * @throws TensorIpcError CORRUPT_OBJECT
 */
export function decodeProgress(pool: string, bytes: Uint8Array): number {
  try {
    const from = new Checked(bytes, MAX_PROGRESS_BYTES);
    const name = from.string();
    if (name !== pool) throw new RangeError(`it is of pool ${quoted(name.slice(0, 80))}`);
    return from.int('latest_frame');
  } catch (cause) {
    throw damaged(pool, 'progress', cause);
  }
}
