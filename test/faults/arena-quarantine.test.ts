// Ranges of ended pools: which is used again, and when.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reserveInArena } from '../../host/memory/arena';
import { platform } from '../../host/runtime/system';
import { sleep } from '../support/child';
import 'tensor-ipc';

const test = suite('quarantine');
const BYTES = 256 << 20;
const gc = (globalThis as { gc?: () => void }).gc;

/** A range that was a pool's: where it is, and an array over it. */
function ended(): { address: number; array: Uint8Array } {
  const place = reserveInArena(platform().system(), BYTES);
  if (place === null) throw new Error('no range');
  const { arena, space } = place;
  const array = new Uint8Array(space.buffer, space.byteOffset, 64).subarray(8);
  arena.retire(space);
  return { address: space.address, array };
}

const overlap = (a: number, b: number) => Math.abs(a - b) < BYTES;

test('a range is used again only when there is no other, and by then one that nobody can reach', async () => {
  const kept = ended();
  const seen = [kept.address];
  // Without a turn of the event loop nothing is known to be out of reach: other memories are made, 15 ranges each.
  for (let i = 0; i < 40; i++) {
    const { address } = ended();
    for (const [before, other] of seen.entries()) assert.not.ok(overlap(address, other), `range ${i} is range ${before} again`);
    seen.push(address);
  }
  let again = 0;
  for (let i = 0; i < 200; i++) {
    if (i % 10 === 0) {
      await sleep(1);
      gc?.();
    }
    const { address } = ended();
    assert.not.ok(overlap(address, kept.address), `after ${i}: the array that is kept lies there`);
    if (seen.some((other) => overlap(address, other))) again += 1;
    seen.push(address);
  }
  assert.ok(again > 100, 'the others are used again');
  assert.is(kept.array[0], 0);
});

test('when arrays of all are kept and addresses run out, the oldest goes first', async () => {
  await sleep(1);
  gc?.();
  const kept: ReturnType<typeof ended>[] = [];
  for (;;) {
    const next = ended();
    const reused = kept.findIndex(({ address }) => overlap(address, next.address));
    kept.push(next);
    if (reused < 0) {
      assert.ok(kept.length < 100);
      continue;
    }
    // The first test has left some behind, which are older; the one that it keeps may be among them.
    assert.ok(kept.length > 40, `${kept.length} ranges before one was used again`);
    assert.ok(reused < 2, `range ${reused} of ${kept.length}`);
    return;
  }
});

test.run();
