// A producer or consumer in a process of its own, driven by messages of the test: { op, … } → { value } or { error }.

import {
  type ConsumerOptions,
  type Frame,
  type ProducerOptions,
  type SampleOptions,
  type Slot,
  TensorConsumer,
  TensorProducer,
  type View,
} from 'tensor-ipc';
import { serve } from '../support/child';

export type Request =
  | { op: 'produce'; pool: string; elements: number; options?: ProducerOptions & SampleOptions }
  | { op: 'put'; value: number; count?: number }
  | { op: 'loan'; value: number }
  | { op: 'consume'; pool: string; options?: ConsumerOptions<Float64Array> }
  | { op: 'get' }
  | { op: 'block' }
  | { op: 'listen' }
  | { op: 'borrow'; historyLen?: number }
  | { op: 'release' }
  | { op: 'scribble' }
  | { op: 'close' }
  | { op: 'exit'; code: number }
  | { op: 'throw' }
  | { op: 'handle'; signal: NodeJS.Signals; exitCode: number | null }
  | { op: 'cpu' };

let producer: TensorProducer<Float64Array> | null = null;
let consumer: TensorConsumer<Float64Array> | null = null;
let view: View<Float64Array> | null = null;
let slot: Slot<Float64Array> | null = null;
let elements = 0;

const show = (frame: Frame<Float64Array> | View<Float64Array> | null) =>
  frame && { sequence: frame.sequence, first: frame.data[0] };

serve((message) => {
  const request = message as Request;
  switch (request.op) {
    case 'produce':
      elements = request.elements;
      producer = TensorProducer.fromSample(request.pool, new Float64Array(elements), request.options);
      return producer.nextSequence;
    case 'put': {
      let sequence = -1;
      for (let i = 0; i < (request.count ?? 1); i++)
        sequence = producer?.put(new Float64Array(elements).fill(request.value + i)) ?? -1;
      return sequence;
    }
    case 'loan':
      slot = producer?.loan() ?? null;
      slot?.data.fill(request.value);
      return slot?.sequence;
    case 'consume':
      consumer = TensorConsumer.attach<Float64Array>(request.pool, request.options);
      return consumer.connected;
    case 'listen':
      consumer?.on('frame', () => {});
      return new Promise((resolve) => setTimeout(resolve, 10));
    case 'get':
      return show(consumer?.get() ?? null);
    case 'block':
      // Never returns to the event loop.
      process.send?.({ value: null });
      for (;;) consumer?.waitSync(50);
    case 'borrow':
      view = consumer?.borrow({ historyLen: request.historyLen ?? 1 }) ?? null;
      return show(view);
    case 'release':
      view?.release();
      return null;
    case 'scribble':
      view?.data.fill(-1);
      return null;
    case 'close':
      producer?.cleanup();
      consumer?.cleanup();
      return null;
    case 'exit':
      setImmediate(() => process.exit(request.code));
      return null;
    case 'throw':
      setImmediate(() => {
        throw new Error('on purpose');
      });
      return null;
    case 'handle':
      process.on(request.signal, () => {
        if (request.exitCode !== null) process.exit(request.exitCode);
        process.send?.('handled');
      });
      return null;
    case 'cpu':
      return process.cpuUsage();
  }
});
