// Every call of the DDS library that an operation makes fails once. Afterwards no entity of it is left but topics, which go with their
// participant; the error is the library's; and a second try succeeds.

import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { DdsParticipant, DdsPoolBrowser } from 'tensor-ipc/dds';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DdsHandle, type DdsLibrary, ddsLibrary, installDds } from '../../host/dds/library';
import { WIRE_DOMAIN, wireTools } from '../wire/support/peers';
import { configureHere } from '../wire-interop/support/ours';
import { Opened } from './support/stage';

const test = suite('dds-nth-call');

configureHere();
// Says what is missing where there is none.
const tools = wireTools();

/** Calls that make something. Each may fail once. */
const MAKING = [
  'createParticipant',
  'createTopic',
  'createWriter',
  'createReader',
  'instanceHandle',
  'serialiser',
  'openWait',
] as const;
const OTHERS = ['openWake', 'watch', 'write', 'delete', 'closeWake', 'deleteParticipant'] as const;
type Name = (typeof MAKING)[number] | (typeof OTHERS)[number];

/** What is there of the library: readers, writers and waitsets, and ends of pipes. */
const entities = new Set<DdsHandle>();
const wakes = new Set<number>();
let made: Name[] | null = null;
let left = -1;
let failed: Name | null = null;

function before(name: Name): boolean {
  made?.push(name);
  if (left < 0) return false;
  left -= 1;
  if (left >= 0) return false;
  failed = name;
  return true;
}

function fail(name: Name): never {
  throw new TensorIpcError('DDS', `${name} failed: as it was told to`);
}

function failing(real: DdsLibrary): DdsLibrary {
  const make = (name: 'createWriter' | 'createReader', args: Parameters<DdsLibrary['createReader']>) => {
    if (before(name)) fail(name);
    const handle = real[name](...args);
    entities.add(handle);
    return handle;
  };
  const own: Partial<DdsLibrary> = {
    createWriter: (...args) => make('createWriter', args),
    createReader: (...args) => make('createReader', args),
    openWait: (reader) => {
      if (before('openWait')) fail('openWait');
      const handle = real.openWait(reader);
      entities.add(handle);
      return handle;
    },
    openWake: (fd) => {
      const wake = real.openWake(fd);
      // Who takes the descriptor over closes it.
      if (before('openWake')) {
        real.closeWake(wake);
        fail('openWake');
      }
      wakes.add(wake);
      return wake;
    },
    closeWake: (wake) => {
      real.closeWake(wake);
      wakes.delete(wake);
      if (before('closeWake')) fail('closeWake');
    },
    // What cannot be deleted is mostly gone already.
    delete: (entity) => {
      real.delete(entity);
      entities.delete(entity);
      if (before('delete')) fail('delete');
    },
    deleteParticipant: (participant, domainId) => {
      real.deleteParticipant(participant, domainId);
      if (before('deleteParticipant')) fail('deleteParticipant');
    },
    createParticipant: (...args) => (before('createParticipant') ? fail('createParticipant') : real.createParticipant(...args)),
    createTopic: (...args) => (before('createTopic') ? fail('createTopic') : real.createTopic(...args)),
    instanceHandle: (...args) => (before('instanceHandle') ? fail('instanceHandle') : real.instanceHandle(...args)),
    serialiser: (...args) => (before('serialiser') ? fail('serialiser') : real.serialiser(...args)),
    write: (...args) => (before('write') ? fail('write') : real.write(...args)),
    watch: (...args) => (before('watch') ? fail('watch') : real.watch(...args)),
  };
  return new Proxy(real, {
    get: (_, name) => {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(real, name, real);
      return typeof value === 'function' ? value.bind(real) : value;
    },
  });
}

const POOL = `dds_nth_${process.pid}`;
const DOMAIN = { domainId: WIRE_DOMAIN } as const;
const WIRE = { wire: 'tensor-ipc', historyLen: 1, ...DOMAIN } as const;
const frame = (value = 0) => new Float32Array(4).fill(value);
const produce = () => TensorProducer.fromSample(POOL, frame(), WIRE);
const attach = () => TensorConsumer.fromSample(POOL, frame(), WIRE);

type Run = () => unknown;
const SCENARIOS: readonly (readonly [name: string, stage: (opened: Opened) => Run])[] = [
  [
    'create, put, close',
    () => () => {
      using producer = produce();
      producer.put(frame(1));
    },
  ],
  [
    'attach, wait, close',
    (opened) => {
      opened.add(produce()).put(frame(1));
      return async () => {
        const consumer = opened.add(attach());
        consumer.waitSync(1);
        const next = consumer.next({ timeoutMs: 20_000 });
        assert.is((await next)?.data[0], 1);
        consumer.close();
      };
    },
  ],
  [
    'announce a native pool',
    (opened) => () => {
      const producer = opened.add(TensorProducer.fromSample(POOL, frame(), { discovery: 'dds', ...DOMAIN }));
      producer.close();
    },
  ],
  ['browse', (opened) => () => opened.add(new DdsPoolBrowser(DOMAIN)).close()],
];

let participant: DdsParticipant | null = null;
test.before(() => {
  if (tools === null) return;
  const real = failing(ddsLibrary());
  installDds(() => real);
  participant = DdsParticipant.shared(DOMAIN);
});
test.after(() => participant?.close());

async function errorOf(call: Run): Promise<unknown> {
  try {
    await call();
    return null;
  } catch (error) {
    return error ?? new Error('nothing');
  }
}

for (const [name, stage] of SCENARIOS) {
  (tools === null ? test.skip : test)(name, async () => {
    const offences: string[] = [];
    const run = async (index: number): Promise<readonly Name[]> => {
      const opened = new Opened();
      const operation = stage(opened);
      made = [];
      left = index;
      failed = null;
      const error = await errorOf(operation);
      const calls = made;
      left = -1;
      made = null;
      const offend = (text: string) => void offences.push(`call ${index + 1}, ${failed}: ${text}`);
      if (error !== null) {
        if (!(error instanceof TensorIpcError) || error.code !== 'DDS') offend(`not the library's error: ${error}`);
        const again = await errorOf(operation);
        if (again !== null) offend(`the second try failed: ${again}`);
      }
      const ending = await errorOf(() => opened.end());
      if (ending !== null) offend(`the end failed: ${ending}`);
      if (entities.size > 0) offend(`${entities.size} readers, writers or waitsets are left`);
      if (wakes.size > 0) offend(`${wakes.size} pipes are left`);
      entities.clear();
      return calls;
    };
    await run(-1);
    const calls = await run(-1);
    assert.ok(calls.length > 2);
    for (const index of calls.keys()) await run(index);
    assert.is(offences.length, 0, `\n${offences.join('\n')}`);
  });
}

test.run();
