// What a core dump of a process holds: not the frames of its pools, which are other people's data and may be gigabytes.

import { readFileSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

interface Area {
  readonly start: number;
  readonly end: number;
  readonly path: string;
  readonly flags: readonly string[];
}

/** The memory areas of this process. proc_pid_smaps(5): VmFlags "dd" says that an area is left out of core dumps. */
function areas(): Area[] {
  const found: Area[] = [];
  let head: RegExpExecArray | null = null;
  for (const line of readFileSync('/proc/self/smaps', 'latin1').split('\n')) {
    const first = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (first !== null) head = first;
    else if (line.startsWith('VmFlags:') && head !== null) {
      const [start, end] = [head[1], head[2]].map((text) => Number.parseInt(text as string, 16)) as [number, number];
      found.push({ start, end, path: head[3] as string, flags: line.slice(8).trim().split(' ') });
    }
  }
  return found;
}

const FRAME = new Float32Array(64 * 1024);

test('the pages of a pool are left out of core dumps, in producer and consumer', () => {
  const name = `dump-${process.pid}`;
  using producer = TensorProducer.fromSample(name, FRAME);
  using consumer = TensorConsumer.attach(name);
  producer.put(FRAME);
  assert.ok(consumer.get());
  const mapped = areas().filter(({ path }) => path.includes(`tensoripc.${name}`));
  assert.ok(mapped.length >= 4, 'each side maps the frames twice');
  for (const { path, flags } of mapped) assert.ok(flags.includes('dd'), `${path}: ${flags.join(' ')}`);
});

test('so is the memory that they are mapped over, before and after', () => {
  const name = `dump-around-${process.pid}`;
  const producer = TensorProducer.fromSample(name, FRAME);
  const mapped = areas().filter(({ path }) => path.includes(`tensoripc.${name}`));
  producer.close();
  const [start, end] = [Math.min(...mapped.map((area) => area.start)), Math.max(...mapped.map((area) => area.end))];
  // What lies there now, and what is left of the engine's memory behind it.
  const around = areas().filter((area) => area.end > start && area.start < end + 4096 && area.flags.includes('wr'));
  assert.ok(around.length > 0);
  for (const { path, flags } of around) assert.ok(flags.includes('dd'), `${path}: ${flags.join(' ')}`);
});

test.run();
