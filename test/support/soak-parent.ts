// The soak itself: keeps every seat taken, listens, and holds what it hears against what the pools promise.

import { readdirSync } from 'node:fs';
import { TensorConsumer } from 'tensor-ipc';
import { removeDead, removePool } from '../../host/native/inspect-remove';
import { sleep } from './child';
import { Figures, type Report } from './soak-figures';
import { planSeats, type Seat } from './soak-plan';
import { type Death, PoolWatch } from './soak-pool';
import { type LogLine, type SeatListener, SeatProcess } from './soak-seat';
import { nowMs } from './soak-steps';

/** The promise is 200 ms. Machines under test are shared and stand still at times: only far beyond it is a fault. */
const FAULT_WAIT_MS = 2000;
/** How often the parent looks whether the machine stands still. */
const BEAT_MS = 50;
/** A death may have been in the way of publications that began this much later. */
const DEATH_MATTERS_MS = 1000;
/** Lines of different children arrive in any order: judge when all must be in. */
const SETTLE_MS = 600;
/** gc leaves alone what is younger than a second: it may be in the making. */
const AGE_MS = 1100;

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
  readonly #pools = new Map<string, { readonly watch: PoolWatch; readonly producer: SeatProcess }>();
  readonly #published = new Map<SeatProcess, { published: number; refused: number }>();
  // Disconnections that were heard of before the death that caused them.
  readonly #early = new Map<string, { at: number; stillMs: number }[]>();
  #draining = false;
  // How long this process, which has little to do, was kept from running at the worst: so may any of the others have been.
  #stillMs = 0;
  readonly #begun = nowMs();

  constructor(
    readonly seed: number,
    readonly prefix: string,
    program: string,
  ) {
    this.lossless = knowsLossless(`${prefix}-probe`);
    const seats = planSeats(prefix, this.lossless);
    this.#seats = seats.map((seat) => new SeatProcess(seat, seed, program, this));
    for (const producer of this.#seats) {
      const { pool, role } = producer.seat;
      if (role !== 'producer') continue;
      this.#pools.set(pool, { watch: new PoolWatch(pool), producer });
      this.#early.set(pool, []);
    }
  }

  get seconds(): number {
    return (nowMs() - this.#begun) / 1000;
  }

  #pool(seat: Seat): PoolWatch {
    return (this.#pools.get(seat.pool) as { watch: PoolWatch }).watch;
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
    if (producerDiedAt === 0 || gapMs < this.#limitMs) return;
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
        (this.#early.get(pool.name) as unknown[]).length = 0;
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
        // Of a producer that has not ended yet, as far as has been heard here, or has not even said that it opened the pool.
        if (pool.producerAlive || from.connectedAt > pool.producerDiedAt) this.#early.get(pool.name)?.push(line);
        else this.#noticed(from, line.at - pool.producerDiedAt, line.stillMs);
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

  #noticed(from: SeatProcess, ms: number, stillMs: number): void {
    // Those who came after the death found nothing to lose.
    if (ms < 0) return;
    this.figures.noticed.add(ms, this.#who(from));
    if (ms > this.#limitMs)
      this.#fault(
        from,
        `noticed its producer's death after ${ms.toFixed(0)} ms, having stood still for ${stillMs.toFixed(0)} ms`,
      );
  }

  #judgeWait(from: SeatProcess, begun: number, ended: number): void {
    const deaths = this.#pool(from.seat).deaths.filter(({ at }) => at > begun - DEATH_MATTERS_MS && at < ended);
    const tookMs = ended - begun;
    const waits = deaths.map(({ at }) => ended - Math.max(begun, at));
    if (waits.length > 0) this.figures.waitsForDead.add(Math.max(...waits), this.#who(from));
    if (tookMs > this.#limitMs) this.#fault(from, `one publication took ${tookMs.toFixed(0)} ms`);
  }

  ended(from: SeatProcess, step: string | null, at: number, problem: string | null): void {
    const pool = this.#pool(from.seat);
    if (step !== null) {
      this.figures.countKill(step);
      pool.noteDeath({ who: this.#who(from), step, at });
    } else this.figures.closes += 1;
    if (problem !== null) this.#fault(from, problem);
    if (from.seat.role !== 'producer') return;
    pool.producerEnded(at);
    for (const heard of this.#early.get(pool.name)?.splice(0) ?? []) this.#noticed(from, heard.at - at, heard.stillMs);
  }

  /** Beyond this, nobody may have waited. */
  get #limitMs(): number {
    return FAULT_WAIT_MS + 4 * this.#stillMs;
  }

  start(): void {
    let last = nowMs();
    setInterval(() => {
      const now = nowMs();
      this.#stillMs = Math.max(this.#stillMs, now - last - BEAT_MS);
      last = now;
    }, BEAT_MS).unref();
    for (const seat of this.#seats) seat.start();
  }

  /** How often pools have been taken over so far. */
  get takeOvers(): number {
    return [...this.#pools.values()].reduce((sum, { watch }) => sum + watch.takeOvers, 0);
  }

  /** Ends everything: producers first, so that lossless readers can show that they have had the last frame. */
  async finish(): Promise<void> {
    const of = (role: Seat['role']) => this.#seats.filter(({ seat }) => seat.role === role);
    await Promise.all(of('producer').map((seat) => seat.stop()));
    await sleep(SETTLE_MS);
    this.#draining = true;
    await Promise.all(of('consumer').map((seat) => seat.stop()));
    for (const { watch } of this.#pools.values()) {
      this.figures.takeOvers += watch.takeOvers;
      this.figures.objects += watch.objects;
      watch.close();
    }
    await sleep(AGE_MS);
    this.#collect();
  }

  /** Collects what the dead have left, and sees that nothing else is there. */
  #collect(): void {
    const left = () => readdirSync('/dev/shm').filter((name) => name.includes(`.${this.prefix}-`));
    this.figures.collected = left().length;
    // What `tensor-ipc gc` would do, asked only: it would do it to everybody's pools. Then the same for those of this run.
    const judged = removeDead({ dryRun: true });
    for (const [name, { producer }] of this.#pools) {
      for (const { file, action, reason } of judged) {
        if (file.includes(`.${name}`) && action !== 'wouldRemove')
          this.#fault(producer, `gc would leave ${file}: ${action}, ${reason}`);
      }
      removePool(name, { force: false });
      const rest = left().filter((file) => file.includes(`.${name}`));
      if (rest.length > 0) this.#fault(producer, `LEFT BEHIND in /dev/shm: ${rest.length} files, such as ${rest[0]}`);
    }
  }

  report(): Report {
    return { seed: this.seed, lossless: this.lossless, ...this.figures.report(this.seconds) };
  }
}
