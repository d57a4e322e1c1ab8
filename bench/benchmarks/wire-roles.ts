// The two ends of a pool on the Python package's wire, as processes of ours. They do what the peers of test/wire do, in the same order
// and with the same looks at the frames, so that figures can be compared.

import { type Frame, TensorConsumer, TensorProducer, type TypedArray, type View } from 'tensor-ipc';
import { elementsOf, frameOf, seedOf, type WireDtype } from '../../test/wire/support/frames';
import { nowNs, sleepUntilNs } from '../harness/clock';
import type { Commands, Role } from '../harness/processes';

/** Frames repeat after this many elements: so many tell which frame it is. */
const PERIOD = 256;
const CACHE_LINE_BYTES = 64;

export interface WireConfig {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: WireDtype;
  readonly historyLen: number;
  readonly domainId: number;
  /** Whether frames are lent (loan and borrow) and not copied. */
  readonly lent: boolean;
}

export interface Puts {
  /** When each began, and how long it took. */
  readonly atUs: readonly number[];
  readonly tookUs: readonly number[];
}

export interface Arrival {
  readonly seed: number;
  readonly atUs: number;
}

function emptyFrame(bytes: number, dtype: WireDtype): TypedArray {
  if (dtype === 'uint8') return new Uint8Array(bytes);
  if (dtype === 'float32') return new Float32Array(bytes / 4);
  throw new Error(`no frames of ${dtype} here`);
}

/** The next frame, written into the producer's own array as a camera's driver would. */
function fill(frame: TypedArray, seed: number, dtype: WireDtype): void {
  const bytes = new Uint8Array(frame.buffer);
  const pattern = frameOf(seed, [Math.min(PERIOD, frame.length)], dtype);
  bytes.set(pattern);
  for (let filled = pattern.length; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, filled);
}

export const wireProducerRole = {
  name: 'wire-producer',
  start({ name, shape, dtype, historyLen, domainId, lent }: WireConfig) {
    const data = emptyFrame(frameOf(0, shape, dtype).length, dtype);
    const sample = { data, shape: [...shape] };
    const producer = TensorProducer.fromSample(name, sample, { wire: 'tensor-ipc', domainId, historyLen });
    const lend = (): void => {
      const slot = producer.loan();
      // Written in place by whatever makes the frames: what tells them apart stands for it.
      for (let i = 0; i < Math.min(PERIOD, data.length); i++) slot.data[i] = data[i] as number;
      slot.commit();
    };
    return {
      put({ count, rateHz }: { count: number; rateHz: number }): Puts {
        const [atUs, tookUs]: [number[], number[]] = [[], []];
        const start = nowNs();
        for (let seed = 0; seed < count; seed++) {
          fill(data, seed, dtype);
          sleepUntilNs(start + (seed * 1e9) / rateHz);
          const at = nowNs();
          if (lent) lend();
          else producer.put(sample);
          tookUs.push((nowNs() - at) / 1000);
          atUs.push(at / 1000);
        }
        return { atUs, tookUs };
      },
    };
  },
} satisfies Role<WireConfig, Commands>;

export const wireConsumerRole = {
  name: 'wire-consumer',
  start({ name, shape, dtype, domainId, lent }: WireConfig) {
    const arrivals: Arrival[] = [];
    const headElements = Math.min(PERIOD, elementsOf(shape));
    // Of the bytes that were looked at: handed on, so that no engine leaves the looking out.
    let checksum = 0;
    const onNewData = (frame: Frame | View): void => {
      const atUs = nowNs() / 1000;
      const { buffer, byteOffset, BYTES_PER_ELEMENT } = frame.data;
      // A copy: what is lent lies on pages that Buffer does not take.
      const head = Uint8Array.from(new Uint8Array(buffer, byteOffset, headElements * BYTES_PER_ELEMENT));
      const seed = seedOf(head, dtype);
      if (typeof seed === 'number') arrivals.push({ seed, atUs });
      frame.release();
    };
    const consumer = TensorConsumer.attach(name, { wire: 'tensor-ipc', domainId, ...(lent ? {} : { onNewData }) });
    const views = async (): Promise<void> => {
      for await (const view of consumer.frames({ borrow: true })) onNewData(view);
    };
    if (lent) void views();
    return {
      connected: () => consumer.connected,
      arrivals: () => arrivals.splice(0),
      /** µs that one took; null where there is no frame. The peers look at what they got, and so have it in their caches. */
      get({ historyLen }: { historyLen: number }): { tookUs: number; checksum: number } | null {
        const start = nowNs();
        const frame = consumer.get({ historyLen });
        const tookUs = (nowNs() - start) / 1000;
        if (frame === null) return null;
        const step = CACHE_LINE_BYTES / frame.data.BYTES_PER_ELEMENT;
        for (let at = 0; at < frame.data.length; at += step) checksum = (checksum + Number(frame.data[at])) % 1e9;
        frame.release();
        return { tookUs, checksum };
      },
    };
  },
} satisfies Role<WireConfig, Commands>;
