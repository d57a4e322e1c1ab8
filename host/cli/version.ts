// The version of the package that this program belongs to.

import { readFileSync } from 'node:fs';

/** Read when asked for: bundled or not, the program lies two folders below package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
