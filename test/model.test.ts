// Every interleaving of a small pool, by search: the protocol breaks nothing, and breaks as soon as a line of it is missing.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { moved, PROTOCOL, type Programs, VARYING, without } from './model/lines';
import { protocolModel } from './model/protocol';
import { search } from './model/search';
import type { World } from './model/state';

const BASE: World = {
  policy: 'wait',
  readers: ['copy'],
  frames: 4,
  rounds: 2,
  count: 1,
  sleeps: null,
  writerSleeps: 'futex',
  writerCrashes: 0,
  readerCrashes: 0,
  returns: false,
};

/** MODEL=full searches larger worlds too. */
const LAP = process.env['MODEL'] === 'full' ? 4 : 2;

const world = (changes: Partial<World>): World => ({ ...BASE, ...changes });

/** Worlds in which the protocol must hold. */
const WORLDS: Readonly<Record<string, World>> = {
  'copy and copy': world({ readers: ['copy', 'copy'], frames: 3, rounds: 1 }),
  'copy of two frames': world({ count: 2, frames: 5, writerCrashes: 1, readerCrashes: 1 }),
  'view, wait, everybody dies': world({
    readers: ['view'],
    count: 2,
    rounds: 1,
    writerCrashes: 1,
    readerCrashes: 1,
    returns: true,
  }),
  'view and view, wait': world({ readers: ['view', 'view'], count: 2, rounds: 1, frames: LAP }),
  'view and copy, drop, readers die': world({
    policy: 'drop',
    readers: ['view', 'copy'],
    rounds: 1,
    count: 2,
    frames: LAP,
    readerCrashes: 1,
  }),
  'view, overwrite': world({ policy: 'overwrite', readers: ['view'], count: 2, frames: LAP + 2, writerCrashes: 1 }),
  'view and hold, overwrite': world({ policy: 'overwrite', readers: ['view', 'hold'], count: 2, rounds: 1, frames: LAP }),
  'lossless, wait, everybody dies': world({
    readers: ['lossless'],
    frames: 5,
    writerCrashes: 1,
    readerCrashes: 1,
    returns: true,
  }),
  'lossless and lossless, wait': world({ readers: ['lossless', 'lossless'], frames: 3 }),
  'lossless and view, overwrite': world({ policy: 'overwrite', readers: ['lossless', 'view'], count: 2, rounds: 1, frames: LAP }),
  'lossless from the oldest, wait': world({ readers: ['oldest'], frames: 5, writerCrashes: 1 }),
  'lossless from the oldest, drop, two readers': world({ policy: 'drop', readers: ['oldest', 'copy'], frames: 4, rounds: 1 }),
  'lossless, drop': world({ policy: 'drop', readers: ['lossless'], frames: 5, writerCrashes: 1 }),
  'sleeping on a FIFO, the writer dies': world({ sleeps: 'fifo', readers: ['copy'], frames: 3, writerCrashes: 1 }),
  'sleeping on a futex, the writer dies': world({ sleeps: 'futex', readers: ['copy'], frames: 3, rounds: 3, writerCrashes: 1 }),
  'lossless asleep on a FIFO': world({ sleeps: 'fifo', readers: ['lossless'], frames: LAP + 1, writerCrashes: 1 }),
  'lossless asleep on a futex': world({ sleeps: 'futex', readers: ['lossless'], frames: 4, readerCrashes: 1 }),
  'view, wait on the event loop, everybody dies': world({
    writerSleeps: 'fifo',
    readers: ['view'],
    count: 2,
    rounds: 1,
    writerCrashes: 1,
    readerCrashes: 1,
    returns: true,
  }),
  'lossless and view, wait on the event loop': world({
    writerSleeps: 'fifo',
    readers: ['lossless', 'view'],
    count: 2,
    rounds: 1,
    frames: LAP,
  }),
  'hold, also when the pool is closed, the writer dies': world({ readers: ['hold'], count: 2, frames: 3, writerCrashes: 1 }),
};

/** Worlds whose frames differ in length. */
const VARYING_WORLDS: Readonly<Record<string, World>> = {
  'copy of two frames, the writer dies': world({ count: 2, frames: 4, writerCrashes: 1 }),
  'view, wait, everybody dies': world({ readers: ['view'], count: 2, rounds: 1, frames: 3, writerCrashes: 1, readerCrashes: 1 }),
  'view, overwrite': world({ policy: 'overwrite', readers: ['view'], count: 2, frames: LAP + 2 }),
  'lossless, wait, everybody dies': world({
    readers: ['lossless'],
    frames: 4,
    writerCrashes: 1,
    readerCrashes: 1,
    returns: true,
  }),
  'hold, overwrite, the writer dies': world({ policy: 'overwrite', readers: ['hold'], count: 2, frames: 3, writerCrashes: 1 }),
};

