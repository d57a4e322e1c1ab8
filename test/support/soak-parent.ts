// The soak itself: keeps every seat taken, listens, and holds what it hears against what the pools promise.

import { readdirSync } from 'node:fs';
import { MetadataCreator, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { Figures, type Report } from './soak-figures';
import { HISTORY, planSeats, type Seat } from './soak-plan';
import { type Death, PoolWatch } from './soak-pool';
import { type LogLine, type SeatListener, SeatProcess } from './soak-seat';
import { nowMs } from './soak-steps';

/** The promise is 200 ms. Machines under test are shared and stand still at times: only far beyond it is a fault. */
const FAULT_WAIT_MS = 2000;
/** A death may have been in the way of publications that began this much later. */
const DEATH_MATTERS_MS = 1000;
/** Lines of different children arrive in any order: judge when all must be in. */
const SETTLE_MS = 600;

/** Whether this build of the library knows lossless consumers: it would refuse this delivery. */
function knowsLossless(pool: string): boolean {
  const options: object = { delivery: 'neither' };
  try {
    TensorConsumer.attach(pool, options).cleanup();
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'INVALID_ARGUMENT') return true;
    throw error;
  }
}

const describe = ({ step, who, at }: Death, now: number) => `${who} died ${step}, ${(now - at).toFixed(0)} ms before`;

export class Soak implements SeatListener {
  readonly figures = new Figures();
  readonly lossless: boolean;
  readonly #seats: SeatProcess[];
  readonly #pools = new Map<string, PoolWatch>();
  readonly #published = new Map<SeatProcess, { published: number; refused: number }>();
  // Disconnections that were heard of before the death that caused them.
  readonly #early = new Map<string, number[]>();
  #draining = false;
  readonly #begun = nowMs();

  constructor(
    readonly seed: number,
    readonly prefix: string,
    program: string,
  ) {
    this.lossless = knowsLossless(`${prefix}-probe`);
    const seats = planSeats(prefix, this.lossless);
    this.#seats = seats.map((seat) => new SeatProcess(seat, seed, program, this));
    for (const { pool } of seats) {
      this.#pools.set(pool, new PoolWatch(pool));
      this.#early.set(pool, []);
    }
  }

  get seconds(): number {
    return (nowMs() - this.#begun) / 1000;
  }

  #pool(seat: Seat): PoolWatch {
    return this.#pools.get(seat.pool) as PoolWatch;
  }

