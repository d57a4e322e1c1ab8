// Runs in the renderer beside the page, with `sandbox: false` and so with Node: it reads the pools and hands the frames over.
//
// What is copied where, from the shared pages to the canvas:
// 1. `consumer.next()` copies the frame out of the pool into an ArrayBuffer: the one copy, after which the producer may go on.
// 2. To the page it goes by a MessagePort's transfer: moved, not copied. contextBridge would clone it, and allow no transfer.
//    With `contextIsolation` (left on) the two worlds share a process and a thread, but no objects; the port is what connects them.
// 3. The page transfers it on to the drawing worker, which converts it into the canvas's RGBA: a conversion, for RGB unavoidable.
// The page sees neither Node nor this file: all it can do is to ask over the port for the list of pools and for frames.

import { type Port, servePort } from './port-server';

let served: { close(): void } | null = null;

addEventListener('message', ({ data, source }) => {
  // The page says when it listens, and again after a reload.
  if (source !== window || data !== 'tensor-ipc-window-ready') return;
  served?.close();
  const { port1, port2 } = new MessageChannel();
  const port: Port = {
    postMessage: (message, transfer) => port1.postMessage(message, transfer),
    onmessage: null,
  };
  port1.onmessage = (event) => port.onmessage?.(event);
  served = servePort(port);
  postMessage('tensor-ipc-port', location.origin, [port2]);
});
addEventListener('beforeunload', () => served?.close());
