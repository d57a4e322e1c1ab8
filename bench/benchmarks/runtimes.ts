// The same figures in every runtime that is installed. The rounds go from runtime to runtime, so that a busy minute of the machine
// falls on all of them.

import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { TensorProducer } from 'tensor-ipc';
import { type LinkSide, linkKindOf } from '../harness/bare-link';
import { nowNs, sleep } from '../harness/clock';
import type { Benchmark, Context } from '../harness/contract';
import type { Native } from '../harness/native';
import { makeFifo, openFifo } from '../harness/pipes';
import { displace, type Placement, placeBoth, placed, sharedAndApart } from '../harness/placement';
import { sampleFrame } from '../harness/pools';
import type { Commands, Partner, Role } from '../harness/processes';
import { runtimeTable } from '../harness/runtime-table';
import { findRuntimes, type InstalledRuntime } from '../harness/runtimes';
import { median, type Promised, promised } from '../harness/stats';
import { cpuNs, sleeps } from '../harness/usage';
import { MEASURABLE_PERCENT, SETTLE_MS } from './idle-cpu';
import { Figures } from './runtime-figures';
import { type Operation, playerRole, type Timed, waiterRole } from './runtime-roles';

const SMALL_BYTES = 28;
/** No step takes this long. A watchdog, not a limit on speed. */
const STEP_WATCHDOG_MS = 30_000;
const IDLE_WINDOW_MS = 4000;
const QUICK_IDLE_WINDOW_MS = 2000;

interface Step {
  readonly operation: Operation;
  readonly bytes: number;
  readonly metric: string;
  readonly against: string;
  readonly program: 'ring_copy' | 'ring_ops';
  readonly promise?: Promised;
  request(timed: Timed): (string | number)[];
}

const MEMCPY_IN = 'memcpy into an equal ring, C';
const WORDS = 'the same shared words in C';

function putStep(bytes: number, promise: Promised): Step {
  return {
    operation: 'put',
    bytes,
    metric: 'put',
    against: MEMCPY_IN,
    program: 'ring_copy',
    promise,
    request: ({ ring, operations, batches }) => ['in', bytes, ring.strideBytes, ring.slots, operations, batches],
  };
}

const steps: readonly Step[] = [
  putStep(SMALL_BYTES, promised.atMost(300, 'ns')),
  putStep(921600, promised.ratioAtMost(1.15)),
  putStep(6220800, promised.ratioAtMost(1.15)),
  {
    operation: 'get',
    bytes: SMALL_BYTES,
    metric: 'get',
    against: 'memcpy out of an equal ring, C',
    program: 'ring_copy',
    request: ({ ring, operations, batches }) => ['out', SMALL_BYTES, ring.strideBytes, ring.slots, operations, batches],
  },
  {
    operation: 'borrow-release',
    bytes: SMALL_BYTES,
    metric: 'borrow+release',
    against: WORDS,
    program: 'ring_ops',
    promise: promised.atMost(300, 'ns'),
    request: ({ ring, operations, batches }) => ['borrow', ring.slots, operations, batches, 1],
  },
  {
    operation: 'loan-commit',
    bytes: SMALL_BYTES,
    metric: 'loan+commit',
    against: WORDS,
    program: 'ring_ops',
    promise: promised.atMost(300, 'ns'),
    request: ({ ring, operations, batches }) => ['loan', ring.slots, operations, batches],
  },
];

type Player = Partner<Awaited<ReturnType<typeof playerRole.start>>>;

/** A runtime and its two processes. */
interface Session {
  readonly runtime: InstalledRuntime;
  readonly id: string;
  readonly here: Player;
  readonly there: Player;
}

type Natives = Readonly<Record<string, Native | null>>;

const programs = ['ring_copy', 'ring_ops', 'pipe_pingpong', 'futex_pingpong'] as const;

/** Starts a process in a runtime, with the FIFO that it reads from where it reads from one. */
async function startIn<Config extends { readonly link: LinkSide }, C extends Commands>(
  context: Context,
  runtime: InstalledRuntime,
  role: Role<Config, C>,
  config: Config,
  fifo: string,
): Promise<Partner<C>> {
  if (config.link.kind === 'socket') return context.partner(role, config, { runtime });
  const fd = openFifo(fifo);
  try {
    return await context.partner(role, config, { runtime, descriptors: [fd] });
  } finally {
    closeSync(fd);
  }
}

