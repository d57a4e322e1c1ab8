// Pool objects of several forms as bytes, the fields in them, and how to lay one out afresh so that a lie is told consistently.

import { readFileSync } from 'node:fs';
import { MetadataCreator, type PoolMetadata, type Sample, TensorProducer } from 'tensor-ipc';
import * as layout from '../../assembly/layout';

/** Every byte of every frame. What readers are given consists of these and of zeros (padding), or was read from elsewhere. */
export const FRAME_BYTE = 7;

function filled<A extends Uint8Array | Float32Array | Float64Array>(array: A): A {
  new Uint8Array(array.buffer).fill(FRAME_BYTE);
  return array;
}

/** Frames of each form, and the history of their pools. */
export const FORMS: Readonly<Record<string, { readonly sample: Sample; readonly historyLen: number }>> = {
  tiny: { sample: filled(new Uint8Array(4)), historyLen: 2 },
  record: {
    sample: {
      rgb: { data: filled(new Uint8Array(60)), shape: [4, 5, 3] },
      depth: { data: filled(new Float32Array(20)), shape: [4, 5] },
      intrinsics: { data: filled(new Float64Array(9)), shape: [3, 3] },
    },
    historyLen: 3,
  },
  // An odd number of bytes, for which a dense ring would be too large: the stride is padded.
  padded: { sample: filled(new Uint8Array(4099)), historyLen: 2 },
  long: { sample: filled(new Float32Array(16)), historyLen: 500 },
  page: { sample: filled(new Uint8Array(4096)), historyLen: 1 },
};

/** Forms whose frames differ in length. */
const VARYING: typeof FORMS = {
  cloud: {
    sample: {
      points: {
        ...{ data: filled(new Float32Array(30)), shape: [10, 3], maxLength: 100 },
        ...{ encoding: 'xyz', unit: 'm', frameId: 'lidar' },
      },
      id: { data: filled(new Float64Array(1)), shape: [1] },
      labels: { data: filled(new Uint8Array(40)), shape: [40], maxLength: 100 },
    },
    historyLen: 3,
  },
  packets: { sample: { data: filled(new Uint8Array(700)), shape: [700], maxLength: 4000, encoding: 'jpeg' }, historyLen: 4 },
};

export const FORM_NAMES = Object.keys(FORMS);
export const VARYING_NAMES = Object.keys(VARYING);

/** Seeds from here on are of forms of varying length, so that those below keep their meaning. */
export const VARYING_SEED = 1_000_000_000;

/** The form that a seed is about. */
export function formOfSeed(seed: number): string {
  const names = seed >= VARYING_SEED ? VARYING_NAMES : FORM_NAMES;
  return names[seed % names.length] as string;
}

/** The form of a name in FORM_NAMES or VARYING_NAMES. */
export function formOf(name: string): { readonly sample: Sample; readonly historyLen: number } {
  const form = FORMS[name] ?? VARYING[name];
  if (form === undefined) throw new Error(`no form '${name}'`);
  return form;
}

export function metadataOf(pool: string, form: string): PoolMetadata {
  const { sample, historyLen } = formOf(form);
  return MetadataCreator.fromSample(pool, sample, { historyLen });
}

/** The bytes of a pool in which `frames` frames were published. */
export function poolImage(pool: string, form: string, frames: number): Uint8Array {
  using producer = new TensorProducer(metadataOf(pool, form));
  const { sample } = formOf(form);
  for (let i = 0; i < frames; i++) producer.put(sample);
  return new Uint8Array(readFileSync(`/dev/shm/tensoripc.${pool}`));
}

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly bytes: 4 | 8;
}

/** The fields that a prefix of layout constants names; a field ends where the next begins, and has 4 or 8 bytes. */
function fieldsOf(prefix: string, wide: RegExp): Field[] {
  return Object.entries(layout)
    .filter(([name, value]) => name.startsWith(prefix) && !/_(BYTES|LABEL)$|LABEL_BYTES/.test(name) && typeof value === 'number')
    .map(([name, offset]) => ({ name, offset: offset as number, bytes: wide.test(name) ? 8 : 4 }) as const);
}

export const HEADER_FIELDS: readonly Field[] = [
  ...fieldsOf('HEADER_', /MAGIC|SIGNATURE|HASH|OBJECT_B|FRAMES|FRAME_|POOL_ID|_NS|HEAD$|WAITS|ARMED|BORROWERS/),
  // Names that end in _BYTES are fields too, but for the size of the header itself.
  { name: 'HEADER_OBJECT_BYTES', offset: layout.HEADER_OBJECT_BYTES, bytes: 8 },
  { name: 'HEADER_METADATA_BYTES', offset: layout.HEADER_METADATA_BYTES, bytes: 4 },
  { name: 'HEADER_FRAME_BYTES', offset: layout.HEADER_FRAME_BYTES, bytes: 8 },
  { name: 'HEADER_PAGE_BYTES', offset: layout.HEADER_PAGE_BYTES, bytes: 4 },
];
/** Words that are looked at while a pool is in use. */
export const LIVE_FIELDS = HEADER_FIELDS.filter(({ offset }) => offset >= layout.HEADER_HEAD);
export const CONSUMER_FIELDS = fieldsOf('CONSUMER_', /PIN|DOORBELL_ID|_NS|POSITION|TAKEN|MISSED/).filter(
  ({ name }) => !/FREE|ACTIVE/.test(name),
);
export const SLOT_FIELDS: readonly Field[] = [
  ...fieldsOf('SLOT_', /STAMP|CLAIM|_NS/).filter(({ name }) => name !== 'SLOT_LENGTHS'),
  ...Array.from({ length: layout.MAX_VARYING_FIELDS }, (_, i) => ({
    ...{ name: `SLOT_LENGTHS[${i}]`, offset: layout.SLOT_LENGTHS + 4 * i },
    bytes: 4 as const,
  })),
];

