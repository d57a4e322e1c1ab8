// The ends of every way that Node has to pass a frame on, each in a few lines: what sends it, and what is called when it is there.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { repositoryFolder } from '../harness/machine';
import { setAffinity } from '../harness/placement';

export interface EndConfig {
  readonly way: NodeWay;
  readonly bytes: number;
  /** Name of a pool, or path of a socket. */
  readonly channel: string;
}

type Fill = (data: Uint8Array) => void;
type Note = (data: Uint8Array) => void;

/** The sending end. `fill` writes the time into the frame, where that is sent from. */
export interface Sender {
  send(fill: Fill): void | Promise<void>;
  /** For senders that have their reader within, or below them: what that noted. */
  collect?(): Promise<number[]>;
  /** Puts the reader within on a core. */
  placeReader?(cpu: number): void;
}

interface Ends {
  /** The package, of bench/peers, that it is. */
  readonly needs?: string;
  send(config: EndConfig): Sender | Promise<Sender>;
  /** Absent where the sender brings its reader along. */
  receive?(config: EndConfig, note: Note): void | Promise<void>;
}

export const PEERS_FOLDER = 'bench/peers';
const folder = () => join(repositoryFolder(), PEERS_FOLDER);
const load = (name: string): unknown => createRequire(join(folder(), 'package.json'))(name);

/** Why a way cannot be gone here, or null. */
export function missing(way: NodeWay): string | null {
  const { needs }: Ends = NODE_WAYS[way];
  if (needs === undefined || existsSync(join(folder(), 'node_modules', needs))) return null;
  return `${needs} is not installed: npm run peers bench says why`;
}

const SLOTS = 4;
const READ_BUFFER_BYTES = 1 << 22;
const RING = new Uint8Array([1]);

/** Of zeromq 6, what is used. */
interface Zeromq {
  readonly Push: new (options: object) => { bind(path: string): Promise<void>; send(frame: Uint8Array): Promise<void> };
  readonly Pull: new (options: object) => AsyncIterable<[Uint8Array]> & { connect(path: string): void };
}

/** Of shm-typed-array, what is used. */
interface ShmTypedArray {
  create(bytes: number, type: 'Uint8Array', key: number): Uint8Array | null;
  get(key: number, type: 'Uint8Array'): Uint8Array | null;
}

/** A server that the reader has connected to when the first frame is sent. */
async function listen(path: string): Promise<() => Promise<Socket>> {
  const server = createServer({ noDelay: true });
  const connected = once(server, 'connection') as Promise<[Socket]>;
  server.listen(path);
  await once(server, 'listening');
  return async () => (await connected)[0];
}

/** Reads a stream into one buffer, and gives every `bytes` bytes of it. */
async function readStream(path: string, bytes: number, note: Note): Promise<void> {
  const frame = new Uint8Array(bytes);
  let filled = 0;
  const callback = (count: number, buffer: Uint8Array) => {
    for (let at = 0; at < count; ) {
      const part = Math.min(count - at, bytes - filled);
      frame.set(buffer.subarray(at, at + part), filled);
      at += part;
      filled += part;
      if (filled < bytes) continue;
      filled = 0;
      note(frame);
    }
    return true;
  };
  const socket = connect({ path, onread: { buffer: new Uint8Array(READ_BUFFER_BYTES), callback } } as never);
  await once(socket, 'connect');
}

/** A number of the System V name space that nobody else is likely to have. */
const keyOf = (channel: string) =>
  0x7e_00_00_00 | [...channel].reduce((hash, character) => (hash * 31 + character.charCodeAt(0)) & 0xffffff, 7);

function workers(copies: boolean): Ends {
  return {
    async send({ bytes }) {
      const words = new SharedArrayBuffer(4);
      const frames = new SharedArrayBuffer(SLOTS * bytes);
      const count = new Int32Array(words);
      const ring = Array.from({ length: SLOTS }, (_, i) => new Uint8Array(frames, i * bytes, bytes));
      const own = new Uint8Array(bytes).fill(1);
      const workerData = { words, frames, bytes, slots: SLOTS, copies };
      const worker = new Worker(join(folder(), 'worker-reader.mjs'), { workerData });
      worker.unref();
      const [tid] = (await once(worker, 'message')) as [number];
      let sent = 0;
      return {
        send(fill) {
          const target = ring[sent % SLOTS] as Uint8Array;
          fill(copies ? own : target);
          if (copies) target.set(own);
          sent += 1;
          Atomics.store(count, 0, sent);
          Atomics.notify(count, 0);
        },
        async collect() {
          worker.postMessage(null);
          return ((await once(worker, 'message')) as [number[]])[0];
        },
        placeReader: (cpu) => setAffinity(tid, String(cpu), false),
      };
    },
  };
}

