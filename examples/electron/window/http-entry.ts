// The window in a browser, served by serve.ts.

import { startApp } from './app';
import { HttpSource } from './http-source';

const source = new HttpSource();
await source.synchronise();
startApp(source, new URL(location.href).searchParams.get('pool'));
