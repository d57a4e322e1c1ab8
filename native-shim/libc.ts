// POSIX shared memory, mappings, locks, futexes and FIFOs through libc. The numbers are those of Linux; where x86-64 and arm64
// differ, both stand here.

import { type Address, type FileStatus, type System, SystemError } from '../host/system';
import { type KoffiFunc, type KoffiModule, loadKoffi } from './koffi';

const O_RDONLY = 0;
const O_RDWR = 2;
const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MADV_POPULATE_READ = 22;
const MADV_POPULATE_WRITE = 23;

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const F_UNLCK = 2;

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const INT_MAX = 0x7fffffff;

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const SC_PAGESIZE = 30;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFIFO = 0o010000;

/** Where Linux keeps POSIX shared memory; FIFOs live beside the objects, so that whoever shares one shares the other. */
export const SHARED_MEMORY_DIRECTORY = '/dev/shm';

/** Second names of EAGAIN, EDEADLK and EOPNOTSUPP. */
const ERRNO_ALIASES: ReadonlySet<string> = new Set(['EWOULDBLOCK', 'EDEADLOCK', 'ENOTSUP']);

const ARCHITECTURES = {
  x64: { SYS_futex: 202, O_NOFOLLOW: 0o400000 },
  arm64: { SYS_futex: 98, O_NOFOLLOW: 0o100000 },
} as const;

export type Architecture = keyof typeof ARCHITECTURES;

export function isSupportedArchitecture(name: string): name is Architecture {
  return Object.hasOwn(ARCHITECTURES, name);
}

/** struct timespec on 64-bit Linux: tv_sec, tv_nsec. */
function writeTimespec(to: DataView, ms: number): DataView {
  const ns = Math.max(0, Math.round(ms * 1e6));
  to.setBigInt64(0, BigInt(Math.floor(ns / 1e9)), true);
  to.setBigInt64(8, BigInt(ns % 1e9), true);
  return to;
}

type Int = number;
type Pointer = Address | ArrayBufferView;

/** The functions of libc that are used, typed. A pointer is an address or a view; koffi takes both. */
function bind(koffi: KoffiModule) {
  const libc = koffi.load('libc.so.6');
  return {
    memcpy: libc.func('memcpy', 'void', ['void *', 'void *', 'size_t']) as (to: Pointer, from: Pointer, n: Int) => void,
    copyAddresses: libc.func('memcpy', 'void', ['uintptr_t', 'uintptr_t', 'size_t']) as (
      to: Address,
      from: Address,
      n: Int,
    ) => void,
    clock_gettime: libc.func('clock_gettime', 'void', ['int', 'uintptr_t']) as (clock: Int, to: Address) => void,
    getrandom: libc.func('getrandom', 'long', ['void *', 'size_t', 'uint']) as (to: Pointer, n: Int, flags: Int) => Int,
    sysconf: libc.func('sysconf', 'long', ['int']) as (name: Int) => Int,
    getuid: libc.func('geteuid', 'uint', []) as () => Int,
    getpid: libc.func('getpid', 'int', []) as () => Int,
    shm_open: libc.func('shm_open', 'int', ['str', 'int', 'uint']) as (name: string, flags: Int, mode: Int) => Int,
    shm_unlink: libc.func('shm_unlink', 'int', ['str']) as (name: string) => Int,
    open: libc.func('open', 'int', ['str', 'int', 'uint']) as (path: string, flags: Int, mode: Int) => Int,
    close: libc.func('close', 'int', ['int']) as (fd: Int) => Int,
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
    // syscall(2) is variadic, but passes integers only, for which both ABIs treat it like any other function.
    futex: libc.func('syscall', 'long', ['long', 'uintptr_t', 'int', 'uint', 'void *', 'long', 'long']) as KoffiFunc<
      (number: Int, word: Address, operation: Int, value: Int, timeout: Pointer | null, word2: Int, value3: Int) => Int
    >,
  };
}

