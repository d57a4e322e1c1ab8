// Other processes of this machine, as /proc shows them. Read through libc: Deno's own file functions want --allow-all for /proc.

import { TensorIpcError } from '../host/runtime/errors';
import type { SeenProcess } from '../host/runtime/system';
import type { Calls } from './linux';
import { directoryNames } from './linux';

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
/** A process has gone, or is another user's, or there is no /proc. */
const NOT_TO_BE_SEEN = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENOTDIR'];

export class Processes {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Throws unless the last call failed because there is nothing to see: what could not be looked at is not gone. */
  #unseen(call: string, path: string): null {
    if (!NOT_TO_BE_SEEN.includes(this.#calls.errnoName())) this.#calls.fail(call, path);
    return null;
  }

  /** A whole file of /proc, or null where it is gone or not to be read. */
  #read(path: string): string | null {
    const { c } = this.#calls;
    const fd = c.open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return this.#unseen('open', path);
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(64 * 1024);
    let text = '';
    let offset = 0;
    try {
      for (;;) {
        const bytes = c.pread(fd, chunk, chunk.byteLength, offset);
        if (bytes < 0) return this.#unseen('pread', path);
        if (bytes === 0) return text + decoder.decode();
        text += decoder.decode(chunk.subarray(0, bytes), { stream: true });
        offset += bytes;
      }
    } finally {
      c.close(fd);
    }
  }

  /** When a process started, in ticks since the machine did: tells it from a later one with its number. Null when there is none. */
  startOf(pid: number): number | null {
    const stat = this.#read(`/proc/${pid}/stat`);
    if (stat === null) return null;
    // proc_pid_stat(5): the second field, in parentheses, may hold anything; from the third on they are separated by blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    // A zombie holds nothing any more.
    if (state === undefined || state === 'Z' || state === 'X') return null;
    return Number(fields[19]);
  }

  /** Pages of address space that this process has taken; 0 where /proc does not tell. */
  ownPages(): number {
    // proc_pid_statm(5): the first number is the size.
    try {
      return Number(this.#read('/proc/self/statm')?.split(' ')[0] ?? 0);
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      return 0;
    }
  }

  /** Whether a process has a file mapped, and what it runs. */
  look(pid: number, path: string): SeenProcess {
    const maps = this.#read(`/proc/${pid}/maps`);
    // Behind the path of a file that was removed stands "(deleted)".
    const mapped =
      maps === null || maps === ''
        ? null
        : maps.split('\n').some((line) => line.replace(/ \(deleted\)$/, '').endsWith(` ${path}`));
    return { maps: mapped, program: programOf(this.#read(`/proc/${pid}/cmdline`) ?? '') };
  }

  /** Which processes, of those that this user may look into, have files of a directory mapped: their numbers, by the file's name. */
  thatMap(directoryPath: string): Map<string, number[]> {
    const { c, architecture } = this.#calls;
    const directory = c.open('/proc', O_RDONLY | architecture.O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0) return this.#unseen('open', '/proc') ?? new Map();
    const pids: number[] = [];
    try {
      const entries = new Uint8Array(32 * 1024);
      for (;;) {
        const bytes = c.getdents64(architecture.SYS_getdents64, directory, entries, entries.byteLength);
        if (bytes < 0) this.#calls.fail('getdents64', '/proc');
        if (bytes === 0) break;
        for (const name of directoryNames(entries.subarray(0, bytes))) if (/^\d+$/.test(name)) pids.push(Number(name));
      }
    } finally {
      c.close(directory);
    }
    const found = new Map<string, number[]>();
    for (const pid of pids) {
      const names = new Set<string>();
      // proc_pid_maps(5): the path stands last, behind blanks. Behind that of a file that was removed stands "(deleted)".
      for (const line of this.#read(`/proc/${pid}/maps`)?.split('\n') ?? []) {
        const at = line.indexOf(` ${directoryPath}/`);
        if (at >= 0) names.add(line.slice(at + 1 + directoryPath.length));
      }
      for (const name of names) {
        const others = found.get(name);
        if (others === undefined) found.set(name, [pid]);
        else others.push(pid);
      }
    }
    return found;
  }
}

/** Programs that run another one, which says more. */
const INTERPRETERS = /^(node|nodejs|deno|bun|electron|python[\d.]*|ruby|perl|bash|sh)$/;
const MOST_CHARACTERS = 60;

/** "node viewer.mjs" of a command line, whose words end with zero bytes. Null where it is empty: of a thread of the kernel, or a zombie. */
export function programOf(commandLine: string): string | null {
  const [command = '', ...words] = commandLine.split('\0');
  const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const program = baseOf(command);
  if (program === '') return null;
  const script = INTERPRETERS.test(program)
    ? words.find((word) => word !== '' && word !== 'run' && !word.startsWith('-'))
    : undefined;
  return `${program}${script === undefined ? '' : ` ${baseOf(script)}`}`.slice(0, MOST_CHARACTERS);
}
