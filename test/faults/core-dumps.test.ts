// Frames are not in core dumps: the kernel's flag "dd" on every map of a pool, and on the memory that pools lie in.

import { readFileSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { anyArena } from '../../host/memory/arena';
import { platform } from '../../host/runtime/system';
import { poolName } from '../support/child';

const test = suite('core dumps');

interface Area {
  readonly from: bigint;
  readonly to: bigint;
  readonly path: string;
  readonly flags: readonly string[];
}

function areas(): Area[] {
  const found: { from: bigint; to: bigint; path: string; flags: string[] }[] = [];
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (head !== null) found.push({ from: BigInt(`0x${head[1]}`), to: BigInt(`0x${head[2]}`), path: head[3] ?? '', flags: [] });
    else if (line.startsWith('VmFlags:')) found.at(-1)?.flags.push(...line.slice(8).trim().split(' '));
  }
  return found;
}

function dumped(): Area[] {
  const { address, buffer } = anyArena(platform().system());
  const [from, to] = [BigInt(address), BigInt(address + buffer.byteLength)];
  return areas().filter(
    (area) => (area.path.includes('tensoripc.') || (area.from < to && area.to > from)) && !area.flags.includes('dd'),
  );
}

test('neither pages nor what they leave behind are dumped', () => {
  const name = poolName('dump');
  const producer = TensorProducer.fromSample(name, new Float64Array(4096), { historyLen: 3 });
  const reader = TensorConsumer.attach(name, { protect: true });
  producer.put(new Float64Array(4096).fill(1));
  assert.ok(areas().filter(({ path }) => path.includes(`tensoripc.${name}`)).length >= 4, 'control block and frames of both');
  assert.equal(dumped(), [], 'while they are open');
  reader.close();
  assert.equal(dumped(), [], 'when one has left');
  producer.close();
  assert.equal(dumped(), [], 'after the end');
  using again = TensorProducer.fromSample(name, new Float64Array(4096));
  again.put(new Float64Array(4096));
  assert.equal(dumped(), [], 'and of the next');
});

test.run();