/** System on glibc or musl, with everything behind koffi. Creating one loads koffi and libc. */
export class Libc implements System {
  readonly pageBytes: number;
  readonly pid: number;
  readonly uid: number;
  readonly nativeVersion: string;
  readonly #koffi: KoffiModule;
  readonly #c: ReturnType<typeof bind>;
  readonly #architecture: (typeof ARCHITECTURES)[Architecture];
  readonly #errnoNames = new Map<number, string>();
  // One scratch page for struct arguments; calls are synchronous, so nobody else sees it in use.
  readonly #scratch = new DataView(new ArrayBuffer(512));
  readonly #scratchAddress: Address;
  readonly #one = new Uint8Array([1]);

  constructor(architecture: Architecture) {
    this.#koffi = loadKoffi();
    this.#c = bind(this.#koffi);
    this.#architecture = ARCHITECTURES[architecture];
    for (const [name, number] of Object.entries(this.#koffi.os.errno)) {
      if (!ERRNO_ALIASES.has(name)) this.#errnoNames.set(number, name);
    }
    this.#scratchAddress = this.addressOf(this.#scratch);
    this.pageBytes = this.#c.sysconf(SC_PAGESIZE);
    this.pid = this.#c.getpid();
    this.uid = this.#c.getuid();
    this.nativeVersion = this.#koffi.version;
  }

  #fail(syscall: string, subject: string, errno = this.#koffi.errno()): never {
    throw new SystemError(syscall, errno, this.#errnoNames.get(errno) ?? `errno ${errno}`, subject);
  }

  #errnoName(): string {
    return this.#errnoNames.get(this.#koffi.errno()) ?? '';
  }

  addressOf(view: ArrayBufferView): Address {
    return Number(this.#koffi.address(view));
  }

  copyIn(to: Address, from: ArrayBufferView, bytes: number): void {
    this.#c.memcpy(to, from, bytes);
  }

  copyOut(to: ArrayBufferView, from: Address, bytes: number): void {
    this.#c.memcpy(to, from, bytes);
  }

  copy(to: Address, from: Address, bytes: number): void {
    this.#c.copyAddresses(to, from, bytes);
  }

  monotonicNs(): bigint {
    return this.#clockNs(CLOCK_MONOTONIC);
  }

  realtimeNs(): bigint {
    return this.#clockNs(CLOCK_REALTIME);
  }

  #clockNs(clock: number): bigint {
    this.#c.clock_gettime(clock, this.#scratchAddress);
    return this.#scratch.getBigInt64(0, true) * 1_000_000_000n + this.#scratch.getBigInt64(8, true);
  }

  randomU64(): bigint {
    if (this.#c.getrandom(this.#scratch, 8, 0) !== 8) this.#fail('getrandom', '8 bytes');
    return this.#scratch.getBigUint64(0, true);
  }

  openObject(name: string): number | null {
    return this.#openExisting(name, O_RDWR);
  }

  openObjectToRead(name: string): number | null {
    // Of a FIFO under the name, opening the reading end would wait for a writer.
    return this.#openExisting(name, O_RDONLY | O_NONBLOCK);
  }

  #openExisting(name: string, flags: number): number | null {
    const fd = this.#c.shm_open(name, flags, 0);
    if (fd >= 0) return fd;
    return this.#errnoName() === 'ENOENT' ? null : this.#fail('shm_open', name);
  }

