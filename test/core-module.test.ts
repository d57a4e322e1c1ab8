// The shape of the compiled core: nothing that would be written over mapped pages, and the instructions that the protocol needs.
// The compiler drops fences without a word when its passes are chosen wrongly; x86-64 would never show it.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CONSUMER_DOORBELL_KIND,
  CONSUMER_HOLD_PIN,
  CONSUMER_STATE,
  CONSUMER_VIEW_PIN,
  HEADER_ARMED,
  HEADER_BORROWERS,
  HEADER_HEAD,
  HEADER_LAYOUT_VERSION,
  HEADER_PRODUCER_EPOCH,
  HEADER_PRODUCER_STATE,
  HEADER_PRODUCER_WAITING,
  HEADER_WAKE_COUNT,
  SLOT_CLAIM,
  SLOT_PUBLISHED_NS,
  SLOT_STAMP,
  SLOT_TIMESTAMP_NS,
} from '../assembly/layout';
import { CORE_LABELS, type CoreLabel, coreBytes } from './support/core-modules';
import { flatten, type Instruction, readWasm, SECTION, type WasmModule } from './support/core-wasm';

/** Names of the methods of `interface Core`. */
function interfaceMethods(): string[] {
  const source = readFileSync('host/memory/core.ts', 'utf8');
  const start = source.indexOf('export interface Core {');
  const body = source.slice(start, source.indexOf('\n}', start));
  return [...body.matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1] as string);
}

interface SourceFunction {
  readonly inline: boolean;
  readonly body: string;
}

/** The functions of assembly/ (those of the shared core, not the WASI entry). */
function sourceFunctions(): Map<string, SourceFunction> {
  const functions = new Map<string, SourceFunction>();
  for (const file of readdirSync('assembly').filter((name) => name.endsWith('.ts') && name !== 'wasi.ts')) {
    const source = readFileSync(join('assembly', file), 'utf8');
    for (const match of source.matchAll(/^(@inline\n)?(?:export )?function (\w+)\b[\s\S]*?^}/gm)) {
      functions.set(match[2] as string, { inline: match[1] !== undefined, body: match[0].replace(/\/\/.*$/gm, '') });
    }
  }
  return functions;
}