let total = 0;
const all: [string, World, Programs][] = [
  ...Object.entries(WORLDS).map(([name, of]): [string, World, Programs] => [name, of, PROTOCOL]),
  ...Object.entries(VARYING_WORLDS).map(([name, of]): [string, World, Programs] => [`varying: ${name}`, of, VARYING]),
];
for (const [name, of, programs] of all) {
  test(`holds: ${name}`, () => {
    const started = performance.now();
    const { states, steps, finals, violation, trace } = search(protocolModel(of, programs));
    console.log(
      `model: ${name}: ${states} states, ${steps} steps, ${finals} ends, ${Math.round(performance.now() - started)} ms`,
    );
    assert.is(violation, null, `${violation}\n${trace.join('\n')}`);
    assert.ok(finals > 0);
    total += states;
  });
}
test('all of them', () => {
  console.log(`model: ${all.length} worlds, ${total} states`);
  assert.ok(total > 10_000);
});

const { publish, copy, view, join, take, wait } = PROTOCOL;
const fault = (...faults: (typeof PROTOCOL.faults extends ReadonlySet<infer F> ? F : never)[]): Partial<Programs> => ({
  faults: new Set(faults),
});
const VIEW = world({ readers: ['view'], count: 2 });
const LOSSLESS = world({ readers: ['lossless'], frames: 5 });
const SLEEP = world({ sleeps: 'fifo', frames: 3 });
const changed = 'pinned frame overwritten';
const torn = 'torn copy accepted';
const sleeper = 'sleeper beside a new frame';

/** What is changed, where, and what must then go wrong. */
const MUTANTS: readonly (readonly [string, World, Partial<Programs>, string])[] = [
  ['publish 1: no claim', VIEW, { publish: without(publish, 'claim') }, changed],
  ['publish 1, 2: pins before claim', VIEW, { publish: moved(publish, 'pins', 'claim') }, changed],
  ['publish 2: no look at the pins', VIEW, { publish: without(publish, 'pins') }, changed],
  ['publish 3: no WRITING', BASE, { publish: without(without(publish, 'stamp'), 'fence') }, torn],
  ['publish 3, 5: bytes before WRITING', BASE, { publish: moved(publish, 'bytes', 'stamp') }, torn],
  ['publish 4: no fence (weak memory)', BASE, { publish: without(publish, 'fence') }, torn],
  [
    'publish 5, 7, 8: published before the bytes',
    BASE,
    { publish: moved(moved(publish, 'done', 'bytes'), 'head', 'bytes') },
    torn,
  ],
  ['publish 7, 8: head before DONE', BASE, { publish: moved(publish, 'head', 'done') }, 'head without its frame'],
  ['publish 8, 9: doorbell before head', SLEEP, { publish: moved(publish, 'ring', 'head') }, sleeper],
  ['publish 9: no ring', SLEEP, { publish: without(publish, 'ring') }, sleeper],
  ['copy 5: no fence (weak memory)', BASE, { copy: without(copy, 'fence') }, torn],
  ['copy 6: no second look at the stamp', BASE, { copy: without(copy, 'recheck') }, torn],
  ['pin 1, 4: bit after the look at the claim', VIEW, { view: moved(view, 'bit', 'bytes') }, changed],
  ['pin 3: no pin', VIEW, { view: without(view, 'pin') }, changed],
  ['pin 3, 4: claim looked at before the pin', VIEW, { view: moved(view, 'claim', 'pin') }, changed],
  ['pin 4: no look at the claim', VIEW, { view: without(view, 'claim') }, changed],
  ['pin 5, 6: unpinned before the last use', VIEW, { view: moved(view, 'unpin', 'bytes') }, changed],
  ['rest: the bit is taken back while frames are pinned', VIEW, fault('rests with a pin'), changed],
  ['rest, pin 1: the bit is not set again', VIEW, fault('sets its bit once'), changed],
  ['pin 7: the producer is not woken', VIEW, { view: without(view, 'wake'), leave: without(PROTOCOL.leave, 'wake') }, 'deadlock'],
  [
    'overwritten view: no fence before the look (weak memory)',
    { ...VIEW, policy: 'overwrite', frames: 5 },
    { view: without(view, 'fence') },
    'overwritten view taken for whole',
  ],
  ['wait 2, 4: head looked at before arming', SLEEP, { wait: moved(wait, 'look', 'arm') }, sleeper],
  ['wait: wake count taken after arming', { ...SLEEP, sleeps: 'futex' }, { wait: moved(wait, 'arm', 'count') }, sleeper],
  ['wait: wake count taken after the look', { ...SLEEP, sleeps: 'futex' }, { wait: moved(wait, 'count', 'closed') }, sleeper],
  ['wait 4: no look after arming', SLEEP, { wait: without(wait, 'look') }, sleeper],
  ['wait 5: no look at the state after arming', SLEEP, { wait: without(wait, 'closed') }, 'deadlock'],
  ['waiting: no second look after the announcement', VIEW, fault('no second look before sleeping'), 'deadlock'],
  ['back-off: reaping without the lock', VIEW, fault('reaping without the lock'), changed],
  ['overwrite: holds ignored', { ...LOSSLESS, policy: 'overwrite' }, fault('holds ignored'), 'lost frame'],
  ['lossless: cursor moved before the bytes are read', LOSSLESS, { take: moved(take, 'advance', 'bytes') }, 'lost frame'],
  ['lossless: no claim looked at on joining', LOSSLESS, { join: without(join, 'claim') }, 'lost frame'],
  [
    'lossless: leaves at CLOSED',
    { ...LOSSLESS, sleeps: 'fifo' },
    fault('no second look at the head of a closed pool'),
    'lost frame',
  ],
  [
    'closed: its frames are read without a pin, and a successor goes on with it',
    world({ readers: ['view'], count: 2, rounds: 1, frames: 3, writerCrashes: 1 }),
    fault('a closed pool goes on'),
    changed,
  ],
  [
    'waiting on the event loop: a consumer that knows the futex only',
    { ...VIEW, writerSleeps: 'fifo' },
    fault('knows no doorbell of a producer'),
    'deadlock',
  ],
  [
    'waiting on the event loop: no second look after the announcement',
    { ...VIEW, writerSleeps: 'fifo' },
    fault('no second look before sleeping'),
    'deadlock',
  ],
  [
    'register: pins of the dead are not cleared',
    world({ readers: ['view'], count: 2, readerCrashes: 1, returns: true, rounds: 1, frames: 5 }),
    { register: [], view: without(without(view, 'unpin'), 'wake'), leave: ['unlock'] },
    'deadlock',
  ],
  [
    'take-over: a position is left out',
    { ...LOSSLESS, writerCrashes: 1 },
    fault('successor skips a position'),
    'head without its frame',
  ],
];

