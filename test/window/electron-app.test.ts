// What can be told of the Electron application without Electron: its types, its bundles, and the half of its preload that reads.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildApplication } from '../../examples/electron/bundle.mjs';
import { type Port, servePort } from '../../examples/electron/port-server';
import { type Statistics, watchPool } from '../../examples/electron/statistics';
import type { PortAnswer, PortRequest } from '../../examples/electron/window/protocol';
import { hasCode, leftovers, poolName } from '../support/child';

const test = suite('the Electron application');
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-electron-'));
test.after(() => rmSync(folder, { recursive: true }));

const typed = ['examples/electron', 'test/window'].some((path) => existsSync(`${path}/node_modules/electron/electron.d.ts`));
if (!typed) console.log('skip: the types of the Electron application: electron is not installed: run "npm run peers"');

function typeErrors(project: string): string[] {
  const tsc = resolve('node_modules/typescript/bin/tsc');
  const { stdout, error } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
  if (error !== undefined) throw error;
  // The library is judged by the root's own check, without a browser's types beside it.
  return stdout.split('\n').filter((line) => line !== '' && !/^(\s|host\/|native-shim\/)/.test(line));
}

test('the window type-checks with a browser alone: no Node, no Electron', () => {
  assert.equal(typeErrors('examples/electron/window'), []);
});

(typed ? test : test.skip)("main, preload and utility process type-check against Electron's types", () => {
  assert.equal(typeErrors('examples/electron'), []);
});

test('the window names neither Electron nor Node', () => {
  for (const name of readdirSync('examples/electron/window').filter((file) => file.endsWith('.ts'))) {
    const imports = [...readFileSync(`examples/electron/window/${name}`, 'utf8').matchAll(/from '([^']+)'/g)].map(
      (match) => match[1],
    );
    assert.equal(
      imports.filter((path) => !path?.startsWith('./')),
      [],
      name,
    );
  }
});

test('both main processes are built, valid, and leave tensor-ipc and Electron outside', async () => {
  await buildApplication(resolve('examples/electron'), folder);
  const programs = readdirSync(folder).filter((name) => /\.[mc]js$/.test(name));
  assert.equal(programs.sort(), ['main.cjs', 'main.mjs', 'preload.cjs', 'utility.cjs', 'utility.mjs']);
  for (const name of programs) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', join(folder, name)], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    const code = readFileSync(join(folder, name), 'utf8');
    assert.match(code, name.endsWith('.mjs') ? /from ["']tensor-ipc["']/ : /require\(["']tensor-ipc["']\)/, name);
    assert.ok(code.length < 30_000, `${name} has ${code.length} characters: something was bundled that should not`);
  }
  assert.equal(readdirSync(join(folder, 'window')).sort(), ['draw-worker.js', 'entry.js', 'index.html', 'style.css']);
});

test('koffi stays outside the archive', () => {
  const { build, dependencies } = JSON.parse(readFileSync('examples/electron/package.json', 'utf8')) as {
    build: { asar: boolean; asarUnpack: string[] };
    dependencies: Record<string, string>;
  };
  assert.is(build.asar, true);
  assert.equal(build.asarUnpack, ['node_modules/koffi/**', 'node_modules/@koromix/**']);
  assert.ok('tensor-ipc' in dependencies, 'what the programs import must be a dependency, or the builder leaves it out');
});

test('the half of the preload that reads: state, frames moved and not copied, the end', async () => {
  const pool = poolName('port');
  const producer = TensorProducer.fromSample(pool, { data: new Uint8Array(12), shape: [2, 2, 3] });
  const { port1, port2 } = new MessageChannel();
  const answers: PortAnswer[] = [];
  const wake: (() => void)[] = [];
  port2.on('message', (answer: PortAnswer) => {
    answers.push(answer);
    wake.shift()?.();
  });
  const emptied: number[] = [];
  const port: Port = {
    postMessage(message, transfer) {
      port1.postMessage(message, transfer);
      if (message.op === 'frame') emptied.push(message.bytes.byteLength);
    },
    onmessage: null,
  };
  port1.on('message', (data: PortRequest) => port.onmessage?.({ data }));
  const served = servePort(port);
  const answer = async (): Promise<PortAnswer> => {
    if (answers.length === 0) await new Promise<void>((resolve) => wake.push(resolve));
    return answers.shift() as PortAnswer;
  };
  const ask = (request: PortRequest) => port2.postMessage(request);

  const clock = await answer();
  assert.ok(clock.op === 'clock' && Number.isFinite(clock.offsetMs));
  ask({ op: 'pools', id: 1 });
  const listed = await answer();
  assert.ok(listed.op === 'pools' && listed.rows.some(({ name, state }) => name === pool && state === 'live'));
  ask({ op: 'open', stream: 2, pool });
  /** Asks until it is told of such a thing; states may be repeated. */
  const until = async (wanted: string, put: number | null): Promise<PortAnswer> => {
    for (let id = 10; ; id++) {
      ask({ op: 'next', id, stream: 2 });
      if (put !== null) producer.put({ data: new Uint8Array(12).fill(put), shape: [2, 2, 3] });
      const found = await answer();
      if ('id' in found) assert.is(found.id, id);
      if ((found.op === 'state' ? found.update.state : found.op) === wanted) return found;
    }
  };
  const live = await until('live', null);
  assert.ok(live.op === 'state' && live.update.form?.text === 'uint8 [2, 2, 3], history 1');
  const frame = await until('frame', 42);
  assert.ok(frame.op === 'frame');
  assert.equal([...frame.bytes], new Array(12).fill(42));
  assert.ok(frame.header.timestampMs > 0 && frame.header.sequence >= 0);
  assert.equal([...new Set(emptied)], [0], 'the memory left this side');
  producer.close();
  await until('closed', null);
  served.close();
  port1.close();
  port2.close();
});

test('statistics, as the utility process makes them', async () => {
  const pool = poolName('statistics');
  const producer = TensorProducer.fromSample(pool, new Uint8Array(1000));
  const stop = new AbortController();
  const timer = setInterval(() => producer.put(new Uint8Array(1000).fill(77)), 10);
  const reports: Statistics[] = [];
  await watchPool(
    pool,
    (statistics) => {
      reports.push(statistics);
      if (statistics.frames > 1) stop.abort();
    },
    stop.signal,
  ).catch((error: Error) => {
    if (!stop.signal.aborted) throw error;
  });
  clearInterval(timer);
  producer.close();
  const last = reports.at(-1);
  assert.is(last?.meanByte, 77);
  assert.ok((last?.longestGapMs ?? 0) > 0);
  assert.throws(() => producer.put(new Uint8Array(1000)), hasCode('CLOSED'));
  assert.equal(leftovers(pool), []);
});

test.run();
