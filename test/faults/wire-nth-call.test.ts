// The same as nth-call for pools on the Python package's wire: every system call of every operation fails once, and afterwards nothing is
// left behind. What Cyclone calls is its own; its failures are in dds-nth-call.

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { DdsParticipant } from 'tensor-ipc/dds';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectPythonPool, listPythonPools } from '../../host/wire/inspect';
import { removeDeadPython, removePythonPool } from '../../host/wire/inspect-remove';
import { repairPythonPool } from '../../host/wire/repair';
import { until } from '../support/child';
import { wireTools } from '../wire/support/build';
import { type Peer, WIRE_DOMAIN } from '../wire/support/peers';
import { removeWireObjects } from '../wire/support/shm';
import { configureHere, ours } from '../wire-interop/support/ours';
import { NthCall, type Scenario } from './support/nth-call';
import { Opened, over } from './support/stage';

const test = suite('wire-nth-call');

configureHere();
// Says what is missing where there is none.
const tools = wireTools();

const POOL = `wire_nth_${process.pid}`;
const OTHERS = `wire_nth_others_${process.pid}`;
const WIRE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;
const SEMAPHORE_BYTES = 32;
const COUNTER_BYTES = 8;

type Options = { readonly historyLen: number; readonly backend?: 'numpy' | 'torch' };

const frame = (value = 0) => new Float32Array(4).fill(value);
const produce = (options: Options) => TensorProducer.fromSample(POOL, frame(), { ...options, ...WIRE });
const attach = (pool: string, options: Options) => TensorConsumer.fromSample(pool, frame(), { ...options, ...WIRE });

/** A consumer that has been given a frame. */
async function met(opened: Opened, pool: string, options: Options): Promise<ReturnType<typeof attach>> {
  const consumer = opened.add(attach(pool, options));
  await until(() => consumer.get() !== null, 'the frame is there');
  return consumer;
}

const filesOf = (pool: string) => readdirSync('/dev/shm').filter((file) => file.includes(`tensoripc_${pool}`));

/** What a producer left that was killed: one slot's locks, of which a reader has taken one with it. */
function placeDead({ historyLen }: Options, mutex = 1): void {
  const file = (name: string, bytes: number, first: number) => {
    const content = Buffer.alloc(bytes);
    content.writeUInt32LE(first, 0);
    writeFileSync(`/dev/shm/${name}`, content, { mode: 0o600 });
  };
  file(`tensoripc_${POOL}`, historyLen * 16, 7);
  for (const kind of ['wrt', 'readtry']) file(`sem.tensoripc_${POOL}_f0_${kind}`, SEMAPHORE_BYTES, 1);
  file(`sem.tensoripc_${POOL}_f0_mutex`, SEMAPHORE_BYTES, mutex);
  file(`tensoripc_${POOL}_f0_cnt`, COUNTER_BYTES, 0);
}

function removeFiles(): void {
  for (const file of filesOf(POOL)) if (!file.includes(OTHERS)) rmSync(`/dev/shm/${file}`);
}

/** A stage with a dead producer's files, which go when it ends. */
const overDead = (options: Options, mutex: number, run: () => unknown): Scenario['stage'] =>
  over((opened) => {
    placeDead(options, mutex);
    opened.add({ close: removeFiles });
    return run;
  });

// Kept open: what Cyclone opens for a participant is no trace of an operation.
let participant: DdsParticipant | null = null;
let peer: Peer | null = null;
test.before(async () => {
  if (tools === null) return;
  participant = DdsParticipant.shared({ domainId: WIRE.domainId });
  peer = ours(tools);
  await peer.ask('produce', { name: OTHERS, shape: [4], dtype: 'float32', history_len: 3 });
  await peer.ask('put', { seed: 1 });
});
test.after(async () => {
  participant?.close();
  await peer?.kill();
  // It is killed, and leaves its pool.
  removeWireObjects(OTHERS);
});

const ONE = { historyLen: 1 } as const;
const THREE = { historyLen: 3 } as const;

