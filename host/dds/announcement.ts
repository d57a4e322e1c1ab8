// What a native pool's producer tells over DDS (docs/discovery.md has the IDL). What arrives is untrusted: anybody in the domain may have
// written it, so everything is checked before it is believed.

import { CdrReader, CdrWriter, EncapsulationKind } from '@foxglove/cdr';
import { objectName } from '../native/trust';
import { TensorIpcError } from '../runtime/errors';
import { quoted } from '../runtime/printable';
import { messageOf } from '../runtime/realm';
import type { Dtype } from '../tensor/dtype';
import type { Encoding } from '../tensor/encodings';
import { type FieldInit, type FieldMeaning, PoolMetadata } from '../tensor/metadata';
import type { DdsQos } from './library';
import type { DdsType } from './type';

/** The one topic on which all pools of a domain are announced. */
export const DISCOVERY_TOPIC = 'tensoripc_pools';

/**
 * Its type. Each run of a producer is an instance, which goes away with it. DDS matches by the name: libraries of layout 1, whose type has no
 * number and no lengths, and those of this one do not hear each other, and so cannot misread each other.
 */
export const DISCOVERY_TYPE: DdsType = { name: 'tensoripc::PoolAnnouncement2', extensibility: 'final', keyed: 'string' };

const RELIABLE = { reliability: 'reliable', durability: 'transient-local', history: 1, dataRepresentation: ['xcdr1'] } as const;

/** How long a producer that was killed is taken for alive. Signs of life come somewhat more often, and a network may delay them. */
const LEASE_MS = 800;

/** The quality of service of both ends. */
export const DISCOVERY_QOS = {
  // Cyclone's readers dispose of what a lost writer leaves them, where writers do of what they leave. Here an instance without writers is
  // one whose producer has said nothing before it went.
  // A reader that is behind must not hold up the producer: what cannot be written now is written a second later.
  writer: { ...RELIABLE, maxBlockingMs: 0, liveliness: { leaseMs: LEASE_MS }, writerDataLifecycle: false },
  // What is announced faster than this process takes waits at its writer, and not here: 512 of the largest are 64 MiB.
  reader: { ...RELIABLE, liveliness: { leaseMs: Infinity }, maxSamples: 512 },
} as const satisfies Record<string, DdsQos>;

/** No sample is larger: 256 fields of 32 dimensions fit well. */
export const MAX_ANNOUNCEMENT_BYTES = 128 * 1024;
const MAX_FIELDS = 256;
const MAX_DIMENSIONS = 32;
const HEADER_BYTES = 4;
const NS_PER_MS = 1e6;
const MAX_PADDING_BYTES = 3;

const ID = /^[0-9a-f]{32}$/;
/** What is printed on terminals has no control characters in it, and no spaces that could make it look like another column. */
const HOST = /^[\x21-\x7e]{0,255}$/;
const WORD = /^[\x21-\x7e]{0,64}$/;

/** What a producer tells of its pool. */
export interface Announcement {
  /** Of this run of the producer: 32 hexadecimal digits, by chance. */
  readonly id: string;
  readonly metadata: PoolMetadata;
  /** Name of the machine or container; empty where it is not known. */
  readonly host: string;
  /** Boot id of its kernel: the same for containers on one machine. */
  readonly bootId: string;
  readonly pid: number;
  /** Version of the producer's library. */
  readonly version: string;
  /** By the clock of that machine, ms since 1970. */
  readonly startedAtMs: number;
  /** Frames published by all producers of the object, when this was written. */
  readonly framesPublished: number;
  /** Whether this is the last word of a producer that closes its pool. */
  readonly closed: boolean;
  /** Version of the object's layout: a library of another layout cannot attach to it. */
  readonly layout: number;
  /** Time between two frames that the producer states, ms; null where it states none. */
  readonly periodMs: number | null;
}

/** @throws TensorIpcError INVALID_ARGUMENT when there are so many fields that it is too long. */
export function encodeAnnouncement(announcement: Announcement): Uint8Array {
  const { id, metadata, host, bootId, pid, version, startedAtMs, framesPublished, closed, layout, periodMs } = announcement;
  const { name, historyLen, frameBytes, fields } = metadata;
  const writer = new CdrWriter({ kind: EncapsulationKind.CDR_LE });
  writer.string(id).string(name).string(objectName(name).slice(1));
  writer.string(host).string(bootId).string(version);
  writer.int64(BigInt(pid)).int64(BigInt(startedAtMs));
  writer.int64(BigInt(framesPublished)).int64(BigInt(historyLen)).int64(BigInt(frameBytes));
  writer.uint8(closed ? 1 : 0);
  writer.uint32(layout).int64(BigInt(Math.round((periodMs ?? 0) * NS_PER_MS)));
  writer.sequenceLength(fields.length);
  for (const { name, dtype, shape, maxLength = 0, encoding = '', unit = '', frameId = '' } of fields) {
    writer.string(name).string(dtype);
    writer.sequenceLength(shape.length);
    for (const extent of shape) writer.int64(BigInt(extent));
    writer.int64(BigInt(maxLength)).string(encoding);
    writeText(writer, unit);
    writeText(writer, frameId);
  }
  const { data } = writer;
  if (data.byteLength <= MAX_ANNOUNCEMENT_BYTES) return data;
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    `pool '${name}': its announcement takes ${data.byteLength} bytes, at most ${MAX_ANNOUNCEMENT_BYTES}: give it fewer fields`,
  );
}

