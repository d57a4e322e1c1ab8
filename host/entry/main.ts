// The one entry point. It finds out where it runs, because export conditions would not tell: a bundle made for Node also runs in
// Bun, and would wait for ever there.

import process from 'node:process';
import { bunPlatform } from '../adapter/bun';
import { denoPlatform } from '../adapter/deno';
import { nodePlatform } from '../adapter/node';
import { installPlatform } from '../runtime/system';

// Deno and Bun also claim to be a Node.
if ('deno' in process.versions) installPlatform(denoPlatform);
else if ('bun' in process.versions) installPlatform(bunPlatform);
else installPlatform(nodePlatform);

export * from '../index';