  #who({ seat, life }: SeatProcess): string {
    return `${seat.kind ?? seat.role} (seat ${seat.index}, life ${life.life})`;
  }

  #fault(from: SeatProcess, text: string): void {
    const { seat, life } = from;
    const now = nowMs();
    const deathsBefore = this.#pool(seat)
      .deaths.slice(-6)
      .map((death) => describe(death, now));
    const role = `seat ${seat.index}, ${seat.kind ?? `${seat.role} (${seat.policy})`}`;
    this.figures.faults.push({ text, pool: seat.pool, role, life: JSON.stringify(life), deathsBefore });
  }

  started(from: SeatProcess): void {
    this.figures.starts += 1;
    if (from.seat.role !== 'producer') return;
    this.#published.set(from, { published: 0, refused: 0 });
    const { producerDiedAt } = this.#pool(from.seat);
    const gapMs = nowMs() - producerDiedAt;
    if (producerDiedAt === 0 || gapMs < FAULT_WAIT_MS) return;
    for (const other of this.#seats) {
      const { seat, running, connected, startedAt } = other;
      if (seat.pool === from.seat.pool && seat.role === 'consumer' && running && connected && startedAt < producerDiedAt)
        this.#fault(other, `its producer has been gone for ${gapMs.toFixed(0)} ms, and it has not noticed`);
    }
  }

  said(from: SeatProcess, line: LogLine): void {
    const pool = this.#pool(from.seat);
    switch (line.kind) {
      case 'fault':
        this.#fault(from, line.text);
        break;
      case 'open': {
        const wrong = pool.opened(line.pool, line.next, from.life.words);
        (this.#early.get(pool.name) as number[]).length = 0;
        if (wrong !== null) this.#fault(from, wrong);
        break;
      }
      case 'count': {
        const last = this.#published.get(from) ?? { published: 0, refused: 0 };
        this.figures.published += line.published - last.published;
        this.figures.refused += line.refused - last.refused;
        this.#published.set(from, line);
        break;
      }
      case 'checked':
        this.figures.checked += line.frames;
        break;
      case 'slow':
        setTimeout(() => this.#judgeWait(from, line.begun, line.ended), SETTLE_MS).unref();
        break;
      case 'disconnect':
        if (line.reason !== 'died') break;
        if (pool.producerAlive) this.#early.get(pool.name)?.push(line.at);
        else this.#noticed(from, line.at - pool.producerDiedAt);
        break;
      case 'end':
        if (!this.#draining) break;
        this.#left(from, line.pool, line.sequence);
        break;
      case 'left':
        this.#left(from, line.pool, line.sequence);
        break;
    }
  }

  #left(from: SeatProcess, pool: number, sequence: number): void {
    const wrong = this.#pool(from.seat).left(pool, sequence);
    if (wrong !== null) this.#fault(from, wrong);
  }

  #noticed(from: SeatProcess, ms: number): void {
    // Those who came after the death found nothing to lose.
    if (ms < 0) return;
    this.figures.noticed.add(ms);
    if (ms > FAULT_WAIT_MS) this.#fault(from, `noticed its producer's death after ${ms.toFixed(0)} ms`);
  }

  #judgeWait(from: SeatProcess, begun: number, ended: number): void {
    const deaths = this.#pool(from.seat).deaths.filter(({ at }) => at > begun - DEATH_MATTERS_MS && at < ended);
    const tookMs = ended - begun;
    const waits = deaths.map(({ at }) => ended - Math.max(begun, at));
    if (waits.length > 0) this.figures.waitsForDead.add(Math.max(...waits));
    if (tookMs > FAULT_WAIT_MS) this.#fault(from, `one publication took ${tookMs.toFixed(0)} ms`);
  }

  ended(from: SeatProcess, step: string | null, at: number, problem: string | null): void {
    const pool = this.#pool(from.seat);
    if (step !== null) {
      this.figures.countKill(step);
      pool.noteDeath({ who: this.#who(from), step, at });
      if (process.env['SOAK_DEBUG'] && from.seat.role === 'consumer') console.log('DEBUG', from.seat.pool, from.connected ? 'connected' : 'apart', step, from.life.kind);
    } else this.figures.closes += 1;
    if (problem !== null) this.#fault(from, problem);
    if (from.seat.role !== 'producer') return;
    pool.producerEnded(at);
    const early = this.#early.get(pool.name) as number[];
    for (const heard of early.splice(0)) this.#noticed(from, heard - at);
  }

  start(): void {
    for (const seat of this.#seats) seat.start();
  }

  /** Ends everything: producers first, so that lossless readers can show that they have had the last frame. */
  async finish(): Promise<void> {
    const of = (role: Seat['role']) => this.#seats.filter(({ seat }) => seat.role === role);
    await Promise.all(of('producer').map((seat) => seat.stop()));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    this.#draining = true;
    await Promise.all(of('consumer').map((seat) => seat.stop()));
    for (const pool of this.#pools.values()) {
      this.figures.takeOvers += pool.takeOvers;
      this.figures.objects += pool.objects;
      pool.close();
    }
    this.#collect();
  }

  /** Collects what the dead have left, and sees that nothing else is there. */
  #collect(): void {
    for (const { seat } of this.#seats) {
      if (seat.role !== 'producer') continue;
      for (const words of seat.forms) {
        const metadata = MetadataCreator.fromSample(seat.pool, new Uint32Array(words), { historyLen: HISTORY });
        new TensorProducer(metadata).cleanup();
      }
    }
    const left = readdirSync('/dev/shm').filter((name) => name.includes(`.${this.prefix}-`));
    for (const seat of this.#seats) {
      if (seat.seat.role !== 'producer') continue;
      const mine = left.filter((name) => name.includes(`.${seat.seat.pool}`));
      const some = mine.slice(0, 3).join(', ');
      if (mine.length > 0) this.#fault(seat, `LEFT BEHIND in /dev/shm: ${mine.length} files of this pool: ${some}${mine.length > 3 ? ', …' : ''}`);
    }
  }

  report(): Report {
    return { seed: this.seed, lossless: this.lossless, ...this.figures.report(this.seconds) };
  }
}
