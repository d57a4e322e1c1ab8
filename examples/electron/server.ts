// A loopback HTTP server for the window: the page, the list of pools, and the frames, one for each request.
//
// Why a request a frame and not an endless stream: what has been written to a socket cannot be taken back, so a slow page would
// see frames that lay in buffers for seconds. A page that asks gets what is newest when it asks; it skips, and never lags.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { bytesOf, monotonicMs, PoolReader, poolRows } from './pool-reader';

const HOST = '127.0.0.1';
/** A page asks at least once a second; the readers of one that went away are closed. */
const IDLE_MS = 5000;
/** Pages open at a time, and pools they look at: more would be somebody's mistake. */
const MAX_READERS = 32;

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
  readonly reader: PoolReader;
  idle: NodeJS.Timeout;
}

/** Serves the built window in `folder`. `port` 0 takes a free one. */
export async function serveWindow(folder: string, port = 0): Promise<WindowServer> {
  // Pages of other sites may send requests to this port, but cannot guess where to.
  const token = randomBytes(24).toString('base64url');
  const sessions = new Map<string, Session>();

  function end(id: string): void {
    const session = sessions.get(id);
    if (session === undefined) return;
    clearTimeout(session.idle);
    session.reader.close();
    sessions.delete(id);
  }

  function sessionOf(id: string, pool: string): Session | null {
    const idle = () => setTimeout(() => end(id), IDLE_MS).unref();
    const session = sessions.get(id);
    if (session !== undefined) {
      clearTimeout(session.idle);
      session.idle = idle();
      return session;
    }
    if (sessions.size >= MAX_READERS) return null;
    const begun = { reader: new PoolReader(pool), idle: idle() };
    sessions.set(id, begun);
    return begun;
  }

  async function sendNext(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const [id, pool] = [query.get('stream') ?? '', query.get('pool') ?? ''];
    const session = id === '' || pool === '' ? null : sessionOf(id, pool);
    if (session === null) {
      send(response, 400, 'text/plain', 'expected a stream and a pool, or there are too many streams');
      return;
    }
    // Who hangs up does not come back for this stream.
    response.once('close', () => {
      if (!response.writableFinished) end(id);
    });
    const update = await session.reader.next();
    if (update === null || response.destroyed) {
      response.destroy();
      return;
    }
    const isState = 'kind' in update;
    const json = Buffer.from(JSON.stringify(isState ? update : update.header));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(json.length);
    const bytes = isState ? new Uint8Array(0) : bytesOf(update.frame);
    const length = head.length + json.length + bytes.length;
    response.writeHead(200, { ...HEADERS, 'content-type': 'application/octet-stream', 'content-length': length });
    response.write(Buffer.concat([head, json]));
    // The copy that `next` made goes to the socket as it is, and its memory serves for a later frame.
    response.end(bytes, () => {
      if (!isState) update.frame.release();
    });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = server.address();
    const own = typeof address === 'object' && address !== null ? address.port : 0;
    // A name that somebody made point to 127.0.0.1 (DNS rebinding) is not ours.
    const { host = '' } = request.headers;
    if (host !== `${HOST}:${own}` && host !== `localhost:${own}`) return send(response, 421, 'text/plain', 'wrong host');
    const { pathname, searchParams } = new URL(request.url ?? '/', `http://${HOST}`);
    if (request.method !== 'GET' || !pathname.startsWith(`/${token}/`)) return send(response, 404, 'text/plain', 'not found');
    const name = pathname.slice(token.length + 2) || 'index.html';
    if (name === 'pools') return send(response, 200, 'application/json', JSON.stringify(poolRows()));
    if (name === 'clock') return send(response, 200, 'application/json', JSON.stringify({ monotonicMs: monotonicMs() }));
    if (name === 'next') return sendNext(searchParams, response);
    if (!FILES.has(name)) return send(response, 404, 'text/plain', 'not found');
    send(response, 200, TYPES[extname(name)] ?? 'application/octet-stream', await readFile(join(folder, name)));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else send(response, 500, 'text/plain', String(error));
    });
  });
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
