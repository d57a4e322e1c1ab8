// The command of the window's server: it builds what it needs, and ends with what started it, its terminal included.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep, until } from '../support/child';

const test = suite("the end of the window's server");

/** As examples/electron/README.md gives it. */
const COMMAND = 'node scripts/run.mjs examples/electron/serve.ts';
const hasScript = spawnSync('script', ['--version']).status === 0;
if (!hasScript) console.log('skip: a terminal that is closed: script is not installed (apt install bsdutils)');

const place = mkdtempSync(join(tmpdir(), 'tensor-ipc-serve-'));
test.after(() => rmSync(place, { recursive: true, force: true }));

/** A mark in the environment of all that is started: by it the processes are found. */
let marks = 0;

/** Pids of the processes that have the mark in their environment and, if one is given, begin with this program. */
function processesWith(mark: string, program = ''): number[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch (error) {
      // Ended while we looked, or none of ours.
      if (error instanceof Error && 'code' in error) return '';
      throw error;
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && read(pid, 'environ').split('\0').includes(mark))
    .filter((pid) => read(pid, 'cmdline').replaceAll('\0', ' ').startsWith(program))
    .map(Number);
}

interface Started {
  readonly child: ChildProcess;
  readonly mark: string;
  readonly temporary: string;
  url(): Promise<URL>;
}

function start(command: string, args: readonly string[], cwd = '.'): Started {
  marks += 1;
  const mark = `SERVE_TEST=${process.pid}-${marks}`;
  const temporary = join(place, `tmp-${marks}`);
  mkdirSync(temporary);
  const env = { ...process.env, TMPDIR: temporary, SERVE_TEST: `${process.pid}-${marks}` };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const address = () => /http:\/\/127\.0\.0\.1:\d+\/[\w-]+\//.exec(output)?.[0];
  return {
    child,
    mark,
    temporary,
    async url() {
      await until(() => address() !== undefined || child.exitCode !== null, `the server says its address\n${output}`);
      const found = address();
      if (found === undefined) throw new Error(`the server has ended: ${output}`);
      return new URL(found);
    },
  };
}

/** Waits until no process of it is left, and nothing answers. */
async function gone({ mark, temporary }: Started, url: URL): Promise<void> {
  await until(() => processesWith(mark).length === 0, 'all its processes have ended');
  const answer = await fetch(url).then(
    ({ status }) => status,
    () => 'none',
  );
  assert.is(answer, 'none');
  assert.equal(readdirSync(temporary), [], 'its folder is removed');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} to the command ends the server`, async () => {
    const server = start('sh', ['-c', `exec ${COMMAND}`]);
    const url = await server.url();
    assert.is((await fetch(url)).status, 200);
    server.child.kill(signal);
    await gone(server, url);
  });
}

test('a parent that is killed takes it along: of the server, and of the command', async () => {
  for (const killed of ['command', 'shell']) {
    const server = start('sh', ['-c', `${COMMAND}; true`]);
    const url = await server.url();
    const [command] = processesWith(server.mark, COMMAND);
    if (killed === 'shell') server.child.kill('SIGKILL');
    else process.kill(command as number, 'SIGKILL');
    await gone(server, url);
  }
});

test('with --stay it goes on without its parents', async () => {
  const server = start('sh', ['-c', `${COMMAND} --stay; true`]);
  const url = await server.url();
  server.child.kill('SIGKILL');
  await sleep(1500);
  assert.is((await fetch(url)).status, 200);
  for (const pid of processesWith(server.mark)) process.kill(pid, 'SIGTERM');
  await gone(server, url);
});

(hasScript ? test : test.skip)('a terminal that is closed ends it', async () => {
  const server = start('script', ['-q', '-c', COMMAND, '/dev/null']);
  const url = await server.url();
  // The terminal's window goes, and with it the other end of the line.
  server.child.kill('SIGKILL');
  await gone(server, url);
});

test('on a fresh clone: after "npm ci" alone it runs, and before that it says what to do', async () => {
  const clone = join(place, 'clone');
  mkdirSync(clone);
  for (const name of ['assembly', 'host', 'native-shim', 'scripts', 'examples', 'package.json', 'asconfig.json', 'tsconfig.json'])
    cpSync(name, join(clone, name), { recursive: true });
  const early = spawnSync('sh', ['-c', COMMAND], { cwd: clone, encoding: 'utf8' });
  assert.is(early.status, 2);
  assert.match(early.stderr, 'run "npm ci" first');
  symlinkSync(resolve('node_modules'), join(clone, 'node_modules'));
  const server = start('sh', ['-c', `exec ${COMMAND}`], clone);
  const url = await server.url();
  assert.is((await fetch(url)).status, 200);
  server.child.kill('SIGTERM');
  await gone(server, url);
});

test.run();
