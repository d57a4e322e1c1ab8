// Pools that are announced, between processes: they appear, also to those who come late, and go, however their producers end.

import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import process from 'node:process';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnnouncedPool, DdsPoolBrowser, listAnnounced } from '../../host/entry/dds';
import { version } from '../../package.json';
import { hasLibrary, Peer } from '../dds/support/peers';
import { hasCode, leftovers, poolName, sleep, until } from '../support/child';
import { Random } from '../support/random';
import { appeared, browse, NODE, nextDomain, produce } from './support/peers';

const test = suite('discovery');
const testWith = hasLibrary() ? test : test.skip;

const frame = new Float32Array(7);

// Those that were killed left their objects.
test.after(() => {
  for (const name of readdirSync('/dev/shm'))
    if (new RegExp(`^tensoripc\\.test-discovery-\\w+-${process.pid}-`).test(name)) rmSync(`/dev/shm/${name}`);
});

testWith('a pool appears with all that it is, and goes when it is closed', async () => {
  const domain = nextDomain();
  const name = poolName('discovery-appear');
  await using browser = await browse(domain);
  const before = Date.now();
  await using producer = await produce(domain, name, { shape: [480, 640, 3], historyLen: 10 });
  const pool = await appeared(browser, name);
  assert.match(pool.id, /^[0-9a-f]{32}$/);
  assert.is(pool.host, hostname());
  assert.match(pool.bootId, /^[0-9a-f-]{36}$/);
  assert.is(pool.version, version);
  assert.ok(pool.pid > 0 && pool.pid !== process.pid);
  assert.ok(pool.startedAtMs >= before - 1 && pool.startedAtMs <= Date.now());
  assert.is(pool.framesPublished, 0);
  assert.is(pool.rateHz, null);
  assert.is(pool.metadata.historyLen, 10);
  assert.is(pool.metadata.frameBytes, 480 * 640 * 3);
  assert.equal(pool.metadata.fields, [
    { name: 'data', dtype: 'uint8', shape: [480, 640, 3], byteOffset: 0, bytes: 480 * 640 * 3 },
  ]);
  producer.send('close');
  await browser.find(`gone ${name} ${pool.id} closed`);
  assert.equal(leftovers(name), []);
  browser.send('pools');
  await browser.find('pools []');
  await producer.leave();
  await browser.leave();
});

testWith('late joiners hear of what is there; frames and their rate are told', async () => {
  const domain = nextDomain();
  const names = [poolName('discovery-late'), poolName('discovery-late')];
  const producers = [await produce(domain, names[0] as string), await produce(domain, names[1] as string, { shape: [2, 3] })];
  using browser = new DdsPoolBrowser({ domainId: domain });
  for (const name of names) assert.is((await browser.wait(60_000, (pool) => pool.name === name))?.name, name);
  assert.is(await browser.wait(1, (pool) => pool.name === 'no-such-pool'), null, 'the time is over');
  assert.equal(
    browser.pools().map((pool) => pool.name),
    [...names].sort(),
  );
  const first = () => browser.pools().find((pool) => pool.name === names[0]) as AnnouncedPool;
  const second = () => browser.pools().find((pool) => pool.name === names[1]) as AnnouncedPool;
  producers[0]?.send('put 500');
  await until(() => first().framesPublished === 500 && (first().rateHz ?? 0) > 0, 'the frames were told');
  assert.ok((first().rateHz as number) <= 500 / 0.2);
  await until(() => first().rateHz === 0 && second().rateHz === 0, 'the rate is that of the last second');
  assert.is(second().framesPublished, 0);
  assert.is(browser.ignored, 0);
  const gone: string[] = [];
  browser.on('gone', (pool, reason) => gone.push(`${pool.name} ${reason}`));
  await producers[1]?.leave();
  await until(() => gone.length === 1, 'the second was gone');
  assert.equal(gone, [`${names[1]} closed`]);
  assert.equal(
    browser.pools().map((pool) => pool.name),
    [names[0]],
  );
  await producers[0]?.leave();
});

