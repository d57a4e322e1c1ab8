// Types by name: what Cyclone has to know of one, from nothing to everything.

import { TensorIpcError } from '../runtime/errors';
import type { DdsTypeDescription } from './library';

/** What is known of a type beyond its name: then the library checks samples against it. */
export type DdsTypeDescriptor = Omit<DdsTypeDescription, 'name'>;

/**
 * A type, as its name on the wire. Samples are opaque bytes in CDR unless a descriptor says what is in them: the library then checks
 * nothing, and whoever decodes them must check bounds.
 */
export interface DdsType {
  /** As DDS knows it: `sensor_msgs::msg::dds_::Image_`. */
  readonly name: string;
  /** 'final' unless told. */
  readonly extensibility?: 'final' | 'appendable';
  /** For types with a key: what its first member, which is the key, is. Ignored where there is a descriptor. */
  readonly keyed?: 'string' | 'int32' | 'int64';
  readonly descriptor?: DdsTypeDescriptor;
}

const DELIMITED = 0x04000000;
/** One octet: every sample has that much. */
const OCTET = 0x01010000;
const KEY_OFFSET = 0x07000001;
/** Types of members, with the flags of a key that a reader must understand. */
const KEY_OP = { string: 0x01050009, int32: 0x0103000d, int64: 0x0104000d } as const;

/** The description that Cyclone is given. */
export function describe(type: DdsType): DdsTypeDescription {
  if (type.name === '') throw new TensorIpcError('INVALID_ARGUMENT', 'a DDS type needs a name');
  if (type.descriptor !== undefined) return { ...type.descriptor, name: type.name };
  const start = type.extensibility === 'appendable' ? [DELIMITED] : [];
  const base = { name: type.name, sampleBytes: 8, sampleAlign: 8 };
  if (type.keyed === undefined) return { ...base, ops: [...start, OCTET, 0, 0] };
  const opIndex = start.length + 3;
  return {
    ...base,
    ops: [...start, KEY_OP[type.keyed], 0, 0, KEY_OFFSET, start.length],
    keys: [{ name: 'key', opIndex }],
    fixedKey: type.keyed !== 'string',
  };
}