async function startSession(context: Context, runtime: InstalledRuntime, index: number): Promise<Session> {
  const id = `runtime-${index}`;
  const kind = linkKindOf(runtime.kind);
  const [ping, pong] = [join(context.folder, `${id}-ping`), join(context.folder, `${id}-pong`)];
  if (kind === 'fifo') for (const path of [ping, pong]) makeFifo(path);
  const link = (side: 'listen' | 'connect', sends: string): LinkSide =>
    kind === 'fifo' ? { kind, sends } : { kind, path: join(context.folder, `${id}.sock`), side };
  const pools = (name: string) => ({
    ping: context.poolName(`${id}-${name}-ping`),
    pong: context.poolName(`${id}-${name}-pong`),
  });
  const [loop, blocking] = [pools('loop'), pools('blocking')];
  const there = await startIn(
    context,
    runtime,
    playerRole,
    {
      link: link('listen', pong),
      loop: { sends: loop.pong, receives: loop.ping },
      blocking: { sends: blocking.pong, receives: blocking.ping },
    },
    ping,
  );
  const here = await startIn(
    context,
    runtime,
    playerRole,
    {
      link: link('connect', ping),
      loop: { sends: loop.ping, receives: loop.pong },
      blocking: { sends: blocking.ping, receives: blocking.pong },
    },
    pong,
  );
  return { runtime, id, here, there };
}

async function timeOperations(context: Context, session: Session, natives: Natives, figures: Figures): Promise<void> {
  const { runtime, id, here } = session;
  const runMs = context.quick ? 30 : 120;
  for (const { operation, bytes, metric, against, program, promise, request } of steps) {
    const timed = await here.call('time', { operation, bytes, runMs, pool: context.poolName(`${id}-${bytes}`) });
    const limit = await natives[program]?.ask(...request(timed));
    figures.add(
      runtime.title,
      { metric, size: bytes, unit: 'ns', against, promise },
      timed.ns,
      limit === undefined ? null : median(limit),
    );
  }
}

async function timeWakeUps(
  context: Context,
  session: Session,
  placement: Placement,
  natives: Natives,
  figures: Figures,
): Promise<void> {
  const { here, there, runtime } = session;
  placeBoth(placement, [here.pid, there.pid]);
  const count = context.quick ? 400 : 3000;
  const argument = { count };
  const inC = async (program: (typeof programs)[number]) => {
    const samples = await natives[program]?.ask('pingpong', 50, Math.ceil(count / 50), ...placement.cpus);
    return samples === undefined ? null : median(samples);
  };
  const size = SMALL_BYTES;
  const unit = 'ns';
  const pipeInC = await inC('pipe_pingpong');
  const [bare] = await Promise.all([here.call('pingPipe', argument), there.call('echoPipe', argument)]);
  const [loop] = await Promise.all([here.call('pingLoop', argument), there.call('echoLoop', argument)]);
  const own = 'a bare pipe (Bun: socket) in the same runtime';
  const promise = promised.ratioAtMost(1.5);
  figures.add(
    runtime.title,
    { metric: placed('next()', placement), size, unit, against: own, promise },
    loop.medianNs,
    bare.medianNs,
  );
  figures.add(runtime.title, { metric: placed('next() p99', placement), size, unit, against: own }, loop.p99Ns, bare.p99Ns);
  const pipe = { metric: placed('bare pipe', placement), size, unit, against: 'a pipe and epoll, C' };
  figures.add(runtime.title, pipe, bare.medianNs, pipeInC);
  const futex = await inC('futex_pingpong');
  const [sync] = await Promise.all([here.call('pingBlocking', argument), there.call('echoBlocking', argument)]);
  const waitSync = { metric: placed('waitSync', placement), size, unit, against: 'a bare futex, C' };
  figures.add(runtime.title, waitSync, sync.medianNs, futex);
}

