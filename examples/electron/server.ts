// A loopback HTTP server for the window: the page, the list of pools, and the frames, one for each request.
//
// Why a request a frame and not an endless stream: what has been written to a socket cannot be taken back, so a slow page would
// see frames that lay in buffers for seconds. A page that asks gets what is newest when it asks; it skips, and never lags.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { extname, join } from 'node:path';
import { bytesOf, monotonicMs, PoolReader, poolRows } from './pool-reader';

const HOST = '127.0.0.1';
/** A page asks at least once a second; the readers of one that went away are closed. */
const IDLE_MS = 5000;
/** Pages open at a time, and pools they look at: more would be somebody's mistake. */
const MAX_READERS = 32;
/** A browser opens six for a page. What is waiting in one of them is at most one frame. */
const MAX_CONNECTIONS = 64;
/** A connection on which nothing moves for so long is closed: one that sends no request, and one that does not read its answer. */
const STALL_MS = 5000;
/** A request arrives whole within this time. */
const REQUEST_MS = 3000;
const MAX_HEADER_BYTES = 8192;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
const FILES: ReadonlySet<string> = new Set(['index.html', 'style.css', 'entry.js', 'draw-worker.js']);

/** With the first two the page is cross-origin isolated, which it must be to have SharedArrayBuffers. */
const HEADERS: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

export interface WindowServer {
  /** With the token: whoever has it sees the pools. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

interface Session {
  readonly pool: string;
  readonly reader: PoolReader;
  idle: NodeJS.Timeout;
  /** Requests for its next update: one that is being answered, and one behind it. */
  asked: number;
  /** Ends with the last of them. */
  answered: Promise<void>;
}

/** What a request asks for, or null: only the form of an address that browsers send, "/path?query". */
function targetOf({ url = '' }: IncomingMessage): { path: string; query: URLSearchParams } | null {
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(url)) return null;
  const [path = '', ...query] = url.split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}

/** Serves the built window in `folder`. `port` 0 takes a free one. */
export async function serveWindow(folder: string, port = 0): Promise<WindowServer> {
  // Pages of other sites may send requests to this port, but cannot guess where to.
  const token = randomBytes(24).toString('base64url');
  const sessions = new Map<string, Session>();
  /** Connections whose answer has not gone out yet, and what comes after it. */
  const busy = new WeakMap<Socket, (() => void) | null>();

  function end(id: string): void {
    const session = sessions.get(id);
    if (session === undefined) return;
    clearTimeout(session.idle);
    session.reader.close();
    sessions.delete(id);
  }

  /** The reader of a stream, begun with its first request. Null where there are too many. */
  function sessionOf(id: string, pool: string): Session | null {
    const idle = () => setTimeout(() => end(id), IDLE_MS).unref();
    const session = sessions.get(id);
    if (session !== undefined) {
      clearTimeout(session.idle);
      session.idle = idle();
      return session;
    }
    if (sessions.size >= MAX_READERS) return null;
    const begun = { pool, reader: new PoolReader(pool), idle: idle(), asked: 0, answered: Promise.resolve() };
    sessions.set(id, begun);
    return begun;
  }

  async function sendNext(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const [id, pool] = [query.get('stream') ?? '', query.get('pool') ?? ''];
    if (!/^[\w-]{1,64}$/.test(id) || pool === '' || pool.length > 255)
      return refuse(response, 400, 'expected a stream and a pool');
    const session = sessionOf(id, pool);
    if (session === null) return refuse(response, 503, `there are ${MAX_READERS} streams already: close some, or try again`);
    // A page asks for the next when it has this one, which may be a moment before that is known here.
    if (session.asked >= 2 || session.pool !== pool)
      return refuse(response, 409, 'one request at a time, for one pool, in a stream');
    const before = session.answered;
    session.asked += 1;
    session.answered = new Promise((resolve) => {
      response.once('close', () => {
        session.asked -= 1;
        // Who hangs up does not come back for this stream.
        if (!response.writableFinished) end(id);
        resolve();
      });
    });
    await before;
    if (response.destroyed) return;
    const update = await session.reader.next();
    if (update === null) {
      response.destroy();
      return;
    }
    const isState = 'kind' in update;
    if (response.destroyed) {
      if (!isState) update.frame.release();
      return;
    }
    const json = Buffer.from(JSON.stringify(isState ? update : update.header));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(json.length);
    const bytes = isState ? new Uint8Array(0) : bytesOf(update.frame);
    const length = head.length + json.length + bytes.length;
    // The copy that `next` made goes to the socket as it is, and its memory serves for a later frame, however this answer ends.
    if (!isState) response.once('close', () => update.frame.release());
    response.writeHead(200, { ...HEADERS, 'content-type': 'application/octet-stream', 'content-length': length });
    response.write(Buffer.concat([head, json]));
    response.end(bytes);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = server.address();
    const own = typeof address === 'object' && address !== null ? address.port : 0;
    // A name that somebody made point to 127.0.0.1 (DNS rebinding) is not ours.
    const { host = '' } = request.headers;
    if (host !== `${HOST}:${own}` && host !== `localhost:${own}`) return refuse(response, 421, 'wrong host');
    const target = targetOf(request);
    if (target === null) return refuse(response, 400, 'expected an address that begins with one slash');
    const { path, query } = target;
    if (request.method !== 'GET' || !path.startsWith(`/${token}/`)) return refuse(response, 404, 'not found');
    if ('content-length' in request.headers || 'transfer-encoding' in request.headers) {
      return refuse(response, 400, 'expected no body');
    }
    const name = path.slice(token.length + 2) || 'index.html';
    if (name === 'pools') return send(response, 200, 'application/json', JSON.stringify(poolRows()));
    if (name === 'clock') return send(response, 200, 'application/json', JSON.stringify({ monotonicMs: monotonicMs() }));
    if (name === 'next') return sendNext(query, response);
    if (!FILES.has(name)) return refuse(response, 404, 'not found');
    send(response, 200, TYPES[extname(name)] ?? 'application/octet-stream', await readFile(join(folder, name)));
  }

  const limits = {
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: STALL_MS,
    connectionsCheckingInterval: 500,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const server = createServer(limits, (request, response) => {
    const { socket } = request;
    const begin = () => {
      if (socket.destroyed) return;
      busy.set(socket, null);
      response.once('close', () => {
        const next = busy.get(socket) ?? null;
        busy.delete(socket);
        next?.();
      });
      answer(request, response).catch((error: unknown) => {
        console.error(`a request could not be answered: ${error instanceof Error ? error.message : String(error)}`);
        if (response.headersSent) response.destroy();
        else refuse(response, 500, 'the server could not answer; its terminal says why');
      });
    };
    // A browser asks again when it has its answer, which may be a moment before that is known here. Answers to more would gather here.
    if (!busy.has(socket)) begin();
    else if (busy.get(socket) === null) busy.set(socket, begin);
    else socket.destroy();
  });
  server.maxConnections = MAX_CONNECTIONS;
  // Node counts what the other end has read as a sign of life.
  server.setTimeout(STALL_MS);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, HOST, resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no address');
  return {
    url: `http://${HOST}:${address.port}/${token}/`,
    port: address.port,
    close() {
      for (const id of [...sessions.keys()]) end(id);
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type }).end(body);
}

/** Says why not, and takes no further request on the connection. */
function refuse(response: ServerResponse, status: number, why: string): void {
  response.shouldKeepAlive = false;
  send(response, status, 'text/plain', why);
}
