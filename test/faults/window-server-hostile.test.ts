// The window's server, as a process of its own, and clients on raw sockets that do not behave: its memory stays bounded, nothing of its
// inside is told, and those that behave go on.

import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName, sleep, until } from '../support/child';

const test = suite('the window’s server and hostile clients');

const FRAME_BYTES = 4 << 20;
const SOCKETS = 120;
const PIPELINED = 20;
/** One frame for each of 32 streams, with what the sockets take and what has not been collected yet; all requests would be 10 GB. */
const MAX_GROWTH_BYTES = 600e6;
const WATCHDOG_MS = 60_000;

const pool = poolName('window-hostile');
let producer: TensorProducer | null = null;
let ticking: NodeJS.Timeout | null = null;
let server: ChildProcess | null = null;
let base = new URL('http://127.0.0.1');
const open = new Set<Socket>();
/** What the server says on its terminal. */
let said = '';

test.before(async () => {
  producer = TensorProducer.fromSample(pool, new Uint8Array(FRAME_BYTES));
  const frame = new Uint8Array(FRAME_BYTES);
  ticking = setInterval(() => producer?.put(frame), 20);
  server = fork(fileURLToPath(new URL('./window-server.mjs', import.meta.url)), [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  server.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const { stdout } = server;
  base = new URL(String(await new Promise((resolve) => stdout?.once('data', resolve))).trim());
});

test.after(async () => {
  for (const socket of open) socket.destroy();
  if (ticking !== null) clearInterval(ticking);
  producer?.close();
  const child = server;
  if (child === null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
});

test.after.each(async () => {
  for (const socket of open) socket.destroy();
  open.clear();
});

/** Bytes of memory that the server has, or had at most. */
function memory(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server?.pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

/** A socket that sends this and reads nothing. */
function send(text: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(Number(base.port), base.hostname);
    open.add(socket);
    socket.pause();
    // Whatever the server does with it: it hangs up on some of them.
    socket.on('error', () => socket.destroy());
    socket.on('connect', () => socket.write(text));
    socket.once('close', () => open.delete(socket));
    resolve(socket);
  });
}

const nextOf = (stream: string) =>
  `GET ${base.pathname}next?${new URLSearchParams({ stream, pool })} HTTP/1.1\r\nHost: ${base.host}\r\n\r\n`;

/** All that a server answers to these bytes, until it hangs up. */
async function answerTo(bytes: string): Promise<string> {
  const socket = await send(bytes);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.resume();
  const watchdog = setTimeout(() => socket.destroy(new Error('the server neither answers nor hangs up')), WATCHDOG_MS);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(watchdog);
  return text;
}

/** Sequence numbers of the frames that a client gets which behaves as the page does: on one connection, one request after the other. */
class Behaved {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #stream: string;
  frames = 0;
  sequence = -1;
  failure: string | null = null;

  constructor(stream: string) {
    this.#stream = stream;
  }

  next(): Promise<void> {
    const path = `${base.pathname}next?${new URLSearchParams({ stream: this.#stream, pool })}`;
    return new Promise((resolve, reject) => {
      get({ host: base.hostname, port: base.port, path, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          if (response.statusCode !== 200) return reject(new Error(`${response.statusCode} ${bytes}`));
          const end = 4 + bytes.readUInt32LE(0);
          const header = JSON.parse(bytes.toString('utf8', 4, end)) as { kind: string; sequence?: number };
          if (header.kind === 'frame') {
            assert.is(bytes.length - end, FRAME_BYTES);
            assert.ok((header.sequence as number) > this.sequence, `${header.sequence} after ${this.sequence}`);
            this.sequence = header.sequence as number;
            this.frames += 1;
          }
          resolve();
        });
      }).on('error', reject);
    });
  }

  /** Goes on until it is told to end. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.next();
    } catch (error) {
      this.failure = String(error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

const ATTACKS: readonly (readonly [what: string, request: (socket: number) => string])[] = [
  [
    'pipelined requests, a stream each',
    (socket) => Array.from({ length: PIPELINED }, (_, i) => nextOf(`p${socket}-${i}`)).join(''),
  ],
  ['pipelined requests of one stream', (socket) => nextOf(`q${socket}`).repeat(PIPELINED)],
  ['pipelined requests of one stream for all', () => nextOf('shared').repeat(PIPELINED)],
  ['a request each', (socket) => nextOf(`r${socket}`)],
];

for (const [what, request] of ATTACKS) {
  test(`${SOCKETS} sockets that never read, ${what}: memory is bounded, and a page goes on`, async () => {
    const page = new Behaved('page');
    const ended = new AbortController();
    await page.next();
    const going = page.run(ended.signal);
    const before = memory('VmRSS');
    for (let i = 0; i < SOCKETS; i++) await send(request(i));
    const from = page.frames;
    const began = Date.now();
    // Long enough for every answer that would be made to have been made, and until the page has had its share.
    for (;;) {
      const grown = memory('VmRSS') - before;
      assert.ok(grown < MAX_GROWTH_BYTES, `the server grew by ${Math.round(grown / 1e6)} MB`);
      assert.is(page.failure, null);
      if (Date.now() - began > 3000 && page.frames >= from + 10) break;
      if (Date.now() - began > WATCHDOG_MS) throw new Error(`the page got ${page.frames - from} frames`);
      await sleep(20);
    }
    assert.ok(memory('VmHWM') - before < MAX_GROWTH_BYTES + 200e6, 'nor in between');
    ended.abort();
    await going;
    page.close();
    // Those that never read are hung up on, and newcomers have room again.
    await until(() => open.size === 0 || [...open].every((socket) => socket.destroyed || !alive(socket)), 'they are hung up on');
    const late = new Behaved('late');
    await late.next();
    assert.is(late.failure, null);
    late.close();
  });
}

/** Whether the server still has the other end: a paused socket does not say so itself. */
function alive(socket: Socket): boolean {
  const { localPort } = socket;
  if (localPort === undefined) return false;
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  // 01: established, at the server's end.
  return lines.some((line) => new RegExp(`:${hex(Number(base.port))} \\w+:${hex(localPort)} 01 `).test(line));
}

const HOST = () => `Host: ${base.host}\r\nConnection: close\r\n`;
const BAD: readonly (readonly [what: string, request: () => string, status: number])[] = [
  ['//', () => `GET // HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['two slashes and the token', () => `GET /${base.pathname}pools HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['///', () => `GET /// HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['an address of another host', () => `GET http://evil.example${base.pathname}pools HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['an address that cannot be read', () => `GET http://[ HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['*', () => `OPTIONS * HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['a broken escape', () => `GET ${base.pathname}%zz%ff HTTP/1.1\r\n${HOST()}\r\n`, 404],
  ['a way out', () => `GET ${base.pathname}../../package.json HTTP/1.1\r\n${HOST()}\r\n`, 404],
  ['no stream', () => `GET ${base.pathname}next?pool=x HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['a stream that is none', () => `GET ${base.pathname}next?pool=x&stream=%0a HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['a pool that is too long', () => `GET ${base.pathname}next?stream=x&pool=${'x'.repeat(300)} HTTP/1.1\r\n${HOST()}\r\n`, 400],
  ['another method', () => `POST ${base.pathname}pools HTTP/1.1\r\n${HOST()}\r\n`, 404],
  ['a body', () => `GET ${base.pathname}pools HTTP/1.1\r\n${HOST()}Content-Length: 5\r\n\r\nhello`, 400],
  ['no host', () => 'GET / HTTP/1.1\r\n\r\n', 400],
  ['another host', () => `GET ${base.pathname}pools HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`, 421],
  ['no HTTP', () => '\u0016\u0003\u0001\u0002\u0000 \u0001\r\n\r\n', 400],
  ['a header without end', () => `GET / HTTP/1.1\r\nHost: ${'x'.repeat(20_000)}`, 431],
  ['a request without end', () => `GET ${base.pathname}pools HTTP/1.1\r\nHost: `, 408],
];

test('bad requests get a status and a line: no stack, no path, and none of them is an error of the server', async () => {
  const answers = await Promise.all(BAD.map(([, request]) => answerTo(request())));
  for (const [i, [what, , status]] of BAD.entries()) {
    const answer = answers[i] as string;
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${what}: ${answer.slice(0, 300)}`);
    assert.not.match(answer, /\n\s+at |node:|\.mjs|\/examples\/|Error/, what);
  }
  assert.is(said, '');
});

test('a stream has one request at a time: one more waits for its turn, others are refused', async () => {
  const stream = { name: `one-${process.pid}` };
  // Its pool does not exist, so that they wait.
  const request = `GET ${base.pathname}next?${new URLSearchParams({ stream: stream.name, pool: poolName('nobody') })} HTTP/1.1\r\n${HOST()}\r\n`;
  assert.match(await answerTo(request), /"waiting"/);
  const answers = await Promise.all(Array.from({ length: 12 }, () => answerTo(request)));
  const statuses = answers.map((answer) => answer.slice(9, 12)).sort();
  const refused = statuses.filter((status) => status === '409').length;
  assert.ok(refused >= 1 && refused <= 10, statuses.join(' '));
  assert.is(statuses.filter((status) => status === '200').length, 12 - refused, statuses.join(' '));
});

test.run();
