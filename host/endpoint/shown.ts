// What a frame, a view or a slot is, in a line for console.log and as JSON: everything but its elements.

import type { Window } from '../memory/window';
import type { Dtype } from '../tensor/dtype';
import { showShape } from '../tensor/tensor';

/** What `JSON.stringify` gives of a frame or view: what it is, without its elements. */
export interface FrameJson {
  readonly sequence: number;
  /** Decimal digits: JSON has no numbers of 64 bits. */
  readonly timestampNs: string;
  readonly epoch: number;
  readonly missed: number;
  readonly padded: number;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fields?: Readonly<Record<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>>;
}

/** Fields of a record that are named in a line. */
const MOST_FIELDS = 6;

interface Form {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

function one({ dtype, shape }: Form): string {
  return `${dtype} ${showShape(shape)}`;
}

/** "uint8 [480, 640, 3]", or "{ rgb: uint8 [480, 640, 3], depth: uint16 [480, 640] }". */
export function showForm(tensors: Window): string {
  if (tensors.fields === undefined) return one(tensors);
  const fields = Object.entries(tensors.fields).map(([name, tensor]) => `${name}: ${one(tensor)}`);
  const more = fields.length - MOST_FIELDS;
  return `{ ${fields.slice(0, MOST_FIELDS).join(', ')}${more > 0 ? `, and ${more} more` : ''} }`;
}

interface Received {
  readonly sequence: number;
  readonly timestampNs: bigint;
  readonly epoch: number;
  readonly missed: number;
  readonly padded: number;
  ageMs(): number;
}

/** "Frame of 'camera': uint8 [480, 640, 3], sequence 41, timestampNs 83500012345678, 3.2 ms old". */
export function showReceived(what: string, pool: string, tensors: Window, frame: Received): string {
  const parts = [
    showForm(tensors),
    `sequence ${frame.sequence}`,
    `timestampNs ${frame.timestampNs}`,
    `${frame.ageMs().toFixed(1)} ms old`,
  ];
  if (frame.missed > 0) parts.push(`${frame.missed} missed`);
  if (frame.padded > 0) parts.push(`${frame.padded} padded`);
  return `${what} of '${pool}': ${parts.join(', ')}`;
}

export function receivedAsJson(tensors: Window, { sequence, timestampNs, epoch, missed, padded }: Received): FrameJson {
  const form = ({ dtype, shape }: Form) => ({ dtype, shape });
  const what = { sequence, timestampNs: String(timestampNs), epoch, missed, padded, ...form(tensors) };
  if (tensors.fields === undefined) return what;
  const fields = Object.entries(tensors.fields).map(([name, tensor]) => [name, form(tensor)]);
  return { ...what, fields: Object.fromEntries(fields) as NonNullable<FrameJson['fields']> };
}
