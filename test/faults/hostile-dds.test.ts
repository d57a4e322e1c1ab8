// What others say over DDS: names, hosts and devices with control characters get no further than a listing's error, in characters that
// a terminal only shows.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeAnnouncement } from '../../host/dds/announcement';
import {
  DdsParticipant,
  DISCOVERY_QOS,
  DISCOVERY_TOPIC,
  DISCOVERY_TYPE,
  POOL_METADATA_TYPE,
  POOL_QOS,
} from '../../host/entry/dds';
import { PoolMetadata } from '../../host/tensor/metadata';
import { encodeMetadata } from '../../host/wire/messages';
import { poolName } from '../support/child';
import { Cli, type Ended } from '../support/cli-process';
import { DOMAIN, hasDds, newPool, sweep } from '../wire-cli/support/pools';
import { plant, UNFIT, uproot } from './support/planted';

const test = suite('hostile words over DDS');
const testWith = (await hasDds()) ? test : test.skip;
const domainId = Number(DOMAIN);
test.after(() => {
  uproot();
  sweep();
});

const fields = [{ name: 'data', dtype: 'uint8' as const, shape: [4] }];

/** Bytes in which a text was replaced by another one, filled up to its length. */
function replaced(bytes: Uint8Array, text: string, other: string): Uint8Array {
  const [from, to] = [Buffer.from(text), Buffer.from(other)];
  assert.ok(to.length <= from.length);
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(from);
  assert.ok(at >= 0);
  copy.fill('x', at, at + from.length).set(to, at);
  return copy;
}

function fit({ code, stdout, stderr }: Ended): void {
  assert.is(code, 0, stderr);
  for (const text of [stdout.toString(), stderr]) {
    const at = text.search(UNFIT);
    assert.is(at, -1, JSON.stringify(text.slice(Math.max(0, at - 80), at + 80)));
    assert.not.match(text, /^\s*FORGED/m);
  }
}

testWith('ls, info and bridge beside a Python pool whose metadata was forged', async () => {
  const lies: readonly (readonly [from: string, to: string])[] = [
    ['cpu', '\u001b[7'],
    ['cpu', '\u009bm'],
    ['numpy', '\nFORG'],
    ['uint8', '\u202e\u0007m'],
  ];
  const pools = lies.map(() => newPool('forged'));
  using participant = DdsParticipant.shared({ domainId });
  const writers = pools.map((name, i) => {
    plant('tensoripc_', name, '', Buffer.alloc(8));
    const writer = participant.writer(participant.topic(`tensoripc_${name}_meta`, POOL_METADATA_TYPE), POOL_QOS.metadataWriter);
    const [from, to] = lies[i] as readonly [string, string];
    const lie = replaced(encodeMetadata(new PoolMetadata({ name, fields, historyLen: 2 }), 4242), from, to);
    // Who comes later hears only what is said then.
    return { writer, saying: setInterval(() => writer.write(lie), 50) };
  });
  try {
    for (const args of [
      ['ls', '--dds', '--domain', DOMAIN],
      ['ls', '--dds', '--domain', DOMAIN, '--json'],
    ]) {
      const ended = await new Cli(args).ended;
      fit(ended);
      for (const name of pools) assert.match(ended.stdout.toString(), new RegExp(name));
      assert.ok(ended.stdout.toString().includes('CORRUPT_OBJECT'), `the lie was not heard: ${ended.stdout}${ended.stderr}`);
    }
    for (const name of pools) {
      const ended = await new Cli(['info', name, '--domain', DOMAIN]).ended;
      fit(ended);
      assert.match(ended.stdout.toString(), /^tensor +CORRUPT_OBJECT: [^\n]*$/m);
    }
  } finally {
    for (const { writer, saying } of writers) {
      clearInterval(saying);
      writer.close();
    }
  }
});

testWith('ls --dds beside announcements with hosts, versions and names that no producer has', async () => {
  const name = 'announcedpool';
  const announcement = {
    metadata: new PoolMetadata({ name, fields, historyLen: 1 }),
    host: 'hostname-of-it',
    bootId: 'bootid-of-it',
    pid: 1,
    version: 'version-of-it',
    startedAtMs: 0,
    framesPublished: 3,
    closed: false,
    layout: 2,
    periodMs: null,
  };
  const lies: readonly (readonly [from: string, to: string])[] = [
    ['hostname-of-it', 'hostname-of-i2'],
    ['hostname-of-it', '\u001b]0;owned\u0007abcd'],
    ['hostname-of-it', '\nFORGED live'],
    ['hostname-of-it', '\u009b31m\u202eabcdef'],
    ['version-of-it', '\u001b[2Jversions'],
    ['bootid-of-it', '\rFORGED live'],
    ['announcedpool', '\nFORGED live'],
    ['uint8', '\u001b[2Jx'],
  ];
  using participant = DdsParticipant.shared({ domainId });
  using writer = participant.writer(participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE), DISCOVERY_QOS.writer);
  for (const [i, [from, to]] of lies.entries()) {
    writer.write(replaced(encodeAnnouncement({ ...announcement, id: i.toString(16).padStart(32, '0') }), from, to));
  }
  for (const args of [
    ['ls', '--dds', '--domain', DOMAIN],
    ['ls', '--dds', '--domain', DOMAIN, '--json'],
  ]) {
    const ended = await new Cli(args).ended;
    fit(ended);
    // One is as it should be, and shows that the others were heard beside it.
    assert.ok(ended.stdout.toString().includes('hostname-of-i2'), ended.stdout.toString());
    assert.is(ended.stdout.toString().split(name).length - 1, 1);
  }
});

testWith('a bridge whose figures cannot be written ends with a line, and takes its pool with it', async () => {
  const pool = poolName('bridged');
  const as = newPool('full');
  using producer = TensorProducer.fromSample(pool, new Uint8Array(8));
  producer.put(new Uint8Array(8));
  const line = `'${process.execPath}' '${Cli.program}' bridge ${pool} --to tensor-ipc --as ${as} --domain ${DOMAIN} --interval 20 > /dev/full`;
  const { status, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8', timeout: 60_000 });
  assert.is(status, 1, stderr);
  assert.match(stderr, /^tensor-ipc: cannot write to the standard output: ENOSPC: /m);
  assert.not.match(stderr, /^\s+at /m);
  assert.not.ok(readdirSync('/dev/shm').includes(`tensoripc_${as}`));
});

test.run();
