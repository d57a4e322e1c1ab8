// A range whose pages could not be unmapped when its pool ended is kept for the arrays that are left of it all the same.

import 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Arena } from '../../host/memory/arena';
import { platform } from '../../host/runtime/system';

const test = suite('uncleared range');

test('a range that is cleared at the second try is not given out while an array over it is kept', () => {
  const system = platform().system();
  let failures = 1;
  const failing = new Proxy(system, {
    get(target, key) {
      if (key === 'unmapFixed' && failures > 0) {
        return () => {
          failures -= 1;
          throw new Error('no memory for another map');
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const arena = new Arena(failing, new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true }));
  const half = Math.floor(arena.freeBytes / 2 / system.pageBytes) * system.pageBytes;
  const ended = arena.reserve(half);
  const open = arena.reserve(half);
  assert.ok(ended !== null && open !== null);
  const kept = new Uint8Array(ended.buffer, ended.byteOffset, half);
  assert.throws(() => arena.retire(ended), /another map/);
  assert.is(arena.reserve(half, 'unreachable'), null, 'an array is left of the only range that fits');
  assert.is(kept[0], 0);
  assert.is(arena.reserve(half, 'any')?.byteOffset, ended.byteOffset, 'unless there is no other');
});

test.run();
