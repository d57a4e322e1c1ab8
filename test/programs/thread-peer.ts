// A worker thread that reads, or feeds, a pool as the test's messages say: { op, … } → { value } or { error }.

import { parentPort } from 'node:worker_threads';
import { type ConsumerOptions, type SharedPool, TensorConsumer, TensorProducer, type View } from 'tensor-ipc';

export type ThreadRequest =
  | { op: 'adopt'; shared: SharedPool; options?: ConsumerOptions<Float64Array> }
  | { op: 'attach'; pool: string }
  | { op: 'lengths'; historyLen: number }
  | { op: 'produceVarying'; pool: string; maxLength: number }
  | { op: 'putVarying'; length: number; value: number; loan: boolean }
  | { op: 'produce'; pool: string; elements: number }
  | { op: 'put'; value: number }
  | { op: 'get'; historyLen?: number }
  | { op: 'next' }
  | { op: 'waitSync' }
  | { op: 'borrow' }
  | { op: 'seen' }
  | { op: 'connected' }
  | { op: 'follow'; pool: string }
  | { op: 'peek' }
  | { op: 'release' }
  | { op: 'close' }
  | { op: 'write'; view: Float64Array; value: number };

let producer: TensorProducer<Float64Array> | null = null;
let consumer: TensorConsumer<Float64Array> | null = null;
let view: View<Float64Array> | null = null;
let elements = 0;

async function serve(request: ThreadRequest): Promise<unknown> {
  switch (request.op) {
    case 'adopt':
      consumer = TensorConsumer.fromShared<Float64Array>(request.shared, request.options);
      return consumer.connected;
    case 'attach':
      consumer = TensorConsumer.attach<Float64Array>(request.pool);
      return consumer.connected;
    case 'produce':
      elements = request.elements;
      producer = TensorProducer.fromSample(request.pool, new Float64Array(elements), { historyLen: 3 });
      return producer.nextSequence;
    case 'produceVarying': {
      const sample = { data: new Float64Array(1), shape: [1], maxLength: request.maxLength };
      producer = TensorProducer.fromSample(request.pool, sample, { historyLen: 3 });
      return producer.nextSequence;
    }
    case 'putVarying': {
      if (producer === null) return null;
      if (!request.loan) return producer.put(new Float64Array(request.length).fill(request.value));
      using slot = producer.loan();
      slot.data.fill(request.value, 0, request.length);
      return slot.commit({ length: request.length });
    }
    case 'lengths': {
      using window = consumer?.borrow({ historyLen: request.historyLen });
      using latest = consumer?.borrow();
      if (!window || !latest) return null;
      const values = Array.from({ length: request.historyLen }, (_, i) => [...new Set(window.at(i))]);
      return { shape: latest.shape, windowShape: window.shape, lengths: window.lengths, values };
    }
    case 'put':
      return producer?.put(new Float64Array(elements).fill(request.value));
    case 'get': {
      const frame = consumer?.get({ historyLen: request.historyLen ?? 1 });
      return frame && { sequence: frame.sequence, shape: frame.shape, values: [...new Set(frame.data)] };
    }
    case 'next': {
      const frame = await consumer?.next();
      return frame && { sequence: frame.sequence, first: frame.data[0] };
    }
    case 'waitSync':
      return consumer?.waitSync(60_000);
    case 'borrow':
      view = consumer?.borrow() ?? null;
      return view && { sequence: view.sequence, first: view.data[0] };
    case 'seen':
      return view?.data[0];
    case 'connected':
      return consumer?.connected;
    case 'follow': {
      using reader = TensorConsumer.attach<Float64Array>(request.pool, { deadlineMs: 40, endOnClose: true });
      const log: string[] = [];
      reader.on('stall', ({ sequence }) => log.push(`stall ${sequence}`));
      reader.on('resume', ({ sequence }) => log.push(`resume ${sequence}`));
      log.push(`ready ${await reader.ready()}`);
      for await (const frame of reader.frames({ maxAgeMs: 60_000 })) log.push(`frame ${frame.data[0]}`);
      return log;
    }
    case 'peek':
      return consumer?.peek()?.data[0] ?? null;
    case 'release':
      view?.release();
      return null;
    case 'close':
      consumer?.close();
      producer?.close();
      return null;
    case 'write':
      request.view.fill(request.value);
      return request.view.length;
  }
}

parentPort?.on('message', async (request: ThreadRequest) => {
  try {
    parentPort?.postMessage({ value: await serve(request) });
  } catch (error) {
    const { message, code } = error as { message: string; code?: string };
    parentPort?.postMessage({ error: { message, code } });
  }
});
