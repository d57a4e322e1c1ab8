// Builds the application into dist/.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildApplication } from './bundle.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
await buildApplication(folder, join(folder, 'dist'));
