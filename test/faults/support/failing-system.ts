// A System whose calls of libc fail when they are told to: the real one, over a libc of which the n-th call answers with an error.

import { loadKoffi } from '../../../native-shim/koffi';
import { Libc } from '../../../native-shim/libc';
import { isSupportedArchitecture, O_CREAT } from '../../../native-shim/linux';

type Call = ((...args: unknown[]) => unknown) & { async?: unknown };

/** One call, as it was made. */
export interface MadeCall {
  readonly name: string;
  /** The path, of calls that have one. */
  readonly path: string | null;
  readonly creates: boolean;
  /** Whether it looks into /proc: how many of those there are depends on what else runs on the machine. */
  readonly proc: boolean;
}

/** How a call fails. */
export interface Fault {
  readonly errno: string;
  /** Of an mmap over a range: the kernel has removed what was there before it found that it could not go on. */
  readonly hole?: boolean;
  /** How many calls of the name fail, one after the other. Default 1. */
  readonly times?: number;
}

const ERRNOS: Readonly<Record<string, readonly string[]>> = {
  open: ['EMFILE', 'EACCES', 'EROFS'],
  close: ['EIO'],
  link: ['EPERM', 'ENOSPC'],
  rename: ['ENOSPC'],
  socket: ['EMFILE'],
  bind: ['ENOSPC'],
  connect: ['ECONNREFUSED'],
  chmod: ['EPERM'],
  unlink: ['EPERM', 'EROFS'],
  mkfifo: ['ENOSPC', 'EROFS'],
  fchmod: ['EPERM'],
  statx: ['ENOMEM', 'EACCES'],
  statvfs: ['EIO'],
  ftruncate: ['EFBIG', 'EIO'],
  posix_fallocate: ['ENOSPC', 'EFBIG'],
  pread: ['EIO'],
  write: ['EPIPE'],
  mmap: ['ENOMEM', 'ENODEV'],
  madvise: ['EINVAL'],
  fcntl: ['ENOLCK', 'EINVAL'],
  getdents64: ['EIO'],
  futex: ['ENOSYS'],
  getrandom: ['ENOSYS'],
  getrlimit: ['EINVAL'],
  pipe2: ['EMFILE'],
  sem_open: ['EMFILE', 'EACCES'],
  sem_post: ['EOVERFLOW'],
  sem_unlink: ['EACCES'],
};

/** The ways in which a call may fail. */
export function faultsOf({ name, creates }: MadeCall): Fault[] {
  const faults: Fault[] = (ERRNOS[name] ?? []).map((errno) => ({ errno }));
  if (creates) faults.push({ errno: 'ENOSPC' });
  if (name === 'mmap') faults.push({ errno: 'ENOMEM', hole: true }, { errno: 'ENOMEM', times: 2 });
  return faults;
}

const SYSCALLS: Readonly<Record<number, string>> = { 202: 'futex', 98: 'futex', 217: 'getdents64', 61: 'getdents64' };

/** What a failed call answers. */
function answerOf(name: string, errno: number): number {
  if (name === 'posix_fallocate') return errno;
  return name === 'sem_open' ? 0 : -1;
}

/** Counts the calls of libc and lets one of them fail. */
export class FailingLibc {
  readonly system: Libc;
  readonly #errnoOf: Readonly<Record<string, number>>;
  readonly #setErrno: (errno: number) => void;
  readonly #munmap: Call;
  // Descriptors of files of /proc.
  readonly #procFds = new Set<unknown>();
  #made: MadeCall[] | null = null;
  #left = -1;
  #wanted: string | null = null;
  #proc = false;
  #fault: Fault | null = null;
  #failed: MadeCall | null = null;
  #times = 0;

  constructor() {
    const koffi = loadKoffi();
    const load = koffi.load;
    this.#errnoOf = koffi.os.errno;
    this.#setErrno = (errno) => void koffi.errno(errno);
    this.#munmap = load('libc.so.6').func('munmap', 'int', ['uintptr_t', 'size_t']) as Call;
    koffi.load = (...path) => {
      const library = load(...path);
      const func = library.func.bind(library) as (...declaration: unknown[]) => Call;
      const wrapped = (...declaration: unknown[]) => this.#wrap(String(declaration[0]), func(...declaration));
      return Object.create(library, { func: { value: wrapped } });
    };
    const { arch } = process;
    if (!isSupportedArchitecture(arch)) throw new Error(`no pools on ${arch}`);
    this.system = new Libc(arch);
  }

  /** From now on calls are noted. */
  count(): void {
    this.#made = [];
  }

  /** What was called since. */
  counted(): readonly MadeCall[] {
    const made = this.#made ?? [];
    this.#made = null;
    return made;
  }

  /**
   * The call after `index` others fails, or the next of this name: where another process takes part, there may be a call more or less by
   * now, and an open does not fail as an madvise does. Those that look into /proc are counted apart.
   */
  arm(index: number, fault: Fault, proc = false, name: string | null = null): void {
    this.#left = index;
    this.#wanted = name;
    this.#proc = proc;
    this.#fault = fault;
    this.#failed = null;
    this.#times = 0;
  }

  /** No call fails any more. The one that did, or null. */
  disarm(): MadeCall | null {
    this.#fault = null;
    return this.#failed;
  }

  #wrap(declared: string, call: Call): Call {
    const wrapped: Call = (...args) => {
      const name = declared === 'syscall' ? (SYSCALLS[Number(args[0])] ?? declared) : declared;
      if (!Object.hasOwn(ERRNOS, name)) return call(...args);
      const path = args.find((arg) => typeof arg === 'string') ?? null;
      const proc = path === null ? this.#procFds.has(name === 'getdents64' ? args[1] : args[0]) : /^\/proc(\/|$)/.test(path);
      const made = { name, path, creates: name === 'open' && creating(args), proc };
      this.#made?.push(made);
      if (proc && name === 'close') this.#procFds.delete(args[0]);
      const fault = this.#fault;
      if (fault === null || proc !== this.#proc) return this.#call(made, call, args);
      const passes = this.#failed === null ? this.#left-- > 0 || name !== (this.#wanted ?? name) : name !== this.#failed.name;
      if (passes) return this.#call(made, call, args);
      this.#times += 1;
      if (this.#times >= (fault.times ?? 1)) this.#fault = null;
      this.#failed = made;
      // Linux closes a descriptor whatever it says of it. A semaphore that cannot be posted, since it has its highest value, is free.
      if (name === 'close' || name === 'sem_post') call(...args);
      if (fault.hole === true) this.#munmap(args[0], args[1]);
      const errno = this.#errnoOf[fault.errno] as number;
      this.#setErrno(errno);
      return answerOf(name, errno);
    };
    if (call.async !== undefined) wrapped.async = call.async;
    return wrapped;
  }

  #call({ name, proc }: MadeCall, call: Call, args: readonly unknown[]): unknown {
    const answer = call(...args);
    if (proc && name === 'open') this.#procFds.add(answer);
    return answer;
  }
}

function creating(args: readonly unknown[]): boolean {
  return (Number(args[1]) & O_CREAT) !== 0;
}
