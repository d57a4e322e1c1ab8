// The window where somebody hands it a MessagePort: in Electron the preload does.

import { startApp } from './app';
import { PortSource } from './port-source';

addEventListener('message', ({ data, ports, source }) => {
  // Only from this very window: what the preload posts comes from here.
  if (source !== window || data !== 'tensor-ipc-port' || ports[0] === undefined) return;
  startApp(new PortSource(ports[0]), new URL(location.href).searchParams.get('pool'));
});
// The preload may be the first to be ready, or we.
postMessage('tensor-ipc-window-ready', location.origin);
