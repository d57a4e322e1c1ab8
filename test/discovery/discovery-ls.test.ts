// tensor-ipc ls --dds: what other machines announce, beside what is here.

import { spawn, spawnSync } from 'node:child_process';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasLibrary } from '../dds/support/peers';
import { poolName } from '../support/child';
import { Cli } from '../support/cli-process';
import { nextDomain } from './support/peers';

const test = suite('ls --dds');
const testWith = hasLibrary() ? test : test.skip;
const DOMAIN = nextDomain();

testWith('a pool of this machine stands in the list, not among the announced ones', async () => {
  const name = poolName('announced');
  using producer = TensorProducer.fromSample(name, new Float32Array(7), { historyLen: 3, discovery: 'dds', domainId: DOMAIN });
  producer.put(new Float32Array(7));
  const { code, stdout, stderr } = await new Cli(['ls', '--dds', '--domain', String(DOMAIN)]).ended;
  assert.is(code, 0, stderr);
  assert.is(stdout.toString().split(name).length - 1, 1, stdout.toString());
});

testWith('a pool whose object is out of reach is listed with host, frames and rate', async () => {
  const name = poolName('announced');
  using producer = TensorProducer.fromSample(name, new Float32Array(7), { historyLen: 3, discovery: 'dds', domainId: DOMAIN });
  const feeding = setInterval(() => producer.put(new Float32Array(7)), 10);
  try {
    // A /dev/shm of its own, as another machine or container has.
    const script = 'mount -t tmpfs none /dev/shm && exec "$0" "$@"';
    const args = ['--mount', 'sh', '-c', script, process.execPath, Cli.program, 'ls', '--dds', '--domain', String(DOMAIN)];
    const probe = spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs none /dev/shm']);
    if (probe.status !== 0) {
      console.log('skip: a /dev/shm of its own needs root and unshare (apt install util-linux)');
      return;
    }
    const [table, json] = await Promise.all([run('unshare', args), run('unshare', [...args, '--json'])]);
    assert.match(table, /^HOST +NAME +FRAMES +RATE +WHAT$/m);
    assert.match(table, new RegExp(`^\\S+ +${name} +[1-9]\\d* +[\\d.]+/s +float32 \\[7\\], history 3$`, 'm'));
    const pools = JSON.parse(json) as {
      name: string;
      wire: string;
      state: string;
      historyLen: number;
      framesPublished: number;
      fields: { dtype: string }[];
    }[];
    const found = pools.find((pool) => pool.name === name);
    assert.ok(found, json);
    assert.equal([found.wire, found.state, found.historyLen, found.fields[0]?.dtype], ['native', 'announced', 3, 'float32']);
    assert.ok(found.framesPublished > 0);
  } finally {
    clearInterval(feeding);
  }
});

/** What a program prints, while this process goes on. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.is(code, 0, output);
  return output;
}

test.run();
