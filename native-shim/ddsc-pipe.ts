// Pipes that native threads wake the event loop through.

import process from 'node:process';
import { loadKoffi } from './koffi';
import { AF_UNIX, Calls, type Int, O_CLOEXEC, O_NONBLOCK, type Pointer } from './linux';

const SOCK_STREAM = 1;

function bind() {
  const libc = loadKoffi().load('libc.so.6');
  return {
    pipe2: libc.func('pipe2', 'int', ['void *', 'int']) as (ends: Pointer, flags: Int) => Int,
    socketpair: libc.func('socketpair', 'int', ['int', 'int', 'int', 'void *']) as (
      domain: Int,
      type: Int,
      protocol: Int,
      ends: Pointer,
    ) => Int,
  };
}

let bound: ReturnType<typeof bind> | null = null;

/** What is written to the one can be read from the other. Neither waits. */
export interface PipeEnds {
  readonly readFd: number;
  readonly writeFd: number;
}

function open(name: 'pipe2' | 'socketpair'): PipeEnds {
  bound ??= bind();
  const ends = new Uint8Array(64);
  const result =
    name === 'pipe2'
      ? bound.pipe2(ends, O_NONBLOCK | O_CLOEXEC)
      : bound.socketpair(AF_UNIX, SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0, ends);
  if (result < 0) new Calls(process.arch === 'arm64' ? 'arm64' : 'x64').fail(name, 'a notifier');
  const view = new DataView(ends.buffer);
  return { readFd: view.getInt32(0, true), writeFd: view.getInt32(4, true) };
}

export function openPipe(): PipeEnds {
  return open('pipe2');
}

/** The same for runtimes that watch sockets only. */
export function openSocketPair(): PipeEnds {
  return open('socketpair');
}
