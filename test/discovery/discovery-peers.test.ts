// Discovery against a peer in C on the types that idlc makes of the IDL in docs/discovery.md, and in every runtime.

import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DdsPoolBrowser } from '../../host/entry/dds';
import { hasLibrary, Peer } from '../dds/support/peers';
import { poolName, until } from '../support/child';
import { installedRuntimes } from '../support/runtimes';
import { appeared, browse, buildPools, NODE, nextDomain, produce } from './support/peers';

const test = suite('discovery-peers');
const library = hasLibrary();
const pools = library ? buildPools() : null;
const testWith = pools === null ? test.skip : test;

testWith('a program in C lists our pools, by the documented IDL', async () => {
  const domainId = nextDomain();
  const name = poolName('discovery-c');
  const late = poolName('discovery-c');
  await using lister = new Peer([pools as string], [domainId, 'list']);
  await lister.find('ready');
  const frame = {
    'rgb/left': new Uint8Array(12),
    depth: { data: new Float32Array(6), shape: [2, 3], encoding: 'depth32f', frameId: 'optical' },
    points: { data: new Float32Array(3), shape: [1, 3], maxLength: 10, encoding: 'xyz', unit: 'm' },
  } as const;
  const producer = TensorProducer.fromSample(name, frame, { historyLen: 3, periodMs: 33.333333, discovery: 'dds', domainId });
  using browser = new DdsPoolBrowser({ domainId });
  const pool = await browser.wait(60_000);
  if (pool === null) throw new Error('not found');
  const { id, host, bootId, version, startedAtMs } = pool;
  const line = (frames: number) =>
    `pool ${id} ${name} tensoripc.${name} ${host} ${bootId} ${version} ${process.pid} ${startedAtMs} ${frames} 3 256 ` +
    'rgb/left:uint8[12] depth:float32[2,3]/depth32f/optical points:float32[10,3]<=10/xyz/m layout 2 period 33333333';
  await lister.find(line(0));
  producer.put(frame);
  await lister.find(line(1));
  producer.close();
  await lister.findAll(`closed ${id}`, `no-writers ${id}`);
  await using second = await produce(domainId, late, { shape: [] });
  // One that comes late.
  await using other = new Peer([pools as string], [domainId, 'list']);
  const found = await other.find(new RegExp(` ${late} .* data:uint8\\[\\] layout 2 period 0$`));
  second.signal('SIGKILL');
  await other.find(`no-writers ${found.split(' ')[1]}`);
  assert.not.ok(other.lines.some((said) => said.startsWith('closed')));
  using heir = TensorProducer.fromSample(late, { data: new Uint8Array(1), shape: [] });
  heir.put({ data: new Uint8Array(1), shape: [] });
  await lister.leave();
  await other.leave();
});

testWith('we list what a program in C announces', async () => {
  const domainId = nextDomain();
  const id = '0123456789abcdef0123456789abcdef';
  using browser = new DdsPoolBrowser({ domainId });
  const gone: string[] = [];
  browser.on('gone', (pool, reason) => gone.push(`${pool.name} ${reason}`));
  await using first = new Peer([pools as string], [domainId, 'announce', id, 'c-camera']);
  await first.find('ready');
  const pool = await browser.wait(60_000);
  const { metadata, pid, ...rest } = pool as NonNullable<typeof pool>;
  assert.equal(rest, {
    id,
    name: 'c-camera',
    host: 'written-in-c',
    bootId: '',
    version: '0',
    startedAtMs: 1700000000123,
    framesPublished: 7,
    rateHz: null,
    layout: 2,
    periodMs: 33.333333,
  });
  assert.ok(pid > 0);
  assert.equal(
    metadata.fields.map(({ name, dtype, shape, byteOffset, ...said }) => [name, dtype, shape, byteOffset, said]),
    [
      ['rgb', 'uint8', [480, 640, 3], 0, { bytes: 921600, encoding: 'rgb8', frameId: 'optical' }],
      ['points', 'float32', [300_000, 3], 921600, { bytes: 3_600_000, maxLength: 300_000, encoding: 'xyz', unit: 'm' }],
    ],
  );
  await first.leave();
  await until(() => gone.length === 1, 'it was closed');
  await using second = new Peer([pools as string], [domainId, 'announce', id, 'c-camera']);
  await second.find('ready');
  await browser.wait(60_000);
  second.signal('SIGKILL');
  await until(() => gone.length === 2, 'it was killed');
  assert.equal(gone, ['c-camera closed', 'c-camera died']);
  assert.is(browser.ignored, 0);
});

for (const { name: runtime, program, args } of library ? installedRuntimes() : []) {
  const theirs = [program, ...args, NODE.at(-1) as string];
  test(`${runtime}: announces, lists, and ends`, async () => {
    const domain = nextDomain();
    const [ours, his] = [poolName('discovery-runtime'), poolName('discovery-runtime')];
    await using node = await browse(domain);
    await using other = await browse(domain, theirs);
    await using first = await produce(domain, ours, { shape: [3, 2] });
    const ids = new Map([[ours, (await appeared(node, ours)).id]]);
    await using second = await produce(domain, his, { shape: [2, 3], program: theirs });
    const { id, host, bootId, version } = await appeared(node, his);
    assert.ok(host !== '' && bootId !== '' && version !== '');
    ids.set(his, id);
    await other.findAll(new RegExp(`^pool ${ours} `), new RegExp(`^pool ${his} `));
    second.send('put 3');
    await second.find('did put');
    second.send('close');
    await node.find(`gone ${his} ${ids.get(his)} closed`);
    await other.find(`gone ${his} ${ids.get(his)} closed`);
    await second.leave();
    await first.leave();
    await other.find(`gone ${ours} ${ids.get(ours)} closed`);
    await using listed = new Peer(theirs, [domain, 'list', 100]);
    await listed.find('list []');
    assert.is(await listed.ended, 0);
    await other.leave();
    await node.leave();
  });
}

test.run();
