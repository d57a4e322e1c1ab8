// Linux as seen from libc: numbers, structs and the functions that are used. Where x86-64 and arm64 differ, both stand here.

import { TensorIpcError } from '../host/runtime/errors';
import { type Address, type FileStatus, SystemError } from '../host/runtime/system';
import { type KoffiFunc, type KoffiModule, loadKoffi } from './koffi';

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_WRONLY = 1;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const STATX_BASIC_STATS = 0x7ff;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
export const MADV_DONTDUMP = 16;
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;

export const F_OFD_GETLK = 36;
export const F_OFD_SETLK = 37;
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;

export const AF_UNIX = 1;
export const SOCK_DGRAM = 2;
/** Of struct sockaddr_un: a path this long, and its NUL, fit. */
export const MAX_SOCKET_PATH_BYTES = 107;
/** To lchown: the owner stays. */
export const SAME_OWNER = 0xffffffff;
/** In place of a negative errno: -ENOTSOCK. */
export const NOT_A_SOCKET = -88;

export const EFBIG = 27;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_AS = 9;
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

export const FUTEX_WAIT = 0;
export const FUTEX_WAKE = 1;
export const INT_MAX = 0x7fffffff;

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const SC_PAGESIZE = 30;

export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;

/** Where Linux keeps POSIX shared memory; FIFOs live beside the objects, so that whoever shares one shares the other. */
export const SHARED_MEMORY_DIRECTORY = '/dev/shm';

/** Second names of EAGAIN, EDEADLK and EOPNOTSUPP. */
export const ERRNO_ALIASES: ReadonlySet<string> = new Set(['EWOULDBLOCK', 'EDEADLOCK', 'ENOTSUP']);

export const ARCHITECTURES = {
  x64: { SYS_futex: 202, SYS_getdents64: 217, O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000, needsFences: false },
  arm64: { SYS_futex: 98, SYS_getdents64: 61, O_DIRECTORY: 0o40000, O_NOFOLLOW: 0o100000, needsFences: true },
} as const;

export type Architecture = keyof typeof ARCHITECTURES;

export function isSupportedArchitecture(name: string): name is Architecture {
  return Object.hasOwn(ARCHITECTURES, name);
}

/** struct timespec on 64-bit Linux: tv_sec, tv_nsec. */
export function writeTimespec(to: DataView, ms: number): void {
  const ns = Math.max(0, Math.round(ms * 1e6));
  to.setBigInt64(0, BigInt(Math.floor(ns / 1e9)), true);
  to.setBigInt64(8, BigInt(ns % 1e9), true);
}

export function kindOf(mode: number): FileStatus['kind'] {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'file';
    case S_IFIFO:
      return 'fifo';
    case S_IFSOCK:
      return 'socket';
    default:
      return 'other';
  }
}

/** The names in a buffer of struct linux_dirent64: d_ino u64, d_off i64, d_reclen u16 @16, d_type u8, d_name. */
export function directoryNames(entries: Uint8Array): string[] {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  const names: string[] = [];
  for (let at = 0; at < entries.byteLength; at += view.getUint16(at + 16, true)) {
    const name = entries.subarray(at + 19, entries.indexOf(0, at + 19));
    names.push(decodeName(name));
  }
  return names.filter((name) => name !== '.' && name !== '..');
}

/** A byte order mark is part of a name like any other character. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A file's name, whatever its bytes are. Those that are not UTF-8 become lone surrogates, U+DC00 + byte (Python's "surrogateescape"): no two
 * names are the same string, and none is that of another file.
 */
export function decodeName(bytes: Uint8Array): string {
  const whole = decodeUtf8(bytes);
  if (whole !== null) return whole;
  let text = '';
  for (let at = 0; at < bytes.byteLength; ) {
    const length = utf8Length(bytes[at] as number);
    const character = decodeUtf8(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(0xdc00 + (bytes[at] as number));
    at += character === null ? 1 : length;
  }
  return text;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    // Not UTF-8: an answer, no failure.
    return null;
  }
}

