// A worker thread that knows nothing of pools: it is sent typed arrays, and adds up or paints what they show.

import { parentPort } from 'node:worker_threads';
import { paint } from '../support/picture';

type Request = { readonly read: Uint8Array } | { readonly fill: Uint8Array; readonly seed: number };

parentPort?.on('message', (request: Request) => {
  if ('read' in request) parentPort?.postMessage(request.read.reduce((total, byte) => total + byte, 0));
  else parentPort?.postMessage(paint(request.fill, request.seed).length);
});
