// Every system call of every operation on a native pool fails once, in each way that it may. Afterwards nothing is left behind: no file, no
// descriptor, no lock, no handle, no range of memory; the error is the library's; and a second try succeeds.

import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import {
  type Frame,
  inspect,
  list,
  type SharedPool,
  TensorConsumer,
  TensorIpcError,
  type TensorIpcErrorCode,
  TensorProducer,
  type View,
} from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONSUMER_BYTES, HEADER_ARMED, HEADER_BYTES, HEADER_PRODUCER_WAITING, LOCK_PRODUCER } from '../../assembly/layout';
import { removeDead, removePool } from '../../host/native/inspect-remove';
import { Child, leftovers } from '../support/child';
import { libc, NthCall, type Scenario } from './support/nth-call';
import { over } from './support/stage';

const test = suite('nth-call');

const POOL = `nth-${process.pid}`;
const PATH = `/dev/shm/tensoripc.${POOL}`;
const BELL = `tensoripc-bell.${POOL}.00000000000000aa`;
const HISTORY = 2;
const ELEMENTS = 4;

type Producer = TensorProducer<Float64Array>;
type Consumer = TensorConsumer<Float64Array>;

const frame = (value = 0) => new Float64Array(ELEMENTS).fill(value);
const produce = (options: object = {}): Producer => TensorProducer.fromSample(POOL, frame(), { historyLen: HISTORY, ...options });
const create = () => TensorProducer.create(POOL, frame(), { historyLen: HISTORY });
const attach = (options: object = {}): Consumer => TensorConsumer.attach<Float64Array>(POOL, options);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a producer of this form left that was killed after its first frame. */
let deadImage: Buffer;

test.before(async () => {
  const child = new Child('peer');
  await child.ask({ op: 'produce', pool: POOL, elements: ELEMENTS, options: { historyLen: HISTORY } });
  await child.ask({ op: 'put', value: 1 });
  await child.kill();
  deadImage = readFileSync(PATH);
  TensorProducer.fromSample(POOL, frame(), { historyLen: HISTORY }).close();
});

/** Table entry and doorbell of a consumer that was killed while it waited and held a view of the first frame. */
let deadConsumer: { image: Buffer; doorbell: string };

test.before(async () => {
  using producer = produce();
  producer.put(frame());
  const child = new Child('peer');
  await child.ask({ op: 'consume', pool: POOL });
  await child.ask({ op: 'listen' });
  await child.ask({ op: 'borrow' });
  await child.kill();
  const doorbell = leftovers(POOL).find((file) => file.startsWith('tensoripc-bell.')) as string;
  deadConsumer = { image: readFileSync(PATH), doorbell };
});

function placeDeadConsumer(): void {
  const { system } = libc;
  const fd = openSync(PATH, 'r+');
  // The bits of the armed and of the borrowers, and the first entry of the table.
  for (const [from, to] of [
    [HEADER_ARMED, HEADER_PRODUCER_WAITING],
    [HEADER_BYTES, HEADER_BYTES + CONSUMER_BYTES],
  ] as const)
    writeSync(fd, deadConsumer.image, from, to - from, from);
  closeSync(fd);
  system.closeDoorbell(system.createFifo(deadConsumer.doorbell, 0o600));
}

const placeDead = () => writeFileSync(PATH, deadImage, { mode: 0o600 });

function placeAbandonedDoorbell(): void {
  const { system } = libc;
  system.closeDoorbell(system.createFifo(BELL, 0o600));
}

/** A wait for the next frame that ends with the call, however that ends. */
async function patiently(consumer: Consumer, use: (next: Promise<Frame<Float64Array> | null>) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  const next = consumer.next({ signal: abort.signal });
  try {
    await use(next);
  } finally {
    abort.abort();
    await next.catch(() => null);
  }
}