/** Fences that a call of `name` runs through at most, calls included. */
function fencesInSource(functions: ReadonlyMap<string, SourceFunction>, name: string): number {
  const found = functions.get(name);
  if (found === undefined) return 0;
  let fences = found.body.split('atomic.fence()').length - 1;
  for (const match of found.body.slice(found.body.indexOf('{')).matchAll(/\b(\w+)\(/g)) {
    if (match[1] !== name) fences += fencesInSource(functions, match[1] as string);
  }
  return fences;
}

function bodyOf(module: WasmModule, name: string): Instruction[] {
  const found = module.exports.find((candidate) => candidate.name === name && candidate.kind === 'function');
  if (found === undefined) throw new Error(`no exported function ${name}`);
  return flatten(module, found.index);
}

const show = ({ name, operand }: Instruction) => (name === 'atomic.fence' ? name : `${name} ${operand}`);
const isShared = ({ name }: Instruction) => name.includes('atomic');
const isFence = ({ name }: Instruction) => name === 'atomic.fence';
const NOP: Instruction = { name: '01', operand: 0 };
const NOPS = [NOP, NOP, NOP];
/** Where a core has fences. */
const fenced = (label: CoreLabel) => label !== 'unfenced';

/** What each function does to the words that processes race on, in the order of the code (loops and branches once). */
const PROTOCOL: Readonly<Record<string, readonly string[]>> = {
  controlPublish: [`i32.atomic.store ${HEADER_LAYOUT_VERSION}`],
  writerOpen: [
    `i64.atomic.load ${HEADER_HEAD}`,
    `i32.atomic.rmw.add ${HEADER_PRODUCER_EPOCH}`,
    `i32.atomic.store ${HEADER_PRODUCER_WAITING}`,
    `i32.atomic.store ${HEADER_PRODUCER_STATE}`,
  ],
  writerClose: [`i32.atomic.store ${HEADER_PRODUCER_STATE}`],
  writerBegin: [
    `i64.atomic.store ${SLOT_CLAIM}`,
    `i64.atomic.load ${HEADER_BORROWERS}`,
    `i64.atomic.load ${CONSUMER_HOLD_PIN}`,
    `i64.atomic.load ${CONSUMER_VIEW_PIN}`,
    `i64.atomic.store ${SLOT_STAMP}`,
    'atomic.fence',
  ],
  writerCommit: [`i64.atomic.store ${SLOT_STAMP}`, `i64.atomic.store ${HEADER_HEAD}`, `i64.atomic.load ${HEADER_ARMED}`],
  writerTakeArmed: [`i64.atomic.rmw.xchg ${HEADER_ARMED}`, `i32.atomic.rmw.add ${HEADER_WAKE_COUNT}`],
  writerSetWaiting: [`i32.atomic.store ${HEADER_PRODUCER_WAITING}`],
  consumerArm: [`i32.atomic.store ${CONSUMER_DOORBELL_KIND}`, `i64.atomic.rmw.or ${HEADER_ARMED}`],
  consumerDisarm: [`i64.atomic.rmw.and ${HEADER_ARMED}`],
  consumerWakeCount: [`i32.atomic.load ${HEADER_WAKE_COUNT}`],
  consumerUnregister: [
    `i64.atomic.rmw.and ${HEADER_BORROWERS}`,
    `i64.atomic.rmw.and ${HEADER_ARMED}`,
    `i64.atomic.store ${CONSUMER_VIEW_PIN}`,
    `i64.atomic.store ${CONSUMER_HOLD_PIN}`,
    `i32.atomic.store ${CONSUMER_STATE}`,
    `i32.atomic.load ${HEADER_PRODUCER_WAITING}`,
    `i32.atomic.rmw.xchg ${HEADER_PRODUCER_WAITING}`,
  ],
  readerLatest: [`i32.atomic.load ${HEADER_PRODUCER_STATE}`, `i64.atomic.load ${HEADER_HEAD}`],
  readerCopyBegin: [`i64.atomic.load ${SLOT_STAMP}`],
  readerCopyEnd: ['atomic.fence', `i64.atomic.load ${SLOT_STAMP}`],
  readerIntact: ['atomic.fence', `i64.atomic.load ${SLOT_STAMP}`],
  readerRest: [`i64.atomic.load ${HEADER_BORROWERS}`, `i64.atomic.rmw.and ${HEADER_BORROWERS}`],
  readerUnpin: [
    `i64.atomic.store ${CONSUMER_VIEW_PIN}`,
    `i32.atomic.load ${HEADER_PRODUCER_WAITING}`,
    `i32.atomic.rmw.xchg ${HEADER_PRODUCER_WAITING}`,
  ],
  readerUnpinTo: [
    `i64.atomic.store ${CONSUMER_VIEW_PIN}`,
    `i32.atomic.load ${HEADER_PRODUCER_WAITING}`,
    `i32.atomic.rmw.xchg ${HEADER_PRODUCER_WAITING}`,
  ],
  readerUnhold: [
    `i64.atomic.store ${CONSUMER_HOLD_PIN}`,
    `i32.atomic.load ${HEADER_PRODUCER_WAITING}`,
    `i32.atomic.rmw.xchg ${HEADER_PRODUCER_WAITING}`,
  ],
};

for (const label of CORE_LABELS) {
  const module = readWasm(coreBytes(label));

  test(`${label}: no data, no start function, one import`, () => {
    const ids = module.sections.map(({ id }) => id);
    assert.not.ok(ids.includes(SECTION.data), 'a data section would be written over mapped pages');
    assert.not.ok(ids.includes(SECTION.start), 'a start function would run in every thread that instantiates the core');
    assert.equal(module.imports, [{ module: 'env', name: 'memory', kind: 'memory', shared: true }]);
  });

  test(`${label}: exports are the interface in host/memory/core.ts`, () => {
    const wanted = [...interfaceMethods(), 'memory'].sort();
    assert.ok(wanted.length > 30);
    assert.equal(module.exports.map(({ name }) => name).sort(), wanted);
  });

  test(`${label}: no state of its own, no growing, no fixed address`, () => {
    if (label === 'release') assert.is(module.mutableGlobals, 0);
    for (const [index, body] of module.functions) {
      for (const [i, instruction] of body.entries()) {
        const { name } = instruction;
        assert.not.ok(name === 'memory.grow' || name === 'call_indirect' || name === 'global.set', `function ${index}: ${name}`);
        const loads = /\.(atomic\.)?load/.test(name);
        assert.not.ok(loads && body[i - 1]?.name === 'i32.const', `function ${index} loads from a constant address`);
      }
    }
  });

  test(`${label}: ${fenced(label) ? 'every fence of the sources is in the module, function by function' : 'no fence'}`, () => {
    const functions = sourceFunctions();
    let inSources = 0;
    for (const { inline, body } of functions.values()) {
      // An inlined fence would be counted at each of its callers.
      const fences = body.split('atomic.fence()').length - 1;
      assert.ok(fences === 0 || !inline, 'a fence in an @inline function: teach this test to count it');
      inSources += fences;
    }
    const raw = readdirSync('assembly')
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join('assembly', name), 'utf8').split('atomic.fence()').length - 1);
    assert.is(
      inSources,
      raw.reduce((sum, count) => sum + count, 0),
      'every fence was attributed to a function',
    );
    assert.ok(inSources >= 3);
    if (!fenced(label)) {
      assert.is([...module.functions.values()].flat().filter(isFence).length, 0);
      return;
    }
    for (const name of interfaceMethods()) {
      assert.is(bodyOf(module, name).filter(isFence).length, fencesInSource(functions, name), name);
    }
    for (const name of ['writerBegin', 'readerCopyEnd', 'readerIntact']) assert.ok(bodyOf(module, name).some(isFence), name);
    const total = [...module.functions.values()].flat().filter(isFence).length;
    assert.ok(total >= inSources, `${total} fences in the module, ${inSources} in the sources`);
    if (label === 'release') assert.is(total, inSources);
  });

  for (const [name, expected] of Object.entries(PROTOCOL)) {
    test(`${label}: ${name} touches the shared words in the order of the protocol`, () => {
      const wanted = fenced(label) ? expected : expected.filter((access) => access !== 'atomic.fence');
      assert.equal(bodyOf(module, name).filter(isShared).map(show), wanted);
    });
  }

  test(`${label}: plain stores and loads lie on their side of the stamp`, () => {
    const at = (body: readonly string[], wanted: string) => {
      const index = body.indexOf(wanted);
      assert.ok(index >= 0, wanted);
      return index;
    };
    const commit = bodyOf(module, 'writerCommit').map(show);
    const stamped = at(commit, `i64.atomic.store ${SLOT_STAMP}`);
    for (const field of [SLOT_TIMESTAMP_NS, SLOT_PUBLISHED_NS]) assert.ok(at(commit, `i64.store ${field}`) < stamped);
    const copied = bodyOf(module, 'readerCopyEnd').map(show);
    const checked = at(copied, fenced(label) ? 'atomic.fence' : `i64.atomic.load ${SLOT_STAMP}`);
    for (const field of [SLOT_TIMESTAMP_NS, SLOT_PUBLISHED_NS]) assert.ok(at(copied, `i64.load ${field}`) < checked);
  });

  test(`${label}: pins are stored before the claim is read`, () => {
    for (const name of ['readerPin', 'readerHold']) {
      const shared = bodyOf(module, name).filter(isShared).map(show);
      const claim = shared.indexOf(`i64.atomic.load ${SLOT_CLAIM}`);
      assert.ok(shared.indexOf(`i64.atomic.rmw.or ${HEADER_BORROWERS}`) < shared.indexOf(`i64.atomic.load ${HEADER_HEAD}`), name);
      assert.ok(shared.indexOf(`i64.atomic.load ${HEADER_HEAD}`) < claim, name);
      assert.ok(shared.indexOf(`i64.atomic.store ${CONSUMER_VIEW_PIN}`) < claim, name);
      assert.ok(shared.indexOf(`i64.atomic.store ${CONSUMER_HOLD_PIN}`) < claim, name);
    }
  });
}

