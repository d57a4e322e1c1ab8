// POSIX shared memory, mappings, locks and futexes through libc.

import type { Address, FileStatus, MappedObjects, OpenedObject, SeenProcess, Semaphores, System } from '../host/runtime/system';
import { Doorbells } from './doorbells';
import {
  type Architecture,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  Calls,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  directoryNames,
  EFBIG,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  FUTEX_WAIT,
  FUTEX_WAKE,
  INT_MAX,
  kindOf,
  MADV_DONTDUMP,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  RLIM_INFINITY,
  RLIMIT_AS,
  RLIMIT_FSIZE,
  SC_PAGESIZE,
  SHARED_MEMORY_DIRECTORY,
  STATX_BASIC_STATS,
  writeTimespec,
} from './linux';
import { Processes } from './processes';
import { PosixSemaphores } from './semaphores';

/** A variable of the environment that is not empty where the processor, an emulated one perhaps, is not to be relied upon. */
const FENCES = 'TENSOR_IPC_FENCES';

/** Who opens and closes the objects: libc itself, or a runtime that keeps count of a thread's descriptors. */
export interface Descriptors {
  /** A descriptor that exec closes, or the negative errno. */
  open(path: string, flags: number, mode: number): number;
  /** 0, or the negative errno. */
  close(fd: number): number;
}

/** The largest block whose release teaches glibc, with what it adds (malloc.c: DEFAULT_MMAP_THRESHOLD_MAX). */
const LARGEST_KEPT_BYTES = (1 << 25) - 8192;

/** System on glibc or musl. Creating one loads koffi and libc. */
export class Libc implements System {
  readonly pageBytes: number;
  readonly pid: number;
  readonly nativeVersion: string;
  readonly needsFences: boolean;
  readonly #calls: Calls;
  readonly #c: Calls['c'];
  readonly #doorbells: Doorbells;
  readonly #processes: Processes;
  #semaphores: Semaphores | null = null;
  readonly #descriptors: Descriptors;
  // One scratch page for struct arguments; calls are synchronous, so nobody else sees it in use.
  readonly #scratchBytes = new Uint8Array(512);
  readonly #scratch = new DataView(this.#scratchBytes.buffer);
  readonly #scratchAddress: Address;

  constructor(architecture: Architecture, descriptors?: Descriptors) {
    this.#calls = new Calls(architecture);
    this.#c = this.#calls.c;
    this.#descriptors = descriptors ?? {
      open: (path, flags, mode) => {
        const fd = this.#c.open(path, flags | O_CLOEXEC, mode);
        return fd < 0 ? -this.#calls.koffi.errno() : fd;
      },
      close: (fd) => (this.#c.close(fd) < 0 ? -this.#calls.koffi.errno() : 0),
    };
    this.#doorbells = new Doorbells(this.#calls, this, descriptors ?? null);
    this.#processes = new Processes(this.#calls);
    this.#scratchAddress = this.addressOf(this.#scratchBytes);
    this.pageBytes = this.#c.sysconf(SC_PAGESIZE);
    this.pid = this.#c.getpid();
    this.nativeVersion = this.#calls.koffi.version;
    // Of libc: Deno asks people before JavaScript may read the environment.
    this.needsFences = this.#calls.architecture.needsFences || (this.#c.getenv(FENCES) ?? '') !== '';
  }

  /** Asked each time: a program may have dropped its privileges since. */
  get uid(): number {
    return this.#c.geteuid();
  }

