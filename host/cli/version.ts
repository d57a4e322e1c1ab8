// The version of the package that this program belongs to.

import { version } from '../../package.json';

/** Put in when the program was built: nothing is looked up where it runs (Deno would ask for permission to read). */
export function packageVersion(): string {
  return version;
}
