// A producer or consumer that runs on either architecture, told what to do by messages: { op, … } → { value } or { error }. Every byte
// of every frame follows from the frame's number and is checked by whoever reads it.

import { type Frame, type ProducerOptions, TensorConsumer, TensorProducer, type TypedArray, type View } from 'tensor-ipc';
import { serve } from '../support/child';

export type Form = 'plain' | 'record';

export type Request =
  | { op: 'produce'; pool: string; form: Form; historyLen: number; options?: ProducerOptions }
  | { op: 'put'; count?: number; loan?: boolean }
  | { op: 'consume'; pool: string; lossless?: boolean }
  | { op: 'get'; historyLen?: number; latestFirst?: boolean }
  | { op: 'borrow'; historyLen?: number }
  | { op: 'next' }
  | { op: 'waitSync'; timeoutMs: number }
  | { op: 'all'; count: number; borrow: boolean }
  | { op: 'look' | 'release' | 'close' | 'about' };

/** What was read: the numbers of the frames in the order in which they stood, and how many of their bytes were not as they should be. */
export interface Read {
  readonly sequences: readonly number[];
  readonly bytes: number;
  readonly wrong: number;
}

interface Tensor {
  readonly data: TypedArray;
  readonly shape: readonly number[];
}

/** Neither a page nor a multiple of 64 bytes; and tensors of several widths. */
const SHAPES: Record<Form, () => Tensor | Record<string, Tensor>> = {
  plain: () => ({ data: new Uint8Array(37 * 11 * 3), shape: [37, 11, 3] }),
  record: () => ({
    image: { data: new Uint16Array(97 * 5), shape: [97, 5] },
    pose: { data: new Float64Array(7), shape: [7] },
    time: { data: new BigInt64Array(1), shape: [] },
  }),
};

const isTensor = (sample: Tensor | Record<string, Tensor>): sample is Tensor => ArrayBuffer.isView(sample['data']);

function tensorsOf(sample: Tensor | Record<string, Tensor>): Tensor[] {
  return isTensor(sample) ? [sample] : Object.values(sample);
}

/** Byte `index` of tensor `tensor` of frame `sequence`. */
function byteOf(sequence: number, tensor: number, index: number): number {
  return (sequence * 31 + tensor * 101 + index * 7 + (index >> 8) * 13 + 1) & 255;
}

function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function paint(tensors: readonly Tensor[], sequence: number): void {
  tensors.forEach((tensor, t) => {
    const bytes = bytesOf(tensor);
    for (let i = 0; i < bytes.length; i++) bytes[i] = byteOf(sequence, t, i);
  });
}

let producer: TensorProducer | null = null;
let form: Form = 'plain';
let consumer: TensorConsumer | null = null;
let view: View | null = null;
/** Frames in the view. */
let viewLength = 1;

/** Checks a frame, or a window of them, byte by byte. `sequence` is that of the newest. */
function check(frame: Frame | View, historyLen: number, latestFirst: boolean): Read {
  const sequences = Array.from({ length: historyLen }, (_, i) => frame.sequence - (latestFirst ? i : historyLen - 1 - i));
  let bytes = 0;
  let wrong = 0;
  const tensors = frame.fields === undefined ? [frame] : Object.values(frame.fields);
  tensors.forEach((tensor, t) => {
    const all = bytesOf(tensor);
    const width = tensor.data.BYTES_PER_ELEMENT;
    const [step, shape] = historyLen === 1 ? [0, tensor.shape] : [tensor.strides[0] as number, tensor.shape.slice(1)];
    const length = shape.reduce((a, b) => a * b, 1) * width;
    sequences.forEach((sequence, f) => {
      const start = (tensor.offset + f * step) * width;
      for (let i = 0; i < length; i++) if (all[start + i] !== byteOf(sequence, t, i)) wrong += 1;
      bytes += length;
    });
  });
  return { sequences, bytes, wrong };
}

function put(count: number, loan: boolean): number {
  if (producer === null) throw new Error('produce first');
  let sequence = -1;
  for (let i = 0; i < count; i++) {
    const next = producer.nextSequence;
    if (loan) {
      const slot = producer.loan();
      paint(slot.fields === undefined ? [slot] : Object.values(slot.fields), next);
      sequence = slot.commit();
    } else {
      const sample = SHAPES[form]();
      paint(tensorsOf(sample), next);
      sequence = producer.put(sample);
    }
  }
  return sequence;
}

/** The next `count` frames in order, summed up. */
async function all(from: TensorConsumer, count: number, borrow: boolean): Promise<Read> {
  const sequences: number[] = [];
  let bytes = 0;
  let wrong = 0;
  const take = (frame: Frame | View) => {
    const read = check(frame, 1, false);
    sequences.push(frame.sequence);
    bytes += read.bytes;
    wrong += read.wrong;
    return sequences.length === count;
  };
  if (borrow) {
    for await (using lent of from.frames({ borrow: true })) if (take(lent)) break;
  } else {
    for await (const frame of from) if (take(frame)) break;
  }
  return { sequences, bytes, wrong };
}

serve(async (message) => {
  const request = message as Request;
  if (request.op === 'about') return process.arch;
  if (request.op === 'produce') {
    form = request.form;
    producer = TensorProducer.fromSample(request.pool, SHAPES[form](), { ...request.options, historyLen: request.historyLen });
    return producer.nextSequence;
  }
  if (request.op === 'put') return put(request.count ?? 1, request.loan === true);
  if (request.op === 'consume') {
    consumer = TensorConsumer.attach(request.pool, request.lossless === true ? { delivery: 'all', from: 'oldest' } : {});
    return consumer.connected;
  }
  if (request.op === 'close') {
    view?.release();
    consumer?.cleanup();
    producer?.cleanup();
    return null;
  }
  if (consumer === null) throw new Error('consume first');
  switch (request.op) {
    case 'get': {
      const { historyLen = 1, latestFirst = false } = request;
      const frame = consumer.get({ historyLen, latestFirst });
      return frame && check(frame, historyLen, latestFirst);
    }
    case 'borrow':
      viewLength = request.historyLen ?? 1;
      view = consumer.borrow({ historyLen: viewLength, latestFirst: false });
      return view && check(view, viewLength, false);
    case 'look':
      return view && { ...check(view, viewLength, false), valid: view.valid };
    case 'release':
      view?.release();
      return null;
    case 'next': {
      const frame = await consumer.next();
      return frame && check(frame, 1, false);
    }
    case 'waitSync': {
      if (!consumer.waitSync(request.timeoutMs)) return null;
      const frame = consumer.tryNext();
      return frame && check(frame, 1, false);
    }
    case 'all':
      return all(consumer, request.count, request.borrow);
  }
});