  addressOf(view: ArrayBufferView): Address {
    return Number(this.#calls.koffi.address(view));
  }

  copyIn(to: Address, from: ArrayBufferView, bytes: number): void {
    this.#c.copyIn(to, from, bytes);
  }

  copyOut(to: ArrayBufferView, from: Address, bytes: number): void {
    this.#c.copyOut(to, from, bytes);
  }

  copy(to: Address, from: Address, bytes: number): void {
    this.#c.copyAddresses(to, from, bytes);
  }

  keepFreedMemory(): void {
    this.#c.free(this.#c.malloc(LARGEST_KEPT_BYTES));
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
    if (this.#c.getrandom(this.#scratchBytes, 8, 0) !== 8) this.#calls.fail('getrandom', '8 bytes');
    return this.#scratch.getBigUint64(0, true);
  }

  openObject(name: string): number | null {
    return this.#openExisting(SHARED_MEMORY_DIRECTORY + name, O_RDWR | this.#calls.architecture.O_NOFOLLOW);
  }

  openObjectToRead(name: string): number | null {
    // Of a FIFO under the name, opening the reading end would wait for a writer.
    return this.#openExisting(SHARED_MEMORY_DIRECTORY + name, O_RDONLY | O_NONBLOCK | this.#calls.architecture.O_NOFOLLOW);
  }

  reopen(fd: number): number | null {
    return this.#openExisting(`/proc/self/fd/${fd}`, O_RDWR);
  }

  #openExisting(path: string, flags: number): number | null {
    const fd = this.#descriptors.open(path, flags, 0);
    if (fd >= 0) return fd;
    return this.#calls.errnoName(-fd) === 'ENOENT' ? null : this.#calls.fail('open', path, -fd);
  }

  openOrCreateObject(name: string, mode: number): OpenedObject {
    const path = SHARED_MEMORY_DIRECTORY + name;
    const { O_NOFOLLOW } = this.#calls.architecture;
    for (;;) {
      const existing = this.openObject(name);
      if (existing !== null) return { fd: existing, created: false };
      const fd = this.#descriptors.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode & 0o700);
      if (fd >= 0) {
        if (this.#c.fchmod(fd, mode) === 0) return { fd, created: true };
        const errno = this.#calls.koffi.errno();
        this.#c.unlink(path);
        this.#descriptors.close(fd);
        this.#calls.fail('fchmod', path, errno);
      }
      // Somebody created it in between: open theirs.
      if (this.#calls.errnoName(-fd) !== 'EEXIST') this.#calls.fail('open(O_CREAT)', path, -fd);
    }
  }

  unlinkObject(name: string): void {
    const path = SHARED_MEMORY_DIRECTORY + name;
    if (this.#c.unlink(path) < 0 && this.#calls.errnoName() !== 'ENOENT') this.#calls.fail('unlink', path);
  }

  setMode(fd: number, mode: number): void {
    if (this.#c.fchmod(fd, mode) < 0) this.#calls.fail('fchmod', `descriptor ${fd}`);
  }

  statObject(name: string): FileStatus | null {
    const path = SHARED_MEMORY_DIRECTORY + name;
    if (this.#c.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, this.#scratchBytes) < 0) {
      return this.#calls.errnoName() === 'ENOENT' ? null : this.#calls.fail('statx', path);
    }
    return this.#readStatus();
  }

  statDescriptor(fd: number): FileStatus {
    if (this.#c.statx(fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, this.#scratchBytes) < 0)
      this.#calls.fail('statx', `descriptor ${fd}`);
    return this.#readStatus();
  }

  // struct statx has the same layout on every architecture (linux/stat.h), unlike struct stat.
  #readStatus(): FileStatus {
    const s = this.#scratch;
    const mode = s.getUint16(28, true);
    return {
      kind: kindOf(mode),
      bytes: Number(s.getBigUint64(40, true)),
      uid: s.getUint32(20, true),
      gid: s.getUint32(24, true),
      mode: mode & 0o7777,
      allocatedBytes: Number(s.getBigUint64(48, true)) * 512,
      changedMs: Number(s.getBigInt64(96, true)) * 1000 + s.getUint32(104, true) / 1e6,
      identity: `${s.getUint32(136, true)}:${s.getUint32(140, true)}:${s.getBigUint64(32, true)}`,
    };
  }

  allocate(fd: number, bytes: number): void {
    this.setSize(fd, bytes);
    this.reserve(fd, 0, bytes);
  }

  setSize(fd: number, bytes: number): void {
    // Before the kernel says so by SIGXFSZ, which ends runtimes that do not ignore it.
    if (bytes > this.fileBytesLimit) this.#calls.fail('ftruncate', `${bytes} bytes`, EFBIG);
    if (this.#c.ftruncate(fd, 0) < 0 || this.#c.ftruncate(fd, bytes) < 0) this.#calls.fail('ftruncate', `${bytes} bytes`);
  }

  reserve(fd: number, offset: number, bytes: number): void {
    for (;;) {
      // posix_fallocate returns the error instead of setting errno; a signal may interrupt it half-way.
      const errno = this.#c.posix_fallocate(fd, offset, bytes);
      if (errno === 0) return;
      if (this.#calls.errnoName(errno) !== 'EINTR') this.#calls.fail('posix_fallocate', `${bytes} bytes`, errno);
    }
  }

  grow(fd: number, bytes: number): void {
    if (this.statDescriptor(fd).bytes < bytes && this.#c.ftruncate(fd, bytes) < 0)
      this.#calls.fail('ftruncate', `${bytes} bytes`);
  }

  linkObject(from: string, to: string): boolean {
    if (this.#c.link(SHARED_MEMORY_DIRECTORY + from, SHARED_MEMORY_DIRECTORY + to) === 0) return true;
    return this.#calls.errnoName() === 'EEXIST' ? false : this.#calls.fail('link', to);
  }

  readAt(fd: number, to: Uint8Array, offset: number): number {
    let done = 0;
    while (done < to.byteLength) {
      const n = this.#c.pread(fd, to.subarray(done), to.byteLength - done, offset + done);
      if (n === 0) break;
      if (n > 0) done += n;
      else if (this.#calls.errnoName() !== 'EINTR') this.#calls.fail('pread', `descriptor ${fd}`);
    }
    return done;
  }

  close(fd: number): void {
    const error = this.#descriptors.close(fd);
    // Linux lets go of the descriptor whatever else it answers; only one that is not open says that somebody has closed too much.
    if (error < 0 && this.#calls.errnoName(-error) === 'EBADF') this.#calls.fail('close', `descriptor ${fd}`, -error);
  }

  get fileBytesLimit(): number {
    return this.#limit(RLIMIT_FSIZE);
  }

  addressSpace(): { limitBytes: number; usedBytes: number } {
    return { limitBytes: this.#limit(RLIMIT_AS), usedBytes: this.#processes.ownPages() * this.pageBytes };
  }

  #limit(resource: number): number {
    if (this.#c.getrlimit(resource, this.#scratchBytes) < 0) return Infinity;
    const soft = this.#scratch.getBigUint64(0, true);
    return soft === RLIM_INFINITY ? Infinity : Number(soft);
  }

  listSharedMemory(): string[] {
    const directory = this.#c.open(SHARED_MEMORY_DIRECTORY, O_RDONLY | this.#calls.architecture.O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0) this.#calls.fail('open', SHARED_MEMORY_DIRECTORY);
    try {
      const entries = new Uint8Array(32 * 1024);
      const names: string[] = [];
      for (;;) {
        const bytes = this.#c.getdents64(this.#calls.architecture.SYS_getdents64, directory, entries, entries.byteLength);
        if (bytes < 0) this.#calls.fail('getdents64', SHARED_MEMORY_DIRECTORY);
        if (bytes === 0) return names;
        names.push(...directoryNames(entries.subarray(0, bytes)));
      }
    } finally {
      this.#c.close(directory);
    }
  }

  sharedMemorySpace(): { freeBytes: number; totalBytes: number } {
    if (this.#c.statvfs(SHARED_MEMORY_DIRECTORY, this.#scratchBytes) < 0) this.#calls.fail('statvfs', SHARED_MEMORY_DIRECTORY);
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
      this.#calls.fail('mmap', `${bytes} bytes of descriptor ${fd}`);
    }
    this.keepOutOfDumps(at, bytes);
  }

  unmapFixed(at: Address, bytes: number): void {
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
    // The kernel may have removed what was there before it found that it could not go on: a hole is worth a second try.
    for (let tries = 0; tries < 2; tries++) {
      if (this.#c.mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) !== at) continue;
      this.keepOutOfDumps(at, bytes);
      return;
    }
    this.#calls.fail('mmap', `${bytes} anonymous bytes`);
  }

  keepOutOfDumps(at: Address, bytes: number): void {
    // Each new map has flags of its own. A kernel that cannot says EINVAL, and dumps.
    this.#c.madvise(at, bytes, MADV_DONTDUMP);
  }

  prefault(at: Address, bytes: number, writable: boolean): void {
    // Before Linux 5.14 this is EINVAL, and the first lap pays for the page faults.
    this.#c.madvise(at, bytes, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
  }

  // struct flock on 64-bit Linux: l_type i16 @0, l_whence i16 @2, l_start i64 @8, l_len i64 @16, l_pid i32 @24 (0 for OFD).
  #flock(type: number, byte: number): Uint8Array {
    const s = this.#scratch;
    s.setInt16(0, type, true);
    s.setInt16(2, 0, true);
    s.setBigInt64(8, BigInt(byte), true);
    s.setBigInt64(16, 1n, true);
    s.setInt32(24, 0, true);
    return this.#scratchBytes;
  }

  tryLock(fd: number, byte: number): boolean {
    if (this.#c.fcntl(fd, F_OFD_SETLK, this.#flock(F_WRLCK, byte)) === 0) return true;
    const name = this.#calls.errnoName();
    return name === 'EAGAIN' || name === 'EACCES' ? false : this.#calls.fail('fcntl(F_OFD_SETLK)', `descriptor ${fd}`);
  }

  unlock(fd: number, byte: number): void {
    // A lock that stays keeps others out: worth a second try, too.
    for (let tries = 0; tries < 2; tries++) if (this.#c.fcntl(fd, F_OFD_SETLK, this.#flock(F_UNLCK, byte)) === 0) return;
    this.#calls.fail('fcntl(F_OFD_SETLK)', `descriptor ${fd}`);
  }

  isLocked(fd: number, byte: number): boolean {
    // Asking for a shared lock: only an exclusive one, which takes write permission, is in its way.
    if (this.#c.fcntl(fd, F_OFD_GETLK, this.#flock(F_RDLCK, byte)) < 0)
      this.#calls.fail('fcntl(F_OFD_GETLK)', `descriptor ${fd}`);
    return this.#scratch.getInt16(0, true) !== F_UNLCK;
  }

  futexWait(word: Address, expected: number, timeoutMs: number): boolean {
    writeTimespec(this.#scratch, timeoutMs);
    if (this.#c.futex(this.#calls.architecture.SYS_futex, word, FUTEX_WAIT, expected, this.#scratchBytes, 0, 0) === 0)
      return true;
    const name = this.#calls.errnoName();
    if (name === 'ETIMEDOUT') return false;
    if (name === 'EAGAIN' || name === 'EINTR') return true;
    return this.#calls.fail('futex', 'FUTEX_WAIT');
  }

  futexWake(word: Address): void {
    this.#c.futex(this.#calls.architecture.SYS_futex, word, FUTEX_WAKE, INT_MAX, null, 0, 0);
  }

  get semaphores(): Semaphores {
    this.#semaphores ??= new PosixSemaphores(this.#calls);
    return this.#semaphores;
  }

  processStart(pid: number): number | null {
    return this.#processes.startOf(pid);
  }

  lookAtProcess(pid: number, object: string): SeenProcess {
    return this.#processes.look(pid, `${SHARED_MEMORY_DIRECTORY}${object}`);
  }

  mappedObjects(): MappedObjects {
    return this.#processes.thatMap(SHARED_MEMORY_DIRECTORY);
  }

  createFifo(name: string, mode: number): number {
    return this.#doorbells.createFifo(name, mode);
  }

  createHangingUpFifo(name: string, mode: number): number {
    return this.#doorbells.createFifo(name, mode, O_RDONLY);
  }

  openOwnFifo(name: string): number {
    return this.#doorbells.reopenFifo(name);
  }

  createSocket(name: string, mode: number): number {
    return this.#doorbells.createSocket(name, mode);
  }

  openDoorbell(name: string): number | null {
    return this.#doorbells.open(name);
  }

  ringDoorbell(fd: number): boolean {
    return this.#doorbells.ring(fd);
  }

  giveToGroup(name: string, gid: number): boolean {
    return this.#doorbells.giveToGroup(name, gid);
  }

  closeDoorbell(fd: number): void {
    this.#doorbells.close(fd);
  }

  unlinkDoorbell(name: string): void {
    this.#doorbells.unlink(name);
  }

  doorbellIsAbandoned(name: string): boolean {
    return this.#doorbells.isAbandoned(name);
  }
}