const SCENARIOS: readonly Scenario[] = [
  { name: 'create', stage: over((opened) => () => opened.add(produce(ONE))) },
  {
    name: 'create where a producer has died',
    stage: over((opened) => {
      placeDead(THREE);
      opened.add({ close: removeFiles });
      return () => opened.add(produce({ ...THREE, backend: 'torch' }));
    }),
  },
  {
    name: 'the first put',
    stage: over((opened) => {
      const producer = opened.add(produce(ONE));
      return () => producer.put(frame(1));
    }),
  },
  {
    name: 'puts around a ring of three, one of them on loan',
    once: true,
    stage: over((opened) => {
      const producer = opened.add(produce({ ...THREE, backend: 'torch' }));
      return async () => {
        producer.put(frame(1));
        const slot = producer.loan();
        if (slot === null) throw new Error('no slot to lend');
        slot.data.fill(2);
        slot.commit();
        await producer.putAsync(frame(3));
        producer.put(frame(4));
      };
    }),
  },
  {
    name: 'attach and get',
    once: true,
    stage: over((opened) => {
      const producer = opened.add(produce(ONE));
      producer.put(frame(3));
      return () => met(opened, POOL, ONE);
    }),
  },
  {
    name: 'attach to another process: frames, windows, views',
    once: true,
    stage: over((opened) => {
      return async () => {
        const consumer = await met(opened, OTHERS, THREE);
        assert.is(consumer.get({ historyLen: 3 })?.data.length, 12);
        consumer.borrow({ historyLen: 2 })?.release();
      };
    }),
  },
  {
    name: 'wait on the event loop',
    once: true,
    stage: over((opened) => {
      const producer = opened.add(produce(ONE));
      producer.put(frame());
      const consumer = opened.add(attach(POOL, ONE));
      return async () => {
        const abort = new AbortController();
        let timer: NodeJS.Timeout | undefined;
        const failed = new Promise<never>((_, reject) => {
          timer = setInterval(() => {
            try {
              producer.put(frame());
            } catch (error) {
              reject(error);
            }
          }, 5);
        });
        try {
          await Promise.race([consumer.next({ signal: abort.signal }), failed]);
        } finally {
          clearInterval(timer);
          abort.abort();
        }
      };
    }),
  },
  {
    name: 'close a producer and a consumer',
    // A name that could not be looked at stays.
    recover: removeFiles,
    stage: async () => {
      const opened = new Opened();
      const producer = opened.add(produce(THREE));
      producer.put(frame());
      const consumer = await met(opened, POOL, THREE);
      const run = () => {
        try {
          producer.close();
        } finally {
          consumer.close();
        }
      };
      return { run, end: () => opened.end() };
    },
  },
  {
    name: 'look',
    once: true,
    stage: over((opened) => {
      opened.add(produce(ONE)).put(frame());
      return () => {
        assert.is(inspectPythonPool(POOL)?.name, POOL);
        assert.ok(listPythonPools().some(({ name }) => name === OTHERS));
      };
    }),
  },
  {
    name: 'remove',
    once: true,
    stage: overDead(ONE, 1, () => {
      // Without its locks, which go first, an object that could not be removed does not look like a pool any more.
      removePythonPool(POOL, { force: !existsSync(`/dev/shm/tensoripc_${POOL}_f0_cnt`) });
      assert.equal(filesOf(`${POOL}_`), []);
      assert.not.ok(existsSync(`/dev/shm/tensoripc_${POOL}`));
    }),
  },
  {
    name: 'sweep',
    once: true,
    // What could not be done is in the report.
    stage: overDead(ONE, 1, () => void removeDeadPython({ dryRun: false, pools: [POOL], minAgeMs: 0 })),
  },
  {
    name: 'repair',
    once: true,
    stage: overDead(ONE, 0, async () => {
      const report = await repairPythonPool(POOL, { observeMs: 1 });
      assert.equal(report?.left, []);
    }),
  },
];

for (const scenario of SCENARIOS) {
  (tools === null ? test.skip : test)(scenario.name, async () => {
    const nth = new NthCall(scenario);
    await nth.run();
    assert.is(nth.failures === 0, scenario.quiet === true, `${nth.failures} calls failed`);
    assert.is(nth.offences.length, 0, `\n${nth.offences.slice(0, 25).join('\n')}\n(${nth.offences.length} in all)`);
  });
}

test.run();