  openOrCreateObject(name: string, mode: number): number {
    for (;;) {
      const existing = this.openObject(name);
      if (existing !== null) return existing;
      const fd = this.#c.shm_open(name, O_RDWR | O_CREAT | 0o200, mode & 0o700);
      if (fd >= 0) {
        if (this.#c.fchmod(fd, mode) < 0) {
          const errno = this.#koffi.errno();
          this.#c.close(fd);
          this.#fail('fchmod', name, errno);
        }
        return fd;
      }
      // Somebody created it in between: open theirs.
      if (this.#errnoName() !== 'EEXIST') this.#fail('shm_open', name);
    }
  }

  unlinkObject(name: string): void {
    if (this.#c.shm_unlink(name) < 0 && this.#errnoName() !== 'ENOENT') this.#fail('shm_unlink', name);
  }

  statObject(name: string): FileStatus | null {
    const path = SHARED_MEMORY_DIRECTORY + name;
    if (this.#c.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, this.#scratch) < 0) {
      return this.#errnoName() === 'ENOENT' ? null : this.#fail('statx', path);
    }
    return this.#readStatus();
  }

  statDescriptor(fd: number): FileStatus {
    if (this.#c.statx(fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, this.#scratch) < 0) this.#fail('statx', `descriptor ${fd}`);
    return this.#readStatus();
  }

  // struct statx has the same layout on every architecture (linux/stat.h), unlike struct stat.
  #readStatus(): FileStatus {
    const s = this.#scratch;
    const mode = s.getUint16(28, true);
    const format = mode & S_IFMT;
    return {
      kind: format === S_IFREG ? 'file' : format === S_IFIFO ? 'fifo' : 'other',
      bytes: Number(s.getBigUint64(40, true)),
      uid: s.getUint32(20, true),
      mode: mode & 0o7777,
      allocatedBytes: Number(s.getBigUint64(48, true)) * 512,
      changedMs: Number(s.getBigInt64(96, true)) * 1000 + s.getUint32(104, true) / 1e6,
      identity: `${s.getUint32(136, true)}:${s.getUint32(140, true)}:${s.getBigUint64(32, true)}`,
    };
  }

  allocate(fd: number, bytes: number): void {
    if (this.#c.ftruncate(fd, 0) < 0 || this.#c.ftruncate(fd, bytes) < 0) this.#fail('ftruncate', `${bytes} bytes`);
    for (;;) {
      // posix_fallocate returns the error instead of setting errno; a signal may interrupt it half-way.
      const errno = this.#c.posix_fallocate(fd, 0, bytes);
      if (errno === 0) return;
      if (this.#errnoNames.get(errno) !== 'EINTR') this.#fail('posix_fallocate', `${bytes} bytes`, errno);
    }
  }

  readAt(fd: number, to: Uint8Array, offset: number): number {
    let done = 0;
    while (done < to.byteLength) {
      const n = this.#c.pread(fd, to.subarray(done), to.byteLength - done, offset + done);
      if (n === 0) break;
      if (n > 0) done += n;
      else if (this.#errnoName() !== 'EINTR') this.#fail('pread', `descriptor ${fd}`);
    }
    return done;
  }

  close(fd: number): void {
    this.#c.close(fd);
  }

  sharedMemorySpace(): { freeBytes: number; totalBytes: number } {
    if (this.#c.statvfs(SHARED_MEMORY_DIRECTORY, this.#scratch) < 0) this.#fail('statvfs', SHARED_MEMORY_DIRECTORY);
    // struct statvfs on 64-bit Linux: f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, each 8 bytes.
    const fragment = Number(this.#scratch.getBigUint64(8, true));
    return {
      freeBytes: Number(this.#scratch.getBigUint64(32, true)) * fragment,
      totalBytes: Number(this.#scratch.getBigUint64(16, true)) * fragment,
    };
  }

  mapFixed(at: Address, bytes: number, fd: number, offset: number, writable: boolean): void {
    const protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    if (this.#c.mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, fd, offset) !== at) {
      this.#fail('mmap', `${bytes} bytes of descriptor ${fd}`);
    }
  }

  unmapFixed(at: Address, bytes: number): void {
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
    if (this.#c.mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) !== at) this.#fail('mmap', `${bytes} anonymous bytes`);
  }

  prefault(at: Address, bytes: number, writable: boolean): void {
    // Before Linux 5.14 this is EINVAL, and the first lap pays for the page faults.
    this.#c.madvise(at, bytes, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
  }

  // struct flock on 64-bit Linux: l_type i16 @0, l_whence i16 @2, l_start i64 @8, l_len i64 @16, l_pid i32 @24 (0 for OFD).
  #flock(type: number, byte: number): DataView {
    const s = this.#scratch;
    s.setInt16(0, type, true);
    s.setInt16(2, 0, true);
    s.setBigInt64(8, BigInt(byte), true);
    s.setBigInt64(16, 1n, true);
    s.setInt32(24, 0, true);
    return s;
  }

  tryLock(fd: number, byte: number): boolean {
    if (this.#c.fcntl(fd, F_OFD_SETLK, this.#flock(F_WRLCK, byte)) === 0) return true;
    const name = this.#errnoName();
    return name === 'EAGAIN' || name === 'EACCES' ? false : this.#fail('fcntl(F_OFD_SETLK)', `descriptor ${fd}`);
  }

  unlock(fd: number, byte: number): void {
    if (this.#c.fcntl(fd, F_OFD_SETLK, this.#flock(F_UNLCK, byte)) < 0) this.#fail('fcntl(F_OFD_SETLK)', `descriptor ${fd}`);
  }

  isLocked(fd: number, byte: number): boolean {
    if (this.#c.fcntl(fd, F_OFD_GETLK, this.#flock(F_WRLCK, byte)) < 0) this.#fail('fcntl(F_OFD_GETLK)', `descriptor ${fd}`);
    return this.#scratch.getInt16(0, true) !== F_UNLCK;
  }

  futexWait(word: Address, expected: number, timeoutMs: number): boolean {
    const s = writeTimespec(this.#scratch, timeoutMs);
    if (this.#c.futex(this.#architecture.SYS_futex, word, FUTEX_WAIT, expected, s, 0, 0) === 0) return true;
    const name = this.#errnoName();
    if (name === 'ETIMEDOUT') return false;
    if (name === 'EAGAIN' || name === 'EINTR') return true;
    return this.#fail('futex', 'FUTEX_WAIT');
  }

  futexWaitAsync(word: Address, expected: number, timeoutMs: number): Promise<void> {
    // On a thread of the runtime's pool, with a timespec of its own: the scratch page serves others meanwhile.
    const timeout = writeTimespec(new DataView(new ArrayBuffer(16)), timeoutMs);
    return new Promise((resolve, reject) => {
      this.#c.futex.async(this.#architecture.SYS_futex, word, FUTEX_WAIT, expected, timeout, 0, 0, (error) => {
        // Woken, differing, interrupted or timed out: errno belongs to the other thread, and the caller looks for itself.
        if (error) reject(error);
        else resolve();
      });
    });
  }

  futexWake(word: Address): void {
    this.#c.futex(this.#architecture.SYS_futex, word, FUTEX_WAKE, INT_MAX, null, 0, 0);
  }

  createBell(name: string, mode: number): number {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    if (this.#c.mkfifo(path, mode & 0o700) < 0) this.#fail('mkfifo', path);
    // Open for both ends: a reader that is its own writer never sees end of file.
    const fd = this.#c.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | this.#architecture.O_NOFOLLOW, 0);
    if (fd < 0) this.#fail('open', path);
    if (this.#c.fchmod(fd, mode) < 0) {
      const errno = this.#koffi.errno();
      this.#c.close(fd);
      this.#fail('fchmod', path, errno);
    }
    return fd;
  }

  openBell(name: string): number | null {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    const fd = this.#c.open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | this.#architecture.O_NOFOLLOW, 0);
    // ENOENT, ENXIO (no reader), EACCES, ELOOP: nobody there who could be woken.
    if (fd < 0) return null;
    if (this.statDescriptor(fd).kind === 'fifo') return fd;
    this.#c.close(fd);
    return null;
  }

  ringBell(fd: number): boolean {
    return this.#c.write(fd, this.#one, 1) === 1 || this.#errnoName() === 'EAGAIN';
  }

  unlinkBell(name: string): void {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    // Gone already, a directory, or another user's: then it is not ours to remove.
    if (this.#c.unlink(path) < 0 && !['ENOENT', 'EISDIR', 'EPERM', 'EACCES'].includes(this.#errnoName()))
      this.#fail('unlink', path);
  }

  bellIsAbandoned(name: string): boolean {
    // ENXIO, of all errors, says that there is no reader; but also that a file is a socket.
    if (this.statObject(`/${name}`)?.kind !== 'fifo') return false;
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    const fd = this.#c.open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | this.#architecture.O_NOFOLLOW, 0);
    if (fd < 0) return this.#errnoName() === 'ENXIO';
    this.#c.close(fd);
    return false;
  }
}