/** A string that may be more than ASCII: the writer's own counts characters where CDR counts bytes. */
function writeText(writer: CdrWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  writer
    .uint32(bytes.length + 1)
    .uint8Array(bytes)
    .uint8(0);
}

/** A reader that does not run over the end, and answers for every value. */
class Checked {
  readonly #bytes: Uint8Array;
  readonly #reader: CdrReader;

  constructor(bytes: Uint8Array) {
    if (bytes.byteLength < HEADER_BYTES || bytes.byteLength > MAX_ANNOUNCEMENT_BYTES)
      throw new RangeError(`${bytes.byteLength} bytes`);
    if (bytes[0] !== 0 || bytes[1] !== EncapsulationKind.CDR_LE) throw new RangeError('an encoding that is not CDR_LE');
    this.#bytes = bytes;
    this.#reader = new CdrReader(bytes);
  }

  get left(): number {
    return this.#bytes.byteLength - this.#reader.decodedBytes;
  }

  string(what: string, pattern?: RegExp): string {
    const length = this.#reader.uint32();
    if (length > this.left) throw new RangeError(`${what} of ${length} bytes`);
    const value = length === 0 ? '' : this.#reader.string(length);
    if (pattern !== undefined && !pattern.test(value)) throw new RangeError(`${what} ${quoted(value.slice(0, 80))}`);
    return value;
  }

  int(what: string): number {
    const value = this.#reader.int64();
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${what} ${value}`);
    return Number(value);
  }

  /** A number of 32 bits, at least 1. */
  version(what: string): number {
    const value = this.#reader.uint32();
    if (value === 0) throw new RangeError(`${what} ${value}`);
    return value;
  }

  flag(what: string): boolean {
    const value = this.#reader.uint8();
    if (value > 1) throw new RangeError(`${what} ${value}`);
    return value === 1;
  }

  length(what: string, most: number): number {
    const length = this.#reader.uint32();
    if (length > most) throw new RangeError(`${length} ${what}`);
    return length;
  }
}

function decodeField(from: Checked): FieldInit {
  const name = from.string('a field');
  // PoolMetadata refuses dtypes and encodings that it does not know, and what does not print.
  const dtype = from.string('a dtype') as Dtype;
  const shape = Array.from({ length: from.length('dimensions', MAX_DIMENSIONS) }, () => from.int('an extent'));
  return { name, dtype, shape, ...decodeMeaning(from, shape) };
}

function decodeMeaning(from: Checked, shape: readonly number[]): FieldMeaning {
  const maxLength = from.int('max_length');
  const encoding = from.string('encoding');
  const unit = from.string('unit');
  const frameId = from.string('frame_id');
  if (maxLength !== 0 && shape[0] !== maxLength) throw new RangeError(`max_length ${maxLength}, and an extent of ${shape[0]}`);
  return {
    ...(maxLength !== 0 && { maxLength }),
    ...(encoding !== '' && { encoding: encoding as Encoding }),
    ...(unit !== '' && { unit }),
    ...(frameId !== '' && { frameId }),
  };
}

/**
 * Reads what arrived on the topic.
 *
 * @throws TensorIpcError CORRUPT_OBJECT
 */
export function decodeAnnouncement(bytes: Uint8Array): Announcement {
  try {
    const from = new Checked(bytes);
    const id = from.string('id', ID);
    const name = from.string('pool');
    const object = from.string('object');
    const host = from.string('host', HOST);
    const bootId = from.string('boot_id', WORD);
    const version = from.string('version', WORD);
    const pid = from.int('pid');
    const startedAtMs = from.int('started_at_ms');
    const framesPublished = from.int('frames_published');
    const historyLen = from.int('history_len');
    const frameBytes = from.int('frame_bytes');
    const closed = from.flag('closed');
    const layout = from.version('layout');
    const periodNs = from.int('period_ns');
    const fields = Array.from({ length: from.length('fields', MAX_FIELDS) }, () => decodeField(from));
    if (from.left > MAX_PADDING_BYTES) throw new RangeError(`${from.left} bytes too many`);
    const metadata = new PoolMetadata({ name, historyLen, fields });
    if (frameBytes !== metadata.frameBytes) throw new RangeError(`frame_bytes ${frameBytes}, expected ${metadata.frameBytes}`);
    if (`/${object}` !== objectName(name)) throw new RangeError(`object ${quoted(object.slice(0, 80))}`);
    const periodMs = periodNs === 0 ? null : periodNs / NS_PER_MS;
    return { id, metadata, host, bootId, pid, version, startedAtMs, framesPublished, closed, layout, periodMs };
  } catch (cause) {
    const detail = messageOf(cause);
    throw new TensorIpcError('CORRUPT_OBJECT', `an announcement of a pool cannot be read (${detail})`, { cause });
  }
}
