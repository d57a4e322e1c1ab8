// Who has a Python pool mapped is all that tells the living from the dead. A process that cannot look into /proc at the moment knows nothing:
// it takes nobody for dead.

import { existsSync } from 'node:fs';
import { TensorConsumer, TensorIpcError } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { removeDeadPython, removePythonPool } from '../../host/wire/inspect-remove';
import { repairPythonPool } from '../../host/wire/repair';
import { until } from '../support/child';
import { type Peer, WIRE_DOMAIN, wireTools } from '../wire/support/peers';
import { configureHere, ours } from '../wire-interop/support/ours';
import { libc } from './support/nth-call';

const test = suite('proc-unseen');

configureHere();
// Says what is missing where there is none.
const tools = wireTools();
const run = tools === null ? test.skip : test;

const POOL = `proc_unseen_${process.pid}`;
const OBJECT = `/dev/shm/tensoripc_${POOL}`;
const WIRE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;

async function produced(): Promise<Peer> {
  const peer = ours(tools as NonNullable<typeof tools>);
  await peer.ask('produce', { name: POOL, shape: [4], dtype: 'float32', history_len: 2 });
  await peer.ask('put', { seed: 1 });
  return peer;
}

/** The first look that opens a file of this name in /proc fails, and those that come after it. */
function blind(look: () => unknown, name: RegExp): void {
  libc.disarm();
  libc.count();
  look();
  const index = libc
    .counted()
    .filter(({ proc }) => proc)
    .findIndex((call) => call.name === 'open' && call.path !== null && name.test(call.path));
  assert.ok(index >= 0, 'it looks into /proc');
  libc.arm(index, { errno: 'EMFILE', times: Infinity }, true);
}

const told = (error: unknown) =>
  error instanceof TensorIpcError && error.code === 'SYSTEM' && error.errno === 'EMFILE' && error.syscall === 'open';

for (const name of [/^\/proc$/, /maps$/]) {
  run(
    `a pool that only a reader has mapped is neither swept, removed nor repaired where ${name.source} cannot be opened`,
    async () => {
      await using peer = await produced();
      using consumer = TensorConsumer.attach(POOL, WIRE);
      consumer.on('error', () => {});
      await until(() => consumer.get() !== null, 'the frame is there');
      using view = consumer.borrow();
      // What it holds is in nobody's way: there is no producer any more, and no lock of one.
      await peer.kill();
      const sweep = (dryRun: boolean) => removeDeadPython({ dryRun, pools: [POOL], minAgeMs: 0 });
      assert.ok(sweep(true).every(({ action }) => action === 'kept'));
      try {
        blind(() => sweep(true), name);
        assert.throws(() => sweep(false), told);
        assert.ok(existsSync(OBJECT), 'gc has left it');
        blind(() => sweep(true), name);
        assert.throws(() => removePythonPool(POOL, { force: false }), told);
        assert.ok(existsSync(OBJECT), 'rm has left it');
        blind(() => sweep(true), name);
        const report = await repairPythonPool(POOL, { observeMs: 1 }).catch((error: unknown) => error);
        assert.ok(told(report), String(report));
      } finally {
        libc.disarm();
      }
      assert.ok(view !== null);
      removePythonPool(POOL, { force: true });
    },
  );
}

run('a consumer does not take its producer for dead', async () => {
  await using _peer = await produced();
  using consumer = TensorConsumer.attach(POOL, WIRE);
  const errors: unknown[] = [];
  const ends: string[] = [];
  consumer.on('error', (error) => errors.push(error));
  consumer.on('disconnect', (reason) => ends.push(reason));
  await until(() => consumer.get() !== null, 'the frame is there');
  try {
    libc.arm(0, { errno: 'EMFILE', times: Infinity }, true);
    await until(() => errors.length > 0 || ends.length > 0, 'it has looked');
  } finally {
    assert.is(libc.disarm()?.path?.startsWith('/proc/'), true);
  }
  assert.equal(ends, []);
  assert.ok(told(errors[0]), String(errors[0]));
  assert.ok(consumer.connected);
});

test.run();
