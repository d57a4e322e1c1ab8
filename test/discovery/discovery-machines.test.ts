// Machines of a network, made of network namespaces with a cable between each and a switch: each has its own name, its own shared memory,
// its own addresses. Needs root and iproute2.

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasLibrary, Peer } from '../dds/support/peers';
import { poolName } from '../support/child';
import { appeared, NODE, nextDomain } from './support/peers';

const test = suite('discovery-machines');

/** Short: an interface's name has at most fifteen characters. */
const PREFIX = `ti${process.pid}`;
const SWITCH = `${PREFIX}s`;
const NAMES = ['alpha', 'beta'] as const;
type Name = (typeof NAMES)[number];
const spaceOf = (name: Name) => `${PREFIX}${name[0]}`;
const addressOf = (name: Name) => `10.213.0.${NAMES.indexOf(name) + 1}`;

function ip(command: string): void {
  const { status, stderr, error } = spawnSync('ip', command.split(' '), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${command}: ${error?.message ?? stderr.trim()}`);
}

function wire(): void {
  // A switch that sends multicast on to whoever is there, in a namespace of its own, so that the machine's own network stays out of it.
  ip(`netns add ${SWITCH}`);
  ip(`-n ${SWITCH} link add switch type bridge mcast_snooping 0`);
  ip(`-n ${SWITCH} link set switch up`);
  for (const name of NAMES) {
    const space = spaceOf(name);
    ip(`netns add ${space}`);
    ip(`link add eth0 netns ${space} type veth peer name ${name} netns ${SWITCH}`);
    ip(`-n ${SWITCH} link set ${name} master switch up`);
    ip(`-n ${space} address add ${addressOf(name)}/24 dev eth0`);
    ip(`-n ${space} link set eth0 up`);
    ip(`-n ${space} link set lo up`);
  }
}

function unwire(): void {
  for (const space of [SWITCH, ...NAMES.map(spaceOf)]) spawnSync('ip', ['netns', 'delete', space]);
}

/** Why there can be no such machines here; null where there can. */
function obstacle(): string | null {
  if (process.getuid?.() !== 0) return 'not root';
  if (spawnSync('sh', ['-c', 'command -v ip && command -v unshare']).status !== 0) return 'sudo apt install iproute2 util-linux';
  if (spawnSync('unshare', ['-m', '-u', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0)
    return 'no mounts of its own here';
  try {
    wire();
    return null;
  } catch (error) {
    unwire();
    return error instanceof Error ? error.message : String(error);
  }
}

let ready = false;
if (hasLibrary()) {
  const why = obstacle();
  ready = why === null;
  if (!ready) console.log(`\nskip: no machines of network namespaces: ${why}`);
}
process.on('exit', () => {
  if (ready) unwire();
});
const testWith = ready ? test : test.skip;

/** A program on one of the machines. */
function on(name: Name, args: readonly (string | number)[], env: NodeJS.ProcessEnv = {}): Peer {
  const setup = 'mount -t tmpfs tmpfs /dev/shm && hostname "$0" && exec "$@"';
  return new Peer(['ip', 'netns', 'exec', spaceOf(name), 'unshare', '-m', '-u', 'sh', '-c', setup, name, ...NODE], args, env);
}

const UNICAST = {
  CYCLONEDDS_URI:
    '<CycloneDDS><Domain Id="any"><General><AllowMulticast>false</AllowMulticast></General><Discovery>' +
    '<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>60</MaxAutoParticipantIndex>' +
    `<Peers>${NAMES.map((name) => `<Peer Address="${addressOf(name)}"/>`).join('')}</Peers></Discovery></Domain></CycloneDDS>`,
};

for (const [network, env] of [
  ['multicast', {}],
  ['peers that are named', UNICAST],
] as const) {
  testWith(`${network}: pools of one name on two machines`, async () => {
    const domain = nextDomain();
    const name = poolName('discovery-machine');
    await using here = on('alpha', [domain, 'browse'], env);
    await using there = on('beta', [domain, 'browse'], env);
    await using first = on('alpha', [domain, 'produce', name, '[3]'], env);
    await first.find('ready');
    const alpha = [await appeared(here, name), await appeared(there, name)];
    await using second = on('beta', [domain, 'produce', name, '[4,4]', 2], env);
    await second.find('ready');
    const beta = [await appeared(here, name), await appeared(there, name)];
    assert.equal(alpha[0]?.metadata, alpha[1]?.metadata);
    assert.equal(
      [...alpha, ...beta].map((pool) => [pool.host, pool.metadata.fields[0]?.shape.join()]),
      [
        ['alpha', '3'],
        ['alpha', '3'],
        ['beta', '4,4'],
        ['beta', '4,4'],
      ],
    );
    assert.is.not(alpha[0]?.id, beta[0]?.id);
    second.signal('SIGKILL');
    await here.find(`gone ${name} ${beta[0]?.id} died`);
    await there.find(`gone ${name} ${beta[0]?.id} died`);
    first.send('close');
    await there.find(`gone ${name} ${alpha[0]?.id} closed`);
    await first.leave();
    await here.leave();
    await there.leave();
  });
}

testWith('a cable that is pulled: gone; plugged in again: back', async () => {
  const domain = nextDomain();
  const name = poolName('discovery-cable');
  await using here = on('alpha', [domain, 'browse']);
  await using producer = on('beta', [domain, 'produce', name]);
  const { id } = await appeared(here, name);
  ip(`-n ${SWITCH} link set beta down`);
  await here.find(`gone ${name} ${id} died`);
  ip(`-n ${SWITCH} link set beta up`);
  assert.is((await appeared(here, name)).id, id);
  await producer.leave();
  await here.find(`gone ${name} ${id} closed`);
  await here.leave();
});

test.run();