const { publish: vPublish, copy: vCopy, view: vView, take: vTake } = VARYING;

/** The same for lengths. */
const VARYING_MUTANTS: typeof MUTANTS = [
  ['lengths before WRITING', BASE, { publish: moved(vPublish, 'lengths', 'stamp') }, torn],
  ['lengths between WRITING and the fence (weak memory)', BASE, { publish: moved(vPublish, 'lengths', 'fence') }, torn],
  ['lengths behind the head', BASE, { publish: moved(vPublish, 'lengths', 'ring') }, torn],
  ['lengths before the pins are looked at', VIEW, { publish: moved(vPublish, 'lengths', 'pins') }, changed],
  ['copy: lengths behind the second look', BASE, { copy: [...without(vCopy, 'lengths'), 'lengths'] }, torn],
  ['pin: lengths behind the unpin', VIEW, { view: moved(vView, 'lengths', 'wake') }, changed],
  ['lossless: cursor moved before the lengths are read', LOSSLESS, { take: moved(vTake, 'lengths', 'wake') }, 'lost frame'],
  [
    'overwritten view: lengths behind the look at the stamp',
    { ...VIEW, policy: 'overwrite', frames: 5 },
    { view: moved(vView, 'lengths', 'unpin') },
    'overwritten view taken for whole',
  ],
];

for (const [name, where, change, expected, programs] of [
  ...MUTANTS.map((mutant) => [...mutant, PROTOCOL] as const),
  ...VARYING_MUTANTS.map((mutant) => [...mutant, VARYING] as const),
]) {
  test(`fails: ${name}`, () => {
    const { states, violation, trace } = search(protocolModel(where, { ...programs, ...change }));
    console.log(`model: mutant "${name}": ${violation} after ${trace.length} steps (${states} states)`);
    assert.is(violation, expected, trace.join('\n'));
  });
}

test('what is there for speed only: the first look at a stamp', () => {
  const { violation } = search(protocolModel(world({ frames: 5 }), { ...PROTOCOL, copy: without(copy, 'stamp') }));
  assert.is(violation, null);
});

test.run();
