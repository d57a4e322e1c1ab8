// The JSON in an object that says what its pool is.

import { MAX_METADATA_BYTES } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { brief } from '../runtime/printable';
import { messageOf } from '../runtime/realm';
import { isEncoding } from './encodings';
import { type FieldInit, type FieldMetadata, type HistoryPad, PoolMetadata, type PoolMetadataInit } from './metadata';

const FORMAT = 'tensor-ipc';
const VERSION = 2;

/** What the object says about itself beyond PoolMetadata. */
export interface PoolDescription {
  readonly metadata: PoolMetadata;
  readonly historyPad: HistoryPad;
}

/** What the JSON of every object begins with. */
export const METADATA_BEGINNING = `{"format":"${FORMAT}"`;

/** Keys in the order in which every writer gives them; what is not said is left out. */
function encodeField({ name, dtype, shape, byteOffset, bytes, maxLength, encoding, unit, frameId }: FieldMetadata) {
  return { name, dtype, shape, byteOffset, bytes, maxLength, encoding, unit, frameId };
}

/** The JSON that is stored in the object. Key order is fixed, so equal pools have equal bytes and equal hashes. */
export function encodeDescription({ metadata, historyPad }: PoolDescription): Uint8Array {
  const json = JSON.stringify({
    format: FORMAT,
    version: VERSION,
    name: metadata.name,
    device: 'cpu',
    historyLen: metadata.historyLen,
    historyPad,
    frameBytes: metadata.frameBytes,
    fields: metadata.fields.map(encodeField),
    // Last, and left out where there are none.
    attributes: Object.keys(metadata.attributes).length > 0 ? metadata.attributes : undefined,
  });
  const bytes = new TextEncoder().encode(json);
  if (bytes.byteLength > MAX_METADATA_BYTES) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `the metadata takes ${bytes.byteLength} bytes, at most ${MAX_METADATA_BYTES} fit`,
    );
  }
  return bytes;
}

/** An encoding that a later version has brought: this one knows the form of the frames, and not what they mean. */
const ENCODING_NAME = /^[a-z0-9_]{1,32}$/;

/** A field as it stands in the JSON, without an encoding that is not known here. */
function withoutUnknown(field: FieldInit): FieldInit {
  const encoding: unknown = field?.encoding;
  if (typeof encoding !== 'string' || isEncoding(encoding) || !ENCODING_NAME.test(encoding)) return field;
  const { encoding: _, ...known } = field;
  return known;
}

/**
 * Reads the JSON of an object. It is untrusted: everything is rebuilt through the same checks as a user's own metadata, and
 * what can be derived is compared with what is stated.
 *
 * @throws TensorIpcError CORRUPT_OBJECT
 */
export function decodeDescription(name: string, json: Uint8Array): PoolDescription {
  const corrupt = (what: string, cause?: unknown) =>
    new TensorIpcError('CORRUPT_OBJECT', `pool '${name}': its metadata is damaged (${what}); stop its producer and remove it`, {
      cause,
    });
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    // The parser's own message quotes the bytes as they are.
    throw corrupt('not JSON');
  }
  if (typeof raw !== 'object' || raw === null) throw corrupt('not an object');
  const record = raw as Record<string, unknown>;
  if (record['format'] !== FORMAT || record['version'] !== VERSION) throw corrupt('unknown format');
  if (record['name'] !== name) throw corrupt(`it is the metadata of ${brief(record['name'])}`);
  const { historyPad, fields } = record;
  if (historyPad !== 'zero' && historyPad !== 'fill') throw corrupt(`historyPad ${brief(historyPad)}`);
  if (!Array.isArray(fields)) throw corrupt('no fields');
  let metadata: PoolMetadata;
  try {
    metadata = new PoolMetadata({
      name,
      fields: fields.map(withoutUnknown),
      historyLen: record['historyLen'] as number,
      attributes: record['attributes'] as PoolMetadataInit['attributes'],
    });
  } catch (cause) {
    throw corrupt(messageOf(cause), cause);
  }
  if (record['frameBytes'] !== metadata.frameBytes) throw corrupt('frameBytes does not follow from the fields');
  for (const [i, field] of metadata.fields.entries()) {
    const stated = fields[i] as Record<string, unknown>;
    if ((stated['shape'] as readonly number[])[0] !== field.shape[0])
      throw corrupt(`field ${field.name}: shape and maxLength differ`);
    if (stated['byteOffset'] !== field.byteOffset || stated['bytes'] !== field.bytes)
      throw corrupt(`field ${field.name} lies elsewhere`);
  }
  return { metadata, historyPad };
}
