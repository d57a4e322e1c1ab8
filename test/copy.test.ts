import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { copyFromShared, copyToShared } from '../host/memory/copy';
import { platform } from '../host/runtime/system';
import 'tensor-ipc';

// Sizes on both sides of each threshold: loop, TypedArray.set, memcpy.
for (const elements of [1, 16, 17, 255, 256, 257, 5000]) {
  test(`${elements} words arrive, in both directions, and nothing beside them`, () => {
    const system = platform().system();
    const shared = new Uint32Array(new SharedArrayBuffer((elements + 2) * 4));
    const view = shared.subarray(1, elements + 1);
    const from = Uint32Array.from({ length: elements }, (_, i) => Math.imul(i + 1, 0x9e3779b1));
    copyToShared(system, view, system.addressOf(view), from);
    assert.equal([...view], [...from]);
    assert.equal([shared[0], shared[elements + 1]], [0, 0]);
    const to = new Uint32Array(elements + 1);
    copyFromShared(system, to.subarray(0, elements), view, system.addressOf(view), elements * 4);
    assert.equal([...to.subarray(0, elements)], [...from]);
    assert.is(to[elements], 0);
  });

  test(`${elements} words between arrays of different types: bits, not numbers`, () => {
    const system = platform().system();
    const view = new Float32Array(new SharedArrayBuffer(elements * 4 + 1024), 0, elements);
    const from = Uint32Array.from({ length: elements }, (_, i) => 0x3f800000 + i);
    copyToShared(system, view, system.addressOf(view), from);
    assert.is(view[0], 1);
    const to = new Uint32Array(Math.max(elements, 64));
    copyFromShared(system, to.subarray(0, elements), view, system.addressOf(view), elements * 4);
    assert.equal([...to.subarray(0, elements)], [...from]);
  });
}

test.run();
