// Topic descriptors, which idlc would generate as C, built in memory: struct dds_topic_descriptor on LP64, the same from 0.9 to 11.

import type { DdsTypeDescription } from '../host/dds/library';
import type { KoffiModule } from './koffi';

const DESCRIPTOR_BYTES = 96;
const KEY_BYTES = 16;
const TOPIC_FIXED_KEY = 0x2;
const TOPIC_XTYPES = 0x40;

/** A descriptor, and what it points to: all of it must live until dds_create_topic has copied it. */
export function buildDescriptor(
  koffi: KoffiModule,
  type: DdsTypeDescription,
): { bytes: Uint8Array; alive: readonly Uint8Array[] } {
  const alive: Uint8Array[] = [];
  const place = (bytes: Uint8Array): bigint => {
    // At least a word, and not empty: an empty view has no address.
    const copy = new Uint8Array(Math.max(64, bytes.byteLength));
    copy.set(bytes);
    alive.push(copy);
    return BigInt(koffi.address(copy));
  };
  const text = (value: string) => place(new TextEncoder().encode(`${value}\0`));

  const bytes = new Uint8Array(DESCRIPTOR_BYTES);
  const view = new DataView(bytes.buffer);
  const keys = type.keys ?? [];
  const ops = new Uint8Array(Uint32Array.from(type.ops).buffer);
  let flags = 0;
  if (keys.length > 0 && type.fixedKey === true) flags |= TOPIC_FIXED_KEY;
  view.setUint32(0, type.sampleBytes, true);
  view.setUint32(4, type.sampleAlign, true);
  view.setUint32(12, keys.length, true);
  view.setBigUint64(16, text(type.name), true);
  if (keys.length > 0) {
    // struct dds_key_descriptor: the name, the index in ops of the key's offsets, and its rank.
    const table = new DataView(new ArrayBuffer(KEY_BYTES * keys.length));
    keys.forEach((key, index) => {
      table.setBigUint64(KEY_BYTES * index, text(key.name), true);
      table.setUint32(KEY_BYTES * index + 8, key.opIndex, true);
      table.setUint32(KEY_BYTES * index + 12, index, true);
    });
    view.setBigUint64(24, place(new Uint8Array(table.buffer)), true);
  }
  view.setUint32(32, type.ops.length, true);
  view.setBigUint64(40, place(ops), true);
  view.setBigUint64(48, text(''), true);
  if (type.typeInformation !== undefined && type.typeMapping !== undefined) {
    flags |= TOPIC_XTYPES;
    view.setBigUint64(56, place(type.typeInformation), true);
    view.setUint32(64, type.typeInformation.byteLength, true);
    view.setBigUint64(72, place(type.typeMapping), true);
    view.setUint32(80, type.typeMapping.byteLength, true);
  }
  view.setUint32(8, flags, true);
  return { bytes, alive };
}