/** How a producer ends, what the system then says of it, and what a browser does. */
const ENDS = [
  ['done', 0, 'closed'],
  ['exit', 0, 'closed'],
  ['throw', 1, 'closed'],
  ['SIGINT', 'SIGINT', 'closed'],
  ['SIGTERM', 'SIGTERM', 'closed'],
  ['SIGHUP', 'SIGHUP', 'closed'],
  ['SIGKILL', 'SIGKILL', 'died'],
] as const;

testWith('fifty ends: whoever can speak closes its pool, whoever cannot has died', async () => {
  const domain = nextDomain();
  const random = new Random(9);
  await using browser = await browse(domain);
  for (let round = 0; round < 50; round++) {
    const [end, result, reason] = round < ENDS.length ? (ENDS[round] as (typeof ENDS)[number]) : random.pick(ENDS);
    const name = poolName('discovery-end');
    await using producer = await produce(domain, name);
    if (random.next() < 0.5) producer.send(`put ${random.integer(1, 100)}`);
    const { id } = await appeared(browser, name);
    if (end.startsWith('SIG')) producer.signal(end as NodeJS.Signals);
    else producer.send(end);
    await browser.find(`gone ${name} ${id} ${reason}`);
    assert.is(await producer.ended, result, `${end}: ${producer.stderr}`);
    assert.is(leftovers(name).length, reason === 'died' ? 1 : 0);
  }
  await browser.leave();
});

testWith('kill -9 is noticed; another of its name, in another form, takes its place', async () => {
  const domain = nextDomain();
  const name = poolName('discovery-kill');
  await using browser = await browse(domain);
  await using other = await browse(domain);
  await using killed = await produce(domain, name, { shape: [4, 4] });
  const { id } = await appeared(browser, name);
  await appeared(other, name);
  const killedMs = performance.now();
  killed.signal('SIGKILL');
  await Promise.all([browser, other].map((each) => each.find(`gone ${name} ${id} died`)));
  console.log(`\nnote: a killed producer was gone after ${(performance.now() - killedMs).toFixed(0)} ms`);
  await using next = await produce(domain, name, { shape: [2, 8, 3], historyLen: 5 });
  const pool = await appeared(browser, name);
  assert.is.not(pool.id, id);
  assert.equal(pool.metadata.fields[0]?.shape, [2, 8, 3]);
  assert.is(pool.metadata.historyLen, 5);
  next.send('close');
  await browser.find(`gone ${name} ${pool.id} closed`);
  await next.leave();
  await other.leave();
  await browser.leave();
});

testWith('a producer that is busy stays; one that is stopped goes, and comes back', async () => {
  const domain = nextDomain();
  const name = poolName('discovery-busy');
  await using browser = await browse(domain);
  await using producer = await produce(domain, name);
  const { id } = await appeared(browser, name);
  producer.send('block 3000');
  await producer.find('did block');
  assert.not.ok(browser.lines.some((line) => line.startsWith('gone')));
  producer.signal('SIGSTOP');
  await browser.find(`gone ${name} ${id} died`);
  producer.signal('SIGCONT');
  assert.is((await appeared(browser, name)).id, id);
  await producer.leave();
  await browser.find(`gone ${name} ${id} closed`);
  await browser.leave();
});

testWith('in one process: announced, found, closed; wait and close end together', async () => {
  const domainId = nextDomain();
  const name = poolName('discovery-one');
  const browser = new DdsPoolBrowser({ domainId });
  const heard: string[] = [];
  browser.on('pool', (pool) => heard.push(`pool ${pool.name}`));
  browser.on('gone', (pool, reason) => heard.push(`gone ${pool.name} ${reason}`));
  const found = browser.wait(60_000);
  const producer = TensorProducer.fromSample(name, { image: frame, depth: new Uint16Array(4) }, { discovery: 'dds', domainId });
  const fields = (await found)?.metadata.fields.map((field) => `${field.name} ${field.dtype} ${field.shape}`);
  assert.equal(fields, ['image float32 7', 'depth uint16 4']);
  assert.equal(
    (await listAnnounced(domainId, 1500)).map((pool) => [pool.name, pool.pid]),
    [[name, process.pid]],
  );
  producer.close();
  await until(() => heard.length === 2, 'both events came');
  assert.equal(heard, [`pool ${name}`, `gone ${name} closed`]);
  const never = browser.wait();
  browser.close();
  browser.close();
  assert.is(await never, null);
  assert.is(await browser.wait(), null);
  assert.ok(browser.closed);
  assert.equal(browser.pools(), []);
});

