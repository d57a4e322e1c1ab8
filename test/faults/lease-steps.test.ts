// Two threads at one lease, one of which stands between two of its steps while the other goes on. A hook in Atomics stands for the second
// thread: what it runs comes at exactly that step.

import { type SharedPool, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lease } from '../../host/memory/reference-count';
import { installPlatform, platform } from '../../host/runtime/system';
import { poolName } from '../support/child';

const test = suite('lease steps');

const ELEMENTS = 512;
const frameOf = (value: number) => new Float64Array(ELEMENTS).fill(value);
const TAKEN = 2;
const OVER = 3;

/** The borrower's side of an offer. */
function borrowerOf({ parts }: SharedPool): Lease {
  const { buffer } = parts.memory;
  assert.ok(buffer instanceof SharedArrayBuffer);
  return new Lease(parts.lease, buffer as SharedArrayBuffer);
}

/** Runs `call`, with `between` around one compare-and-exchange at `at`, the first for which `when` is true. */
function interrupted(
  at: number,
  side: 'before' | 'after',
  when: (to: number) => boolean,
  between: () => void,
  call: () => void,
): void {
  const original = Atomics.compareExchange;
  let done = false;
  const hook = (...args: Parameters<typeof original>) => {
    const [array, index, , to] = args;
    const hit = !done && array.byteOffset + 4 * index === at && when(Number(to) & 3);
    if (hit) done = true;
    if (hit && side === 'before') between();
    const result = Reflect.apply(original, Atomics, args);
    if (hit && side === 'after') between();
    return result;
  };
  Reflect.set(Atomics, 'compareExchange', hook);
  try {
    call();
  } finally {
    Reflect.set(Atomics, 'compareExchange', original);
  }
  assert.ok(done, 'the step was reached');
}

/** Pools in the places that have just become free, all of which must work. */
function makePools(count: number): TensorProducer[] {
  return Array.from({ length: count }, (_, i) => {
    const producer = TensorProducer.fromSample(poolName('step'), frameOf(0), { historyLen: 2 });
    producer.put(frameOf(i));
    return producer;
  });
}

function checkPools(producers: readonly TensorProducer[]): void {
  for (const [i, producer] of producers.entries()) {
    using reader = TensorConsumer.attach<Float64Array>(producer.name);
    assert.is(reader.get()?.data[0], i);
    assert.is(producer.put(frameOf(100 + i)), 1);
    assert.is(reader.get()?.data[ELEMENTS - 1], 100 + i);
  }
}

test('a borrower that could not use its lease touches nothing after it has given it up', () => {
  const first = TensorProducer.fromSample(poolName('step'), frameOf(0), { historyLen: 2 });
  const shared = first.share();
  const borrower = borrowerOf(shared);
  assert.ok(borrower.claim());
  let others: TensorProducer[] = [];
  // The owner closes its pool as soon as the word says OVER: the places of handles and counts are the next pools'.
  const owner = () => {
    first.close();
    others = makePools(6);
  };
  interrupted(
    shared.parts.lease.at,
    'after',
    (to) => to === OVER,
    owner,
    () => borrower.unclaim(),
  );
  try {
    checkPools(others);
  } finally {
    for (const producer of others) producer.close();
  }
});

test('a borrower that takes its lease as the owner gives it up has it', () => {
  const original = platform();
  let laterMs = 0;
  installPlatform({ ...original, steadyMs: () => original.steadyMs() + laterMs });
  const system = original.system();
  using producer = TensorProducer.fromSample(poolName('step'), frameOf(0), { historyLen: 2 });
  let fd: number | null = null;
  try {
    const shared = producer.share();
    const { lease, fd: ownerFd } = shared.parts;
    const borrower = borrowerOf(shared);
    assert.ok(borrower.claim());
    fd = system.reopen(ownerFd);
    assert.ok(fd !== null && system.tryLock(fd, lease.lockByte));
    // The owner sees it claimed, and sees it again when its patience is over: at that moment the borrower goes on.
    producer.share();
    laterMs = 60_000;
    let took = false;
    interrupted(
      lease.at,
      'before',
      (to) => to === OVER,
      () => {
        took = borrower.take();
      },
      () => void producer.share(),
    );
    assert.ok(took);
    assert.is(borrower.state, TAKEN, 'the borrower still has it');
    // Its end is noticed all the same.
    system.close(fd);
    fd = null;
    producer.share();
    assert.is.not(borrower.state, TAKEN);
  } finally {
    if (fd !== null) system.close(fd);
    installPlatform(original);
  }
});

test.run();
