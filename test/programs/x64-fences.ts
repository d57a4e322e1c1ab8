// Runs the three functions of the core that have a fence, once each, and prints which full barriers the machine code has that the engine
// has made since it started: node x64-fences.mjs release|unfenced.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { runFenced } from '../support/core-fences';
import { type CoreLabel, coreBytes } from '../support/core-modules';

/** mfence, and `lock or` of nothing to the top of the stack, which does the same: with a short and a long operand. */
const BARRIERS = ['0faef0', 'f0830c2400', 'f048830c2400', 'f083042400', 'f04883042400'];

runFenced(coreBytes(process.argv[2] as CoreLabel));

// Code that comes from no file is what the engine has compiled.
const ranges = readFileSync('/proc/self/maps', 'latin1').matchAll(/^([0-9a-f]+)-([0-9a-f]+) ..x. [0-9a-f]+ \S+ 0 *$/gm);
const memory = openSync('/proc/self/mem', 'r');
let barriers = 0;
let bytes = 0;
for (const [, from, to] of ranges) {
  const start = Number.parseInt(from as string, 16);
  const code = Buffer.alloc(Number.parseInt(to as string, 16) - start);
  // Pages of a range that nobody has written to are there as well: zeros.
  bytes += readSync(memory, code, 0, code.length, start);
  for (const barrier of BARRIERS) {
    const wanted = Buffer.from(barrier, 'hex');
    for (let at = code.indexOf(wanted); at >= 0; at = code.indexOf(wanted, at + 1)) barriers += 1;
  }
}
closeSync(memory);
console.log(JSON.stringify({ barriers, bytes }));
