// The one entry point. It finds out where it runs, because export conditions would not tell: a bundle made for Node also runs in
// Bun, and would wait for ever there.

// The types name Disposable, which no ES version's library has yet.
/// <reference lib="esnext.disposable" preserve="true" />

import process from 'node:process';
import { bunPlatform } from '../adapter/bun';
import { openDds } from '../adapter/common';
import { denoDds, denoPlatform } from '../adapter/deno';
import { nodePlatform } from '../adapter/node';
import { type DdsLibrary, installDds } from '../dds/library';
import { installPlatform, type Platform } from '../runtime/system';

function install(platform: Platform, dds: () => DdsLibrary): void {
  installPlatform(platform);
  installDds(dds);
}

// Deno and Bun also claim to be a Node.
if ('deno' in process.versions) install(denoPlatform, denoDds);
else if ('bun' in process.versions) install(bunPlatform, openDds);
else install(nodePlatform, openDds);

export * from './api';
