// Terminals for tests: a tmux server whose sessions have a /dev/shm of their own, so that a screen shows the test's pools and no others.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from './child';

/** A screen that does not come is given up after this long. A watchdog, not a limit on how fast it must be. */
const WATCHDOG_MS = 120_000;

/** A private /dev/shm needs root, of this machine or of a user namespace. */
const NAMESPACES = [['--mount'], ['--map-root-user', '--mount']] as const;
const MOUNT = 'mount --make-rprivate / && mount -t tmpfs -o size=512m,mode=1777 tmpfs /dev/shm';

/** The arguments of unshare that work here, or why none do. */
export function terminalsHere(): readonly string[] | string {
  if (spawnSync('tmux', ['-V']).error !== undefined) return 'screens in a terminal: apt install tmux';
  const works = NAMESPACES.find((flags) => spawnSync('unshare', [...flags, 'bash', '-c', MOUNT]).status === 0);
  return (
    works ?? 'screens in a terminal: a /dev/shm of their own needs root or user namespaces, and unshare (apt install util-linux)'
  );
}

export class Tmux implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tmux-'));
  readonly #socket = join(this.#folder, 'socket');
  readonly #kill = () => this[Symbol.dispose]();

  constructor(namespace: readonly string[]) {
    process.once('exit', this.#kill);
    const server = ['tmux', '-u', '-S', this.#socket, '-f', '/dev/null', 'new-session', '-d', '-s', 'idle', 'exec sleep 900'];
    const script = `${MOUNT} && exec "$@"`;
    const env = { ...process.env, LC_ALL: 'C.UTF-8', NO_COLOR: '', TMUX: '' };
    const { status, stderr } = spawnSync('unshare', [...namespace, 'bash', '-c', script, 'bash', ...server], {
      env,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`tmux did not start: ${stderr}`);
    this.#tmux('set-option', '-g', 'history-limit', '20000');
    this.#tmux('set-option', '-g', 'status', 'off');
  }

  #tmux(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-u', '-S', this.#socket, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Runs a bash script in a terminal of its own. */
  open(session: string, width: number, height: number, script: string): void {
    const quoted = `exec bash --norc -c '${script.replaceAll("'", "'\\''")}'`;
    this.#tmux('new-session', '-d', '-s', session, '-x', String(width), '-y', String(height), quoted);
  }

  /** What the terminal shows. */
  screen(session: string): string {
    return trimmed(this.#tmux('capture-pane', '-p', '-t', `=${session}:`));
  }

  /** Everything that went over the terminal, as it was written: a line that the terminal broke is one line. */
  written(session: string): string {
    return trimmed(this.#tmux('capture-pane', '-p', '-J', '-S', '-', '-t', `=${session}:`));
  }

  /** Waits until the terminal shows something, and gives all of it. */
  async shows(session: string, pattern: RegExp): Promise<string> {
    const deadline = Date.now() + WATCHDOG_MS;
    for (;;) {
      const screen = this.screen(session);
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`the terminal did not show ${pattern}:\n${screen}`);
      await sleep(25);
    }
  }

  /** Presses keys, by their names in tmux: 'q', 'C-c', 'PageDown'. */
  press(session: string, ...keys: readonly string[]): void {
    this.#tmux('send-keys', '-t', `=${session}:`, ...keys);
  }

  resize(session: string, width: number, height: number): void {
    this.#tmux('resize-window', '-t', `=${session}:`, '-x', String(width), '-y', String(height));
  }

  close(session: string): void {
    this.#tmux('kill-session', '-t', `=${session}`);
  }

  [Symbol.dispose](): void {
    process.removeListener('exit', this.#kill);
    spawnSync('tmux', ['-S', this.#socket, 'kill-server']);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function trimmed(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}