/** Bytes of the character that begins with this one. */
function utf8Length(first: number): number {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/** struct sockaddr_un: sun_family u16, sun_path. */
export function socketAddress(path: string): { bytes: Uint8Array; length: number } {
  const bytes = new Uint8Array(2 + MAX_SOCKET_PATH_BYTES + 1);
  bytes[0] = AF_UNIX;
  const { written } = new TextEncoder().encodeInto(path, bytes.subarray(2, -1));
  return { bytes, length: 2 + written + 1 };
}

export type Int = number;
/** koffi takes typed arrays everywhere, but DataView not in Deno. */
export type Pointer = Address | Uint8Array;

/** The functions of libc that are used, typed. A pointer is an address or a view; koffi takes both. */
function bind(koffi: KoffiModule) {
  const libc = koffi.load('libc.so.6');
  return {
    copyIn: libc.func('memcpy', 'void', ['uintptr_t', 'void *', 'size_t']) as (
      to: Address,
      from: ArrayBufferView,
      n: Int,
    ) => void,
    copyOut: libc.func('memcpy', 'void', ['void *', 'uintptr_t', 'size_t']) as (
      to: ArrayBufferView,
      from: Address,
      n: Int,
    ) => void,
    copyAddresses: libc.func('memcpy', 'void', ['uintptr_t', 'uintptr_t', 'size_t']) as (
      to: Address,
      from: Address,
      n: Int,
    ) => void,
    malloc: libc.func('malloc', 'uintptr_t', ['size_t']) as (n: Int) => Address,
    free: libc.func('free', 'void', ['uintptr_t']) as (at: Address) => void,
    clock_gettime: libc.func('clock_gettime', 'void', ['int', 'uintptr_t']) as (clock: Int, to: Address) => void,
    getrandom: libc.func('getrandom', 'long', ['void *', 'size_t', 'uint']) as (to: Pointer, n: Int, flags: Int) => Int,
    sysconf: libc.func('sysconf', 'long', ['int']) as (name: Int) => Int,
    geteuid: libc.func('geteuid', 'uint', []) as () => Int,
    getrlimit: libc.func('getrlimit', 'int', ['int', 'void *']) as (resource: Int, to: Pointer) => Int,
    getenv: libc.func('getenv', 'str', ['str']) as (name: string) => string | null,
    getpid: libc.func('getpid', 'int', []) as () => Int,
    open: libc.func('open', 'int', ['str', 'int', 'uint']) as (path: string, flags: Int, mode: Int) => Int,
    close: libc.func('close', 'int', ['int']) as (fd: Int) => Int,
    link: libc.func('link', 'int', ['str', 'str']) as (from: string, to: string) => Int,
    rename: libc.func('rename', 'int', ['str', 'str']) as (from: string, to: string) => Int,
    socket: libc.func('socket', 'int', ['int', 'int', 'int']) as (domain: Int, type: Int, protocol: Int) => Int,
    bind: libc.func('bind', 'int', ['int', 'void *', 'uint']) as (fd: Int, address: Pointer, n: Int) => Int,
    connect: libc.func('connect', 'int', ['int', 'void *', 'uint']) as (fd: Int, address: Pointer, n: Int) => Int,
    chmod: libc.func('chmod', 'int', ['str', 'uint']) as (path: string, mode: Int) => Int,
    lchown: libc.func('lchown', 'int', ['str', 'uint', 'uint']) as (path: string, uid: Int, gid: Int) => Int,
    unlink: libc.func('unlink', 'int', ['str']) as (path: string) => Int,
    mkfifo: libc.func('mkfifo', 'int', ['str', 'uint']) as (path: string, mode: Int) => Int,
    fchmod: libc.func('fchmod', 'int', ['int', 'uint']) as (fd: Int, mode: Int) => Int,
    statx: libc.func('statx', 'int', ['int', 'str', 'int', 'uint', 'void *']) as (
      directory: Int,
      path: string,
      flags: Int,
      mask: Int,
      to: Pointer,
    ) => Int,
    statvfs: libc.func('statvfs', 'int', ['str', 'void *']) as (path: string, to: Pointer) => Int,
    ftruncate: libc.func('ftruncate', 'int', ['int', 'int64']) as (fd: Int, bytes: Int) => Int,
    posix_fallocate: libc.func('posix_fallocate', 'int', ['int', 'int64', 'int64']) as (fd: Int, offset: Int, bytes: Int) => Int,
    pread: libc.func('pread', 'long', ['int', 'void *', 'size_t', 'int64']) as (fd: Int, to: Pointer, n: Int, offset: Int) => Int,
    write: libc.func('write', 'long', ['int', 'void *', 'size_t']) as (fd: Int, from: Pointer, n: Int) => Int,
    mmap: libc.func('mmap', 'int64', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64']) as (
      at: Address,
      bytes: Int,
      protection: Int,
      flags: Int,
      fd: Int,
      offset: Int,
    ) => Int,
    madvise: libc.func('madvise', 'int', ['uintptr_t', 'size_t', 'int']) as (at: Address, n: Int, advice: Int) => Int,
    fcntl: libc.func('fcntl', 'int', ['int', 'int', 'void *']) as (fd: Int, command: Int, lock: Pointer) => Int,
    // getdents64(2) has no function of its own in older libraries.
    getdents64: libc.func('syscall', 'long', ['long', 'int', 'void *', 'size_t']) as (
      number: Int,
      fd: Int,
      to: Pointer,
      n: Int,
    ) => Int,
    // syscall(2) is variadic, but passes integers only, for which both ABIs treat it like any other function.
    futex: libc.func('syscall', 'long', ['long', 'uintptr_t', 'int', 'uint', 'void *', 'long', 'long']) as KoffiFunc<
      (number: Int, word: Address, operation: Int, value: Int, timeout: Pointer | null, word2: Int, value3: Int) => Int
    >,
  };
}

/** Where the C library is another, koffi finds no libc.so.6, or not all of its functions. */
function bindLibc(koffi: KoffiModule): ReturnType<typeof bind> {
  try {
    return bind(koffi);
  } catch (cause) {
    throw new TensorIpcError(
      'UNSUPPORTED_PLATFORM',
      `the C library of this system could not be loaded (${String(cause)}): expected glibc, or musl with a libc.so.6`,
      { cause },
    );
  }
}

/** libc, loaded, and what its errors mean. */
export class Calls {
  readonly koffi: KoffiModule;
  readonly c: ReturnType<typeof bind>;
  readonly architecture: (typeof ARCHITECTURES)[Architecture];
  readonly #errnoNames = new Map<number, string>();

  constructor(architecture: Architecture) {
    this.koffi = loadKoffi();
    this.c = bindLibc(this.koffi);
    this.architecture = ARCHITECTURES[architecture];
    for (const [name, number] of Object.entries(this.koffi.os.errno)) {
      if (!ERRNO_ALIASES.has(name)) this.#errnoNames.set(number, name);
    }
  }

  /** Symbolic name of an errno, of that of the last call unless given. */
  errnoName(errno = this.koffi.errno()): string {
    return this.#errnoNames.get(errno) ?? `errno ${errno}`;
  }

  fail(syscall: string, subject: string, errno = this.koffi.errno()): never {
    throw new SystemError(syscall, this.errnoName(errno), subject);
  }
}
