// Frames of varying length that test/programs/c/varying-peer.c knows: lengths and every element follow from the sequence number.

import { type Frame, MetadataCreator, type PoolMetadata, type TensorView, type View } from 'tensor-ipc';

export const MAX_LENGTH = 300;

/** As the C peer describes its pool, byte for byte. */
export function varyingMetadata(name: string): PoolMetadata {
  return MetadataCreator.fromSample(
    name,
    {
      points: {
        data: new Float32Array(3),
        shape: [1, 3],
        maxLength: MAX_LENGTH,
        encoding: 'xyz',
        unit: 'm',
        frameId: 'lidar',
      },
      id: { data: new BigUint64Array(1), shape: [1] },
      labels: { data: new Uint8Array(1), shape: [1], maxLength: MAX_LENGTH },
    },
    { historyLen: 4, attributes: { mount: [0, 0, 1.2] } },
  );
}

export const pointsOf = (s: number): number => (s * 37) % (MAX_LENGTH + 1);
export const labelsOf = (s: number): number => (s * 101) % (MAX_LENGTH + 1);

const pointAt = (s: number, i: number) => s * 1000 + i;
const labelAt = (s: number, i: number) => (s * 31 + i) % 251;

export function varyingFrame(s: number) {
  return {
    points: { data: Float32Array.from({ length: 3 * pointsOf(s) }, (_, i) => pointAt(s, i)), shape: [pointsOf(s), 3] },
    id: { data: BigUint64Array.of(BigInt(s)), shape: [1] },
    labels: { data: Uint8Array.from({ length: labelsOf(s) }, (_, i) => labelAt(s, i)), shape: [labelsOf(s)] },
  };
}

/** Writes frame `s` into the fields of a loan. Its lengths. */
export function fillVarying(fields: Readonly<Record<string, TensorView>> | undefined, s: number) {
  const { points, id, labels } = varyingFrame(s);
  (fields?.['points']?.data as Float32Array).set(points.data);
  (fields?.['id']?.data as BigUint64Array).set(id.data);
  (fields?.['labels']?.data as Uint8Array).set(labels.data);
  return { points: pointsOf(s), labels: labelsOf(s) };
}

/** What is wrong with frame `s`, at `index` of a window or alone; null when it is right in every element. */
export function wrongIn(frame: Frame | View, s: number, index: number | null): string | null {
  const of = (name: string) =>
    (index === null ? frame.fields?.[name]?.data : frame.at(index, name)) as ArrayLike<number | bigint>;
  const points = of('points');
  const labels = of('labels');
  // Frames before the first have no elements; their fields of one length hold zeros.
  const [wantedPoints, wantedLabels, wantedId] = s < 0 ? [0, 0, 0n] : [3 * pointsOf(s), labelsOf(s), BigInt(s)];
  if (points.length !== wantedPoints || labels.length !== wantedLabels)
    return `frame ${s}: ${points.length} coordinates and ${labels.length} labels, expected ${wantedPoints} and ${wantedLabels}`;
  for (let i = 0; i < points.length; i++)
    if (points[i] !== Math.fround(pointAt(s, i))) return `frame ${s}: coordinate ${i} is ${points[i]}`;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== labelAt(s, i)) return `frame ${s}: label ${i} is ${labels[i]}`;
  return of('id')[0] === wantedId ? null : `frame ${s}: id ${of('id')[0]}`;
}