/** All runtimes wait at the same time: whoever does not poll disturbs nobody. */
async function watchIdle(context: Context, runtimes: readonly InstalledRuntime[], figures: Figures): Promise<void> {
  const pool = context.poolName('runtimes-idle');
  using producer = TensorProducer.fromSample(pool, sampleFrame(SMALL_BYTES));
  producer.put(sampleFrame(SMALL_BYTES));
  const waiters: { title: string; waiting: Partner<Commands>; bare: Partner<Commands> }[] = [];
  for (const [index, runtime] of runtimes.entries()) {
    const kind = linkKindOf(runtime.kind);
    const path = join(context.folder, `idle-${index}`);
    if (kind === 'fifo') makeFifo(path);
    const link: LinkSide = kind === 'fifo' ? { kind, sends: path } : { kind, path, side: 'listen' };
    const start = (name: string | null) =>
      startIn<{ link: LinkSide; pool: string | null }, Commands>(context, runtime, waiterRole, { pool: name, link }, path);
    waiters.push({ title: runtime.title, waiting: await start(pool), bare: await start(null) });
  }
  await sleep(SETTLE_MS);
  const windowMs = context.quick ? QUICK_IDLE_WINDOW_MS : IDLE_WINDOW_MS;
  const runs = context.runs(1, 3);
  const used = ({ pid }: Partner<Commands>) => ({ ns: cpuNs(pid), sleeps: sleeps(pid) });
  for (let run = 0; run < runs; run++) {
    context.progress(`runtimes, waiting for ${windowMs / 1000} s, run ${run + 1} of ${runs}`);
    const before = waiters.map(({ waiting, bare }) => [used(waiting), used(bare)] as const);
    const start = nowNs();
    await sleep(windowMs);
    const elapsedNs = nowNs() - start;
    for (const [i, [waited, idled]] of before.entries()) {
      const { title, waiting, bare } = waiters[i] as (typeof waiters)[number];
      const [now, bareNow] = [used(waiting), used(bare)];
      const percent = (from: { ns: number }, to: { ns: number }) => ((to.ns - from.ns) / elapsedNs) * 100;
      const perSecond = (from: { sleeps: number }, to: { sleeps: number }) => ((to.sleeps - from.sleeps) / elapsedNs) * 1e9;
      const against = 'the same runtime waiting on a bare pipe (Bun: socket)';
      const promise = promised.atMost(MEASURABLE_PERCENT, '%');
      const size = SMALL_BYTES;
      const cpu = { metric: 'waiting: CPU', size, unit: '%', against, promise, absolute: true };
      figures.add(title, cpu, percent(waited, now), percent(idled, bareNow));
      const turns = { metric: 'waiting: wakes', size, unit: '/s', against, absolute: true };
      figures.add(title, turns, perSecond(waited, now), perSecond(idled, bareNow));
    }
  }
  for (const { waiting, bare } of waiters) await Promise.all([waiting.stop(), bare.stop()]);
}

/** Runs a step; a runtime that fails or hangs in it is left out from there on. */
async function attempt(context: Context, sessions: Session[], session: Session, step: () => Promise<void>): Promise<void> {
  let watchdog: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    watchdog = setTimeout(() => reject(new Error(`no answer for ${STEP_WATCHDOG_MS} ms`)), STEP_WATCHDOG_MS);
  });
  try {
    await Promise.race([step(), hung]);
  } catch (error) {
    context.report('failed', `${session.runtime.title}: ${error instanceof Error ? error.message : String(error)}`);
    session.here.kill();
    session.there.kill();
    sessions.splice(sessions.indexOf(session), 1);
  } finally {
    clearTimeout(watchdog);
  }
}

export const runtimes: Benchmark = {
  name: 'runtimes',
  measures: 'the same in every runtime: one operation by itself, and one way of a ping-pong between two processes',
  programs,
  table: runtimeTable,
  async run(context) {
    const { installed } = findRuntimes();
    const natives: Natives = Object.fromEntries(programs.map((program) => [program, context.native(program)]));
    const figures = new Figures('runtimes');
    const sessions: Session[] = [];
    for (const [index, runtime] of installed.entries()) {
      try {
        sessions.push(await startSession(context, runtime, index));
      } catch (error) {
        context.report('failed', `${runtime.title}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const runs = context.runs(2, 7);
    const placements = sharedAndApart();
    // The first run warms up and is not counted.
    for (let run = -1; run < runs; run++) {
      const counted = run < 0 ? new Figures('runtimes') : figures;
      for (const session of [...sessions]) {
        context.progress(`runtimes, ${session.runtime.title}, run ${Math.max(1, run + 1)} of ${runs}`);
        await attempt(context, sessions, session, async () => {
          displace([session.here.pid, session.there.pid]);
          await timeOperations(context, session, natives, counted);
          for (const placement of placements) await timeWakeUps(context, session, placement, natives, counted);
        });
      }
    }
    const running = sessions.map(({ runtime }) => runtime);
    for (const { here, there } of sessions) await Promise.all([here.stop(), there.stop()]);
    await watchIdle(context, running, figures);
    for (const native of Object.values(natives)) native?.stop();
    return figures.results();
  },
};
