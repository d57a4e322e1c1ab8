// What the tests of discovery share: domains, our own peer in every runtime, and the peer in C on the types of the documented IDL.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { AnnouncedPool } from '../../../host/entry/dds';
import { Peer } from '../../dds/support/peers';

export const NODE = [process.execPath, '--no-warnings', fileURLToPath(new URL('./discovery-peer.mjs', import.meta.url))];

let domains = 0;

/** A domain of the test's own, below those whose ports the system gives to others, and never the one that everybody uses. */
export function nextDomain(): number {
  domains += 1;
  return 1 + ((process.pid * 16 + domains) % 99);
}

/** A producer that is announced in a process of its own. */
export async function produce(
  domain: number,
  name: string,
  { shape = [7], historyLen = 1, program = NODE }: { shape?: number[]; historyLen?: number; program?: readonly string[] } = {},
): Promise<Peer> {
  const peer = new Peer(program, [domain, 'produce', name, JSON.stringify(shape), historyLen]);
  await peer.find('ready');
  return peer;
}

export async function browse(domain: number, program: readonly string[] = NODE): Promise<Peer> {
  const peer = new Peer(program, [domain, 'browse']);
  await peer.find('ready');
  return peer;
}

/** What a browser says of a pool that has appeared; the line may have been printed already. */
export async function appeared(browser: Peer, name: string): Promise<AnnouncedPool> {
  const start = `pool ${name} `;
  const line = await browser.find(new RegExp(`^${start.replaceAll('.', '\\.')}`));
  return JSON.parse(line.slice(start.length)) as AnnouncedPool;
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, error, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (error !== undefined || status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** The peer in C: its path, or null (with a line that says why) where its tools are missing. */
export function buildPools(): string | null {
  if (spawnSync('sh', ['-c', 'command -v idlc && command -v gcc']).status !== 0) {
    console.log('skip: no peer in C: sudo apt install cyclonedds-dev cyclonedds-tools gcc');
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-discovery-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const idl = readFileSync('docs/discovery.md', 'utf8').match(/```idl\n([\s\S]*?)```/)?.[1];
  if (idl === undefined) throw new Error('docs/discovery.md has no IDL');
  writeFileSync(join(folder, 'discovery.idl'), idl);
  run('idlc', ['-l', 'c', 'discovery.idl'], folder);
  const source = resolve('test/discovery/c/pools.c');
  run('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-I.', source, 'discovery.c', '-lddsc', '-o', 'pools'], folder);
  return join(folder, 'pools');
}