function pools(lent: boolean): Ends {
  return {
    send({ channel, bytes }) {
      const frame = new Uint8Array(bytes).fill(1);
      const producer = TensorProducer.fromSample(channel, frame, { historyLen: 2 });
      if (!lent)
        return {
          send: (fill) => {
            fill(frame);
            producer.put(frame);
          },
        };
      return {
        send: (fill) => {
          const slot = producer.loan();
          fill(slot.data as Uint8Array);
          slot.commit();
        },
      };
    },
    receive({ channel }, note) {
      const consumer = TensorConsumer.attach<Uint8Array>(channel);
      void (lent ? borrowAll(consumer, note) : takeAll(consumer, note));
    },
  };
}

async function borrowAll(consumer: TensorConsumer<Uint8Array>, note: Note): Promise<void> {
  for await (const view of consumer.frames({ borrow: true })) {
    note(view.data);
    view.release();
  }
}

async function takeAll(consumer: TensorConsumer<Uint8Array>, note: Note): Promise<void> {
  for (let frame = await consumer.next(); frame !== null; frame = await consumer.next()) {
    note(frame.data);
    frame.release();
  }
}

export const NODE_WAYS = {
  'loan → borrow': pools(true),
  'put → next': pools(false),
  'workers, in place': workers(false),
  'workers, copied': workers(true),
  'Unix socket': {
    async send({ channel, bytes }) {
      const frame = new Uint8Array(bytes).fill(1);
      const connected = await listen(channel);
      return {
        async send(fill) {
          const socket = await connected();
          fill(frame);
          // Until all of it has gone: what is still queued is read from this very memory.
          await new Promise<void>((resolve) => void socket.write(frame, () => resolve()));
        },
      };
    },
    receive: ({ channel, bytes }, note) => readStream(channel, bytes, note),
  },
  'child-process IPC': {
    async send({ bytes }) {
      const frame = new Uint8Array(bytes).fill(1);
      const child: ChildProcess = fork(join(folder(), 'ipc-reader.mjs'), [], { serialization: 'advanced' });
      child.unref();
      child.channel?.unref();
      await once(child, 'message');
      return {
        async send(fill) {
          fill(frame);
          await new Promise<void>((resolve) => void child.send(frame, () => resolve()));
        },
        async collect() {
          child.send('collect');
          return ((await once(child, 'message')) as [number[]])[0];
        },
        placeReader: (cpu) => setAffinity(child.pid as number, String(cpu)),
      };
    },
  },
  zeromq: {
    needs: 'zeromq',
    async send({ channel, bytes }) {
      const { Push } = load('zeromq') as Zeromq;
      const frame = new Uint8Array(bytes).fill(1);
      const socket = new Push({ sendHighWaterMark: 2 });
      await socket.bind(`ipc://${channel}`);
      return {
        async send(fill) {
          fill(frame);
          await socket.send(frame);
        },
      };
    },
    receive({ channel }, note) {
      const { Pull } = load('zeromq') as Zeromq;
      const socket = new Pull({ receiveHighWaterMark: 2 });
      socket.connect(`ipc://${channel}`);
      void (async () => {
        for await (const [frame] of socket) note(frame);
      })();
    },
  },
  'shm-typed-array + socket': {
    needs: 'shm-typed-array',
    async send({ channel, bytes }) {
      const memory = (load('shm-typed-array') as ShmTypedArray).create(SLOTS * bytes, 'Uint8Array', keyOf(channel));
      if (memory === null) throw new Error('shm-typed-array: the key is taken');
      const own = new Uint8Array(bytes).fill(1);
      const connected = await listen(channel);
      let sent = 0;
      return {
        async send(fill) {
          const socket = await connected();
          fill(own);
          memory.set(own, (sent % SLOTS) * bytes);
          sent += 1;
          socket.write(RING);
        },
      };
    },
    async receive({ channel, bytes }, note) {
      const memory = (load('shm-typed-array') as ShmTypedArray).get(keyOf(channel), 'Uint8Array');
      if (memory === null) throw new Error('shm-typed-array: no such key');
      let seen = 0;
      await readStream(channel, 1, () => {
        const at = (seen % SLOTS) * bytes;
        seen += 1;
        note(memory.subarray(at, at + bytes));
      });
    },
  },
} as const satisfies Record<string, Ends>;

export type NodeWay = keyof typeof NODE_WAYS;

export function endsOf(way: NodeWay): Ends {
  return NODE_WAYS[way];
}