/** The numbers from which the whole layout follows. */
export interface Counts {
  consumerCapacity: number;
  slotCapacity: number;
  historyLen: number;
  pageBytes: number;
  frameBytes: number;
  frameStride: number;
}

export function countsOf(image: Uint8Array): Counts {
  const view = new DataView(image.buffer, image.byteOffset);
  return {
    consumerCapacity: view.getUint32(layout.HEADER_CONSUMER_CAPACITY, true),
    slotCapacity: view.getUint32(layout.HEADER_SLOT_CAPACITY, true),
    historyLen: view.getUint32(layout.HEADER_HISTORY_LEN, true),
    pageBytes: view.getUint32(layout.HEADER_PAGE_BYTES, true),
    frameBytes: Number(view.getBigUint64(layout.HEADER_FRAME_BYTES, true)),
    frameStride: Number(view.getBigUint64(layout.HEADER_FRAME_STRIDE, true)),
  };
}

export function jsonOf(image: Uint8Array): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset);
  const at = view.getUint32(layout.HEADER_METADATA_OFFSET, true);
  return image.slice(at, at + view.getUint32(layout.HEADER_METADATA_BYTES, true));
}

export function framesOffsetOf(image: Uint8Array): number {
  return Number(new DataView(image.buffer, image.byteOffset).getBigUint64(layout.HEADER_FRAMES_OFFSET, true));
}

/** Where the parts of such an object lie, as the format prescribes. */
export function partsOf(counts: Counts, jsonBytes: number) {
  const align = (bytes: number) => Math.ceil(bytes / counts.pageBytes) * counts.pageBytes;
  const slotOffset = layout.HEADER_BYTES + counts.consumerCapacity * layout.CONSUMER_BYTES;
  const metadataOffset = slotOffset + counts.slotCapacity * layout.SLOT_BYTES;
  const framesOffset = align(metadataOffset + jsonBytes);
  return {
    slotOffset,
    metadataOffset,
    framesOffset,
    objectBytes: align(framesOffset + counts.slotCapacity * counts.frameStride),
  };
}

/** An object like `image` with other counts and metadata, in which everything follows from them, hash included. */
export function relayout(image: Uint8Array, counts: Counts, json: Uint8Array, hash: bigint): Uint8Array {
  const { slotOffset, metadataOffset, framesOffset, objectBytes } = partsOf(counts, json.byteLength);
  const bytes = new Uint8Array(objectBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(image.subarray(0, layout.HEADER_BYTES));
  const u32 = (offset: number, value: number) => view.setUint32(offset, value, true);
  const u64 = (offset: number, value: number | bigint) => view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
  u64(layout.HEADER_METADATA_HASH, hash);
  u64(layout.HEADER_OBJECT_BYTES, objectBytes);
  u32(layout.HEADER_METADATA_OFFSET, metadataOffset);
  u32(layout.HEADER_METADATA_BYTES, json.byteLength);
  u32(layout.HEADER_CONSUMER_CAPACITY, counts.consumerCapacity);
  u32(layout.HEADER_SLOT_OFFSET, slotOffset);
  u32(layout.HEADER_SLOT_CAPACITY, counts.slotCapacity);
  u64(layout.HEADER_FRAMES_OFFSET, framesOffset);
  u64(layout.HEADER_FRAME_STRIDE, counts.frameStride);
  u64(layout.HEADER_FRAME_BYTES, counts.frameBytes);
  u32(layout.HEADER_HISTORY_LEN, counts.historyLen);
  u32(layout.HEADER_PAGE_BYTES, counts.pageBytes);
  const published = Number(view.getBigUint64(layout.HEADER_HEAD, true)) - countsOf(image).slotCapacity;
  const head = counts.slotCapacity + published;
  u64(layout.HEADER_HEAD, head);
  for (let i = 0; i < counts.consumerCapacity; i++) {
    const entry = layout.HEADER_BYTES + i * layout.CONSUMER_BYTES;
    u64(entry + layout.CONSUMER_VIEW_PIN, -1n);
    u64(entry + layout.CONSUMER_HOLD_PIN, -1n);
  }
  // Only slots that readers look at: the newest ones. The others say nothing.
  for (let position = Math.max(0, head - 4096, head - counts.slotCapacity); position < head; position++) {
    const slot = slotOffset + (position % counts.slotCapacity) * layout.SLOT_BYTES;
    u64(slot + layout.SLOT_STAMP, 2 * position + 2);
    u64(slot + layout.SLOT_CLAIM, position);
    for (let i = 0; i < layout.MAX_VARYING_FIELDS; i++) u32(slot + layout.SLOT_LENGTHS + 4 * i, 1 + i);
  }
  bytes.set(json, metadataOffset);
  bytes.fill(FRAME_BYTE, framesOffset);
  return bytes;
}