test('the core without fences is the core with its fences blanked out, and nothing else', () => {
  const [release, unfenced] = [coreBytes('release'), coreBytes('unfenced')];
  assert.is(unfenced.length, release.length);
  assert.is(
    release.filter((byte, i) => byte !== unfenced[i]).length,
    9,
    'three fences of three bytes: other bytes that look like a fence?',
  );
  const nops = (name: string) => {
    const [before, after] = [bodyOf(readWasm(release), name), bodyOf(readWasm(unfenced), name)];
    // A nop in place of each byte of a fence.
    return [before.flatMap((instruction) => (isFence(instruction) ? NOPS : [instruction])), after] as const;
  };
  for (const name of interfaceMethods()) assert.equal(...nops(name), name);
});

test('core.wat and dist/core.wasm are what the sources give', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-core-'));
  try {
    const wasm = join(folder, 'core.wasm');
    const wat = join(folder, 'core.wat');
    const asc = ['node_modules/assemblyscript/bin/asc.js', 'assembly/index.ts', '--target', 'release'];
    execFileSync(process.execPath, [...asc, '--outFile', wasm, '--textFile', wat]);
    const advice = 'run "npm run build:core" and commit assembly/core.wat';
    assert.ok(readFileSync(wasm).equals(readFileSync('dist/core.wasm')), `dist/core.wasm is stale: ${advice}`);
    assert.ok(readFileSync(wat, 'utf8') === readFileSync('assembly/core.wat', 'utf8'), `assembly/core.wat is stale: ${advice}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