testWith('an open browser keeps its process, one that is unreferenced does not', async () => {
  const domain = nextDomain();
  await using browser = await browse(domain);
  browser.send('unref');
  await browser.leave();
  await using other = await browse(domain);
  let ended = false;
  void other.ended.then(() => {
    ended = true;
  });
  await sleep(500);
  assert.not.ok(ended);
  other.send('close');
  await other.leave();
});

testWith('who is refused the pool announces nothing, and ends', async () => {
  const domain = nextDomain();
  const name = poolName('discovery-rival');
  await using browser = await browse(domain);
  await using producer = await produce(domain, name);
  const { id } = await appeared(browser, name);
  await using rival = new Peer(NODE, [domain, 'produce', name, '[3]']);
  await rival.find(/^failed PRODUCER_EXISTS /);
  assert.is(await rival.ended, 0);
  await sleep(300);
  browser.send('pools');
  const pools = JSON.parse((await browser.find(/^pools /)).slice(6)) as AnnouncedPool[];
  assert.equal(
    pools.map((pool) => pool.id),
    [id],
  );
  await producer.leave();
  await browser.leave();
});

test('what cannot be announced makes no pool, and takes none over', async () => {
  const name = poolName('discovery-never');
  const broken: [env: NodeJS.ProcessEnv, message: RegExp][] = [
    [{ TENSOR_IPC_DDSC: '/nowhere/libddsc.so' }, /^failed MISSING_DEPENDENCY .*libddsc0debian/],
    ...(hasLibrary()
      ? [[{ CYCLONEDDS_URI: '<CycloneDDS><Nonsense/></CycloneDDS>' }, /^failed DDS /] as [NodeJS.ProcessEnv, RegExp]]
      : []),
  ];
  for (const [env, message] of broken) {
    await using peer = new Peer(NODE, [nextDomain(), 'produce', name], env);
    await peer.find(message);
    assert.is(await peer.ended, 0, 'nothing is left that keeps the process');
    assert.equal(leftovers(name), []);
  }
  const sample = { data: new Uint8Array(7), shape: [7] };
  for (const options of [
    { discovery: 'mdns' as 'dds' },
    { discovery: 'dds' as const, domainId: 233 },
    { discovery: 'dds' as const, domainId: 0.5 },
    { discovery: 'dds' as const, wire: 'tensor-ipc' as const },
    { discovery: 'dds' as const, repair: true },
    { domainId: 1 },
  ]) {
    if ('domainId' in options && 'discovery' in options && !hasLibrary()) continue;
    assert.throws(() => TensorProducer.fromSample(name, sample, options), hasCode('INVALID_ARGUMENT'), JSON.stringify(options));
    assert.equal(leftovers(name), []);
  }
});

testWith('a pool that a dead producer left is not touched where DDS fails', async () => {
  const domain = nextDomain();
  const name = poolName('discovery-heir');
  await using killed = await produce(domain, name);
  killed.signal('SIGKILL');
  await killed.ended;
  assert.is(leftovers(name).length, 1);
  await using heir = new Peer(NODE, [domain, 'produce', name], { TENSOR_IPC_DDSC: '/nowhere/libddsc.so' });
  await heir.find(/^failed MISSING_DEPENDENCY /);
  await heir.ended;
  assert.is(leftovers(name).length, 1);
  await using next = await produce(domain, name);
  await next.leave();
  assert.equal(leftovers(name), []);
});

test.run();
