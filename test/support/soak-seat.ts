// A seat's process, seen from the parent: starts a life, hears its log, kills it when the plan says so, and starts the next one.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { type Life, planLife, type Seat } from './soak-plan';
import { nowMs } from './soak-steps';

/** A line of a child's log. */
export type LogLine =
  | { kind: 'killed'; step: string; at: number }
  | { kind: 'fault'; text: string }
  | { kind: 'open'; pool: number; next: number; at: number }
  | { kind: 'closing'; next: number }
  | { kind: 'count'; published: number; refused: number }
  | { kind: 'slow'; begun: number; ended: number }
  | { kind: 'checked'; frames: number }
  | { kind: 'connect'; at: number }
  /** `stillMs`: the longest time that the process has stood still. */
  | { kind: 'disconnect'; reason: string; at: number; stillMs: number }
  | { kind: 'left' | 'end'; pool: number; sequence: number };

export interface SeatListener {
  started(seat: SeatProcess): void;
  said(seat: SeatProcess, line: LogLine): void;
  /** `step` is where it was killed, null when it ended by itself. */
  ended(seat: SeatProcess, step: string | null, at: number, problem: string | null): void;
}

/** A process that the plan has not ended by then hangs. */
const HANG_MS = 30_000;

export class SeatProcess {
  life: Life;
  connected = false;
  /** When it connected last. */
  connectedAt = 0;
  /** When this life's process began. */
  startedAt = 0;
  #child: ChildProcess | null = null;
  #count = 0;
  #stopping = false;
  #timers: NodeJS.Timeout[] = [];
  #whenIdle: (() => void) | null = null;
  #kill: ((why: string) => void) | null = null;

  constructor(
    readonly seat: Seat,
    readonly seed: number,
    readonly program: string,
    readonly listener: SeatListener,
  ) {
    this.life = planLife(seed, seat, 0);
  }

  get running(): boolean {
    return this.#child !== null;
  }

  start(): void {
    if (this.#stopping) return;
    this.life = planLife(this.seed, this.seat, this.#count);
    this.#count += 1;
    this.connected = false;
    this.startedAt = nowMs();
    const child = spawn(process.execPath, ['--no-warnings', this.program, '--life', JSON.stringify(this.life)], {
      // Standard input tells the child when its parent is gone; the fourth is its log.
      stdio: ['pipe', 'inherit', 'pipe', 'pipe'],
    });
    this.#child = child;
    let killedAt: number | null = null;
    let step: string | null = null;
    let stderr = '';
    const kill = (why: string) => {
      step = why;
      killedAt = nowMs();
      child.kill('SIGKILL');
    };
    this.#kill = kill;
    if (this.life.killAfterMs !== null) this.#after(this.life.killAfterMs, () => kill('SIGKILL from outside'));
    this.#after(this.life.lifeMs + HANG_MS, () => kill('hang'));
    child.stdin?.on('error', () => undefined);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4000);
    });
    let rest = '';
    (child.stdio[3] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) {
        const line = JSON.parse(text) as LogLine;
        if (line.kind === 'killed') {
          step = line.step;
          killedAt = line.at;
        }
        if (line.kind === 'connect') {
          this.connected = true;
          this.connectedAt = line.at;
        }
        if (line.kind === 'disconnect') this.connected = false;
        this.listener.said(this, line);
      }
    });
    child.on('error', (error) => this.#over(null, nowMs(), `could not be started: ${error.message}`));
    // After 'close' the log has been read to its end.
    child.on('close', (code, signal) => {
      const killed = signal === 'SIGKILL' && step !== null;
      const hung = step === 'hang';
      const problem = hung
        ? `was still there ${HANG_MS} ms after its time: it hangs`
        : killed || code === 0 || (this.#stopping && signal === 'SIGTERM')
          ? null
          : `ended with ${code ?? signal}: ${stderr.trim()}`;
      this.#over(killed && !hung ? step : null, killedAt ?? nowMs(), problem);
    });
    this.listener.started(this);
  }

  #after(delayMs: number, callback: () => void): void {
    this.#timers.push(setTimeout(callback, delayMs));
  }

  #over(step: string | null, at: number, problem: string | null): void {
    if (this.#child === null) return;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#child = null;
    this.listener.ended(this, step, at, problem);
    this.#whenIdle?.();
    if (!this.#stopping) {
      const { gapMs } = planLife(this.seed, this.seat, this.#count);
      setTimeout(() => this.start(), gapMs).unref();
    }
  }

  /** Lets it end by itself, and nobody take the seat afterwards. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === null) return;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    this.#after(HANG_MS, () => this.#kill?.('hang'));
    child.kill('SIGTERM');
    await idle;
  }
}
