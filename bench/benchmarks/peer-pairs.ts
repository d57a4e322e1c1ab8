// Pairs of processes that pass frames on, in whatever way: this library's, Node's own, other libraries'. A way that cannot be had here says why.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../harness/clock';
import type { Context } from '../harness/contract';
import { repositoryFolder } from '../harness/machine';
import { Native } from '../harness/native';
import { apart, placeBoth, setAffinity } from '../harness/placement';
import { endsOf, missing, type NodeWay, PEERS_FOLDER } from '../peers/peer-ends';
import { peerReceiverRole, peerSenderRole } from './peer-roles';

/** Until the last frame of a round has arrived. */
const ARRIVAL_MS = 60;
/** Nobody is waited for longer. A watchdog, not a limit on speed. */
const WATCHDOG_MS = 60_000;

export interface Pair {
  /** Sends so many frames at a pace: ns from just before each was written until the reader had it. */
  run(rateHz: number, count: number): Promise<number[]>;
  stop(): Promise<void>;
}

export interface Way {
  readonly name: string;
  /** Whether the frame is written where the reader reads it, or copied. */
  readonly form: 'lent' | 'copied';
  /** How the reader waits. */
  readonly wait: 'asleep' | 'spinning';
  start(context: Context, channel: string, bytes: number): Promise<Pair>;
}

const peersFolder = () => join(repositoryFolder(), PEERS_FOLDER);

/** Installs what can be, once. What cannot is left out, and its way says so. */
export function installPeers(): void {
  if (existsSync(join(peersFolder(), 'node_modules'))) return;
  execFileSync(process.execPath, ['scripts/peers.mjs', 'bench'], {
    cwd: repositoryFolder(),
    stdio: ['ignore', process.stderr, process.stderr],
  });
}

function node(way: NodeWay, form: Way['form'], path: 'pool' | 'file'): Way {
  return {
    name: way,
    form,
    wait: 'asleep',
    async start(context, channel, bytes) {
      const why = missing(way);
      if (why !== null) throw new Error(why);
      const config = { way, bytes, channel: path === 'pool' ? context.poolName(channel) : join(context.folder, channel) };
      const sender = await context.partner(peerSenderRole, config);
      const receiver = endsOf(way).receive === undefined ? null : await context.partner(peerReceiverRole, config);
      const { cpus } = apart();
      if (receiver !== null) placeBoth(apart(), [sender.pid, receiver.pid]);
      else if (cpus[0] >= 0) {
        setAffinity(sender.pid, String(cpus[0]));
        await sender.call('placeReader', cpus[1]);
      }
      return {
        async run(rateHz, count) {
          await sender.call('run', { rateHz, count });
          await sleep(ARRIVAL_MS);
          return receiver === null ? ((await sender.call('collect', undefined)) ?? []) : receiver.call('collect', undefined);
        },
        stop: async () => {
          await sender.stop();
          await receiver?.stop();
        },
      };
    },
  };
}

/** Our own loop that burns its core. */
const ourSpin: Way = {
  name: 'spin, loan → borrow',
  form: 'lent',
  wait: 'spinning',
  async start(context, channel, bytes) {
    const config = { way: 'loan → borrow' as const, bytes, channel: context.poolName(channel) };
    const sender = await context.partner(peerSenderRole, config);
    const receiver = await context.partner(peerReceiverRole, { ...config, spins: true });
    placeBoth(apart(), [sender.pid, receiver.pid]);
    return {
      async run(rateHz, count) {
        const spun = receiver.call('spin', { count, timeoutMs: WATCHDOG_MS });
        await sender.call('run', { rateHz, count });
        return spun;
      },
      stop: async () => {
        await sender.stop();
        await receiver.stop();
      },
    };
  },
};

/** Two programs that serve lines: bench/peers/cyclone_peer.c says how. */
async function programs(writer: Native, reader: Native): Promise<Pair> {
  await Promise.all([writer.answer('ready'), reader.answer('ready')]);
  placeBoth(apart(), [writer.pid, reader.pid]);
  return {
    async run(rateHz, count) {
      await writer.ask('run', rateHz, count);
      await sleep(ARRIVAL_MS);
      return (await reader.ask('collect')).filter((latency) => latency >= 0);
    },
    async stop() {
      writer.stop();
      reader.stop();
    },
  };
}

const CYCLONE_HINT = 'apt-get install cyclonedds-dev cyclonedds-tools libddsc0debian gcc libc6-dev';

/** On the loopback, in few and large datagrams. */
const CYCLONE_CONFIGURATION =
  '<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="lo" multicast="true"/></Interfaces><MaxMessageSize>65500B</MaxMessageSize>' +
  '<FragmentSize>65000B</FragmentSize></General></Domain></CycloneDDS>';

const cyclone: Way = {
  name: 'Cyclone DDS, C',
  form: 'copied',
  wait: 'asleep',
  async start(context, channel, bytes) {
    const program = join(context.folder, 'cyclone_peer');
    if (!existsSync(program)) {
      try {
        const options = { cwd: context.folder, stdio: 'pipe' } as const;
        execFileSync('idlc', ['-l', 'c', join(peersFolder(), 'frame.idl')], options);
        const source = join(peersFolder(), 'cyclone_peer.c');
        execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-I.', source, 'frame.c', '-lddsc', '-lpthread', '-o', program], options);
      } catch (error) {
        throw new Error(
          `it could not be built (${error instanceof Error ? error.message.split('\n')[0] : error}): ${CYCLONE_HINT}`,
        );
      }
    }
    const start = (end: string) =>
      new Native(program, [end, String(process.pid % 200), channel.replaceAll('-', '_'), String(bytes)], {
        CYCLONEDDS_URI: CYCLONE_CONFIGURATION,
      });
    return programs(start('writer'), start('reader'));
  },
};

function iceoryx2(wait: Way['wait']): Way {
  return {
    name: `iceoryx2 in Python, ${wait === 'asleep' ? 'its events' : 'polling'}`,
    form: 'lent',
    wait,
    async start(context, channel, bytes) {
      const python = join(peersFolder(), 'venv', 'bin', 'python');
      if (!existsSync(python)) throw new Error('it is not installed: npm run peers bench says why');
      const service = context.poolName(channel);
      const start = (end: string) =>
        new Native(python, [
          join(peersFolder(), 'iceoryx2_peer.py'),
          end,
          service,
          String(bytes),
          wait === 'asleep' ? 'wait' : 'poll',
        ]);
      return programs(start('writer'), start('reader'));
    },
  };
}

export const OURS: readonly Way[] = [node('loan → borrow', 'lent', 'pool'), node('put → next', 'copied', 'pool'), ourSpin];

export const PEERS: readonly Way[] = [
  node('workers, in place', 'lent', 'pool'),
  node('workers, copied', 'copied', 'pool'),
  node('shm-typed-array + socket', 'copied', 'file'),
  node('Unix socket', 'copied', 'file'),
  node('zeromq', 'copied', 'file'),
  node('child-process IPC', 'copied', 'file'),
  cyclone,
  iceoryx2('asleep'),
  iceoryx2('spinning'),
];
