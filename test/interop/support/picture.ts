// Pools of pictures in which every byte can be told from its neighbours.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { poolName } from '../../support/child';

export const HEIGHT = 48;
export const WIDTH = 64;
export const CHANNELS = 3;
const SHAPE = [HEIGHT, WIDTH, CHANNELS];

/** Fills a picture of HEIGHT x WIDTH x CHANNELS with what only this seed gives. */
export function paint(data: Uint8Array, seed: number): Uint8Array {
  for (let i = 0; i < data.length; i++) data[i] = (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff;
  return data;
}

export function picture(seed: number): Uint8Array {
  return paint(new Uint8Array(HEIGHT * WIDTH * CHANNELS), seed);
}

/** A pool of pictures with both its ends; `using` closes them. */
export class PicturePool implements Disposable {
  readonly producer: TensorProducer<Uint8Array>;
  readonly consumer: TensorConsumer<Uint8Array>;

  constructor(label: string, historyLen = 4) {
    this.producer = TensorProducer.fromSample(poolName(label), { data: picture(0), shape: SHAPE }, { historyLen });
    this.consumer = TensorConsumer.attach<Uint8Array>(this.producer.name);
  }

  /** Publishes the picture of a seed, drawn in place. */
  publish(seed: number): void {
    using slot = this.producer.loan();
    paint(slot.data, seed);
    slot.commit();
  }

  [Symbol.dispose](): void {
    this.consumer.close();
    this.producer.close();
  }
}

/** Borrows the latest frame, of which there must be one. */
export function borrowed(consumer: TensorConsumer<Uint8Array>) {
  const view = consumer.borrow();
  if (view === null) throw new Error(`pool ${consumer.name} has no frame`);
  return view;
}