const expectCode = (code: string, call: () => unknown) => {
  try {
    call();
  } catch (error) {
    if (error instanceof TensorIpcError && error.code === code) return;
    throw error;
  }
  throw new Error(`expected ${code}`);
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'create', stage: over((opened) => () => opened.add(produce())) },
  {
    name: 'create under a name that consumers wait for, one of them dead',
    stage: over((opened) => {
      placeAbandonedDoorbell();
      opened.add({ close: () => libc.system.unlinkDoorbell(BELL) });
      const consumer = opened.add(attach());
      consumer.on('frame', () => {});
      return async () => {
        await sleep(0);
        opened.add(produce());
      };
    }),
  },
  {
    name: 'create in turns',
    stage: over((opened) => async () => void opened.add(await create())),
  },
  {
    name: 'take over in turns',
    stage: over((opened) => {
      placeDead();
      return async () => assert.is(opened.add(await create()).nextSequence, 1);
    }),
  },
  {
    name: 'open in turns',
    stage: over((opened) => {
      opened.add(produce()).put(frame(7));
      return async () => {
        const consumer = await TensorConsumer.open<Float64Array>(POOL);
        assert.is(opened.add(consumer).get()?.data[0], 7);
      };
    }),
  },
  {
    name: 'take over',
    stage: over((opened) => {
      placeDead();
      return () => assert.is(opened.add(produce()).nextSequence, 1);
    }),
  },
  {
    name: 'take over in another form',
    stage: over((opened) => {
      placeDead();
      return () => assert.is(opened.add(produce({ historyLen: 3 })).nextSequence, 0);
    }),
  },
  {
    name: 'attach',
    stage: over((opened) => {
      opened.add(produce()).put(frame(7));
      return () => assert.is(opened.add(attach()).get()?.data[0], 7);
    }),
  },
  {
    name: 'attach for every frame, mapped read-only',
    stage: over((opened) => {
      opened.add(produce()).put(frame(7));
      return async () => {
        const consumer = opened.add(attach({ delivery: 'all', from: 'oldest', protect: true }));
        assert.is((await consumer.next())?.data[0], 7);
      };
    }),
  },
  {
    name: 'put, get, borrow and loan make no system call that can fail',
    quiet: true,
    stage: over((opened) => {
      const producer = opened.add(produce());
      const consumer = opened.add(attach());
      return () => {
        producer.put(frame(1));
        producer.loan().commit();
        consumer.get({ historyLen: 2 });
        consumer.borrow()?.release();
      };
    }),
  },
  {
    name: 'next',
    stage: over((opened) => {
      const producer = opened.add(produce());
      const consumer = opened.add(attach());
      return () =>
        patiently(consumer, async (next) => {
          await Promise.race([next, sleep(0)]);
          producer.put(frame(3));
          assert.is((await next)?.data[0], 3);
        });
    }),
  },
  {
    name: 'next before there is a pool',
    stage: over((opened) => {
      const consumer = opened.add(attach());
      let producer: Producer | null = null;
      return () =>
        patiently(consumer, async (next) => {
          await Promise.race([next, sleep(0)]);
          producer ??= opened.add(produce());
          producer.put(frame(3));
          assert.is((await next)?.data[0], 3);
        });
    }),
  },
  {
    name: 'a loop over frames',
    stage: over((opened) => {
      const producer = opened.add(produce());
      const consumer = opened.add(attach());
      return async () => {
        const loop = consumer.frames({ borrow: true });
        try {
          for (let count = 0; count < 2; count++) {
            const step = loop.next();
            await Promise.race([step, sleep(0)]);
            producer.put(frame());
            (await step).value?.release();
          }
        } finally {
          await loop.return?.();
        }
      };
    }),
  },
  {
    name: 'a listener',
    stage: over((opened) => {
      const producer = opened.add(produce());
      const consumer = opened.add(attach());
      return async () => {
        const heard = new Promise((resolve) => consumer.once('frame', resolve));
        consumer.on('error', () => {});
        await sleep(0);
        producer.put(frame());
        await heard;
      };
    }),
  },
  {
    name: 'waitSync',
    stage: over((opened) => {
      opened.add(produce());
      const consumer = opened.add(attach());
      return () => assert.not.ok(consumer.waitSync(100));
    }),
  },
  {
    name: 'put behind a view',
    stage: over((opened) => {
      const producer = opened.add(produce({ waitTimeoutMs: 5 }));
      const consumer = opened.add(attach());
      producer.put(frame());
      const view = consumer.borrow() as View<Float64Array>;
      const capacity = inspect(POOL)?.slotCapacity ?? 0;
      opened.add({ close: () => view.release() });
      return () =>
        expectCode('PIN_TIMEOUT', () => {
          for (let i = 0; i < capacity; i++) producer.put(frame());
        });
    }),
  },
  {
    name: 'put behind a view of a dead consumer',
    stage: over((opened) => {
      const producer = opened.add(produce({ waitTimeoutMs: 5 }));
      producer.put(frame());
      placeDeadConsumer();
      opened.add({ close: () => libc.system.unlinkDoorbell(deadConsumer.doorbell) });
      const capacity = inspect(POOL)?.slotCapacity ?? 0;
      return () => {
        for (let i = 0; i < capacity; i++) producer.put(frame());
        assert.is(inspect(POOL)?.consumers.length, 0);
      };
    }),
  },
  {
    name: 'putAsync behind a view',
    stage: over((opened) => {
      const producer = opened.add(produce());
      const consumer = opened.add(attach());
      producer.put(frame());
      const view = consumer.borrow() as View<Float64Array>;
      const capacity = inspect(POOL)?.slotCapacity ?? 0;
      opened.add({ close: () => view.release() });
      return async () => {
        const puts = Promise.all(Array.from({ length: capacity + 1 }, () => producer.putAsync(frame())));
        await Promise.race([puts, sleep(5)]);
        view.release();
        await puts;
      };
    }),
  },
  {
    name: 'share, and read what was shared',
    stage: over((opened) => {
      const producer = opened.add(produce());
      producer.put(frame(5));
      let shared: SharedPool | null = null;
      return () => {
        shared ??= producer.share();
        const offer = shared;
        shared = null;
        const reader = opened.add(TensorConsumer.fromShared<Float64Array>(offer));
        assert.is(reader.get()?.data[0], 5);
      };
    }),
  },
  {
    name: 'list and inspect',
    stage: over((opened) => {
      opened.add(produce()).put(frame());
      const consumer = opened.add(attach());
      consumer.on('frame', () => {});
      return () => {
        const failed = list().find(({ name, error }) => name === POOL && error !== null);
        if (failed?.error) throw failed.error;
        assert.is(inspect(POOL)?.consumers.length, 1);
      };
    }),
  },
  {
    name: 'remove what is dead',
    stage: over((opened) => {
      placeDead();
      opened.add({ close: () => void removePool(POOL, { force: true }) });
      return () => {
        const [removal] = removeDead({ dryRun: false, pools: [POOL] });
        if (removal?.action === 'unknown') {
          const errno =
            /failed with (E[A-Z]+)/.exec(removal.reason)?.[1] ?? (/another user/.test(removal.reason) ? 'EACCES' : undefined);
          const code = removal.reason.split(':', 1)[0] as TensorIpcErrorCode;
          throw new TensorIpcError(code, removal.reason, { syscall: 'any', ...(errno === undefined ? {} : { errno }) });
        }
      };
    }),
  },
  {
    name: 'remove one pool',
    stage: over((opened) => {
      placeDead();
      placeAbandonedDoorbell();
      opened.add({ close: () => libc.system.unlinkDoorbell(BELL) });
      return () => removePool(POOL, { force: false });
    }),
  },
  {
    name: 'close a producer that has waiting consumers',
    recover: () => produce().close(),
    stage: over((opened) => {
      const producer = opened.add(produce());
      opened.add(attach()).on('frame', () => {});
      return async () => {
        await sleep(0);
        producer.close();
      };
    }),
  },
  {
    name: 'close a consumer that waits',
    stage: over((opened) => {
      opened.add(produce());
      const consumer = opened.add(attach());
      consumer.on('frame', () => {});
      return async () => {
        await sleep(0);
        consumer.close();
        assert.ok(consumer.closed);
      };
    }),
  },
  {
    name: 'close a consumer whose view is out',
    stage: over((opened) => {
      opened.add(produce()).put(frame());
      const consumer = opened.add(attach());
      const view = consumer.borrow() as View<Float64Array>;
      return () => {
        consumer.close();
        view.release();
      };
    }),
  },
  {
    name: 'the next pool after the producer closed',
    stage: over((opened) => {
      const first = produce();
      const consumer = opened.add(attach());
      first.close();
      opened.add(produce()).put(frame(9));
      return () => {
        // The first look finds the old pool closed, the second the new one.
        const found = consumer.get() ?? consumer.get();
        assert.is(found?.data[0], 9);
      };
    }),
  },
  {
    name: 'the next producer after one that died, without a frame lost',
    once: true,
    stage: over((opened) => {
      placeDead();
      const { system } = libc;
      const fd = system.openObject(`/tensoripc.${POOL}`) as number;
      assert.ok(system.tryLock(fd, LOCK_PRODUCER));
      const consumer = opened.add(attach({ delivery: 'all', from: 'oldest' }));
      system.close(fd);
      let successor: Producer | null = null;
      let last = -1;
      const take = () => {
        last = consumer.tryNext()?.sequence ?? last;
      };
      return () => {
        take();
        // It notices the death within 150 ms.
        while (successor === null && consumer.connected) consumer.waitSync(200);
        if (successor === null) {
          successor = opened.add(produce());
          successor.put(frame(2));
        }
        take();
        assert.is(last, 1);
      };
    }),
  },
];

for (const scenario of SCENARIOS) {
  test(scenario.name, async () => {
    const nth = new NthCall(scenario);
    await nth.run();
    assert.is(nth.failures === 0, scenario.quiet === true, `${nth.failures} calls failed`);
    assert.is(nth.offences.length, 0, `\n${nth.offences.slice(0, 25).join('\n')}\n(${nth.offences.length} in all)`);
  });
}

test.run();
