// What the host needs from the operating system and the runtime. native-shim/ implements System, host/adapter/<runtime> implements
// Platform; nothing else in host/ knows koffi or a runtime's own modules.

export { SystemError } from './system-error';

/** A file's identity and attributes. */
export interface FileStatus {
  readonly kind: 'file' | 'fifo' | 'socket' | 'other';
  readonly bytes: number;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** Device and inode: equal for the same file, whatever its name. */
  readonly identity: string;
  /** What it takes up in memory: less than `bytes` when it has holes. */
  readonly allocatedBytes: number;
  /** When its attributes changed last (its creation, at the latest), ms since 1970. */
  readonly changedMs: number;
}

/** Absolute address in this process. Every user-space address is below 2^53. */
export type Address = number;

/** An object that was opened, and whether this call has made it. */
export interface OpenedObject {
  readonly fd: number;
  readonly created: boolean;
}

/**
 * The system calls behind pools. Methods throw SystemError unless they say otherwise. Paths of pool objects are names in the
 * POSIX shared-memory name space, with the leading slash.
 */
/** Numbers of processes, by the object that they have mapped. */
export type MappedObjects = ReadonlyMap<string, readonly number[]>;

export interface System {
  readonly pageBytes: number;
  readonly pid: number;
  /** The effective user's, as it is now: new files are this one's. */
  readonly uid: number;
  /** Version of the layer that makes the calls. */
  readonly nativeVersion: string;
  /** Whether this processor may let plain loads overtake plain loads, or plain stores plain stores, where no fence is between them. */
  readonly needsFences: boolean;

  /** Address of the first byte of a view. The view's buffer must stay alive, and where it is. */
  addressOf(view: ArrayBufferView): Address;
  /** memcpy to a mapped address from a view of at least `bytes` bytes. */
  copyIn(to: Address, from: ArrayBufferView, bytes: number): void;
  /** memcpy from a mapped address into a view of at least `bytes` bytes. */
  copyOut(to: ArrayBufferView, from: Address, bytes: number): void;
  /** memcpy between mapped addresses. */
  copy(to: Address, from: Address, bytes: number): void;

  /**
   * Lets the C library keep memory that is freed, up to 64 MiB, instead of giving each large block back to the kernel at once: by freeing a
   * block of 32 MiB, which is what teaches glibc to. Others have nothing to learn.
   */
  keepFreedMemory(): void;

  /** CLOCK_MONOTONIC, ns. */
  monotonicNs(): bigint;
  /** CLOCK_REALTIME, ns. */
  realtimeNs(): bigint;
  randomU64(): bigint;

  /** Opens a shared-memory object for reading and writing; null if there is none. Never follows a symlink. */
  openObject(name: string): number | null;
  /** The same for reading only. Does not wait, whatever the name leads to. */
  openObjectToRead(name: string): number | null;
  /** The object behind a descriptor once more, by an open file description of its own; null when the descriptor is closed. */
  reopen(fd: number): number | null;
  /** Opens, or creates empty with `mode` whatever the umask. Never follows a symlink. */
  openOrCreateObject(name: string, mode: number): OpenedObject;
  unlinkObject(name: string): void;
  /** Sets the permission bits of an open object. */
  setMode(fd: number, mode: number): void;
  statObject(name: string): FileStatus | null;
  statDescriptor(fd: number): FileStatus;
  /** Empties the object, sets its size and reserves every page, so that a full /dev/shm is an error here and not a SIGBUS later. */
  allocate(fd: number, bytes: number): void;
  /** Empties the object and sets its size: what allocate begins with, and reserve goes on with. */
  setSize(fd: number, bytes: number): void;
  /** Reserves the pages of a part of the object. */
  reserve(fd: number, offset: number, bytes: number): void;
  /** Gives the object at least this size, without touching what is in it. */
  grow(fd: number, bytes: number): void;
  /** Gives an object a second name, all at once. False when the name is taken. */
  linkObject(from: string, to: string): boolean;
  readAt(fd: number, to: Uint8Array, offset: number): number;
  close(fd: number): void;
  /** Names of the files beside the pool objects, theirs included. */
  listSharedMemory(): readonly string[];
  /** How large files that this process writes may be, in bytes: RLIMIT_FSIZE. Infinity without a limit. */
  readonly fileBytesLimit: number;
  /** Address space that this process may take, and has taken, in bytes: RLIMIT_AS. */
  addressSpace(): { limitBytes: number; usedBytes: number };
  /** Bytes free in the file system of shared memory, and its size. */
  sharedMemorySpace(): { freeBytes: number; totalBytes: number };

  /** Maps file pages over an address range that this process owns (MAP_SHARED | MAP_FIXED). */
  mapFixed(at: Address, bytes: number, fd: number, offset: number, writable: boolean): void;
  /** Keeps memory out of core dumps, where the kernel can. So are maps that mapFixed and unmapFixed make. */
  keepOutOfDumps(at: Address, bytes: number): void;
  /** Puts zeroed private memory over the range again. */
  unmapFixed(at: Address, bytes: number): void;
  /** Populates page tables, where the kernel can; quietly does nothing elsewhere. */
  prefault(at: Address, bytes: number, writable: boolean): void;

  /** Takes an open-file-description lock on one byte without waiting. */
  tryLock(fd: number, byte: number): boolean;
  unlock(fd: number, byte: number): void;
  /**
   * Whether another open file description holds the lock. Shared locks, which whoever may read the file could take, do not count: they
   * would keep a dead process alive.
   */
  isLocked(fd: number, byte: number): boolean;

  /** Sleeps while the shared word equals `expected`: true if it was woken or differed, false when the time is over. */
  futexWait(word: Address, expected: number, timeoutMs: number): boolean;
  futexWake(word: Address): void;

  readonly semaphores: Semaphores;
  /** When a process started, in ticks since the machine did: tells it from a later one of its number. Null when there is none. */
  processStart(pid: number): number | null;
  /** What can be seen of a process that may have an object mapped. The number may be one of another namespace: then `maps` is false. */
  lookAtProcess(pid: number, object: string): SeenProcess;
  /** Which processes, of those that this user may look into, have objects mapped: their numbers by the object's name. This one included. */
  mappedObjects(): MappedObjects;

  /** Makes a FIFO beside the objects with `mode` whatever the umask, opened so that it never reports end of file. */
  createFifo(name: string, mode: number): number;
  /** The same for reading only: end of file is when all have closed it who had it open for ringing. */
  createHangingUpFifo(name: string, mode: number): number;
  /** Opens a FIFO of its own once more: this descriptor knows nothing of those who have had it open before. */
  openOwnFifo(name: string): number;
  /** The same as a Unix datagram socket, bound under the name: for runtimes that can watch nothing else. */
  createSocket(name: string, mode: number): number;
  /**
   * Opens another process's FIFO or socket for ringing, or null if nobody listens there, or it is neither. Throws when it cannot be opened
   * now, though somebody may listen: EMFILE, ENFILE, ENOMEM, EACCES.
   */
  openDoorbell(name: string): number | null;
  /** One byte into a doorbell. False when its reader is gone; a full one has been rung already. Throws when that cannot be told. */
  ringDoorbell(fd: number): boolean;
  /** Lets a group that this user belongs to use a file beside the objects. False where the system refuses, or there is no such file. */
  giveToGroup(name: string, gid: number): boolean;
  closeDoorbell(fd: number): void;
  unlinkDoorbell(name: string): void;
  /** Whether a FIFO or socket of this name exists that no process listens to. */
  doorbellIsAbandoned(name: string): boolean;
}

/**
 * Time that several waits share. What is spent is what was waited for: a process that is stopped meanwhile, a machine that sleeps, and
 * a clock that is set spend little of it.
 */
export interface TimeBudget {
  leftMs: number;
}

/** What is seen of a process. */
export interface SeenProcess {
  /** Whether it has the object mapped; null where that cannot be seen: of another user, for one. */
  readonly maps: boolean | null;
  /** What it runs: "node viewer.mjs"; null where that cannot be seen. */
  readonly program: string | null;
}

/** Semaphores in memory that processes share: a file of theirs is opened, checked and mapped like any other. */
export interface Semaphores {
  /** Of one, in memory and in its file. */
  readonly bytes: number;
  /** The file beside the objects that sem_open would take for a name. Both begin with a slash. */
  fileOf(name: string): string;
  /** Makes one, in mapped memory of that size. */
  init(at: Address, value: number): void;
  /** Takes one. False when the time is over. */
  wait(semaphore: Address, budget: TimeBudget): boolean;
  tryWait(semaphore: Address): boolean;
  post(semaphore: Address): void;
  value(semaphore: Address): number;
}

/** A doorbell of this process: calls back on the event loop whenever it has been rung. */
export interface Doorbell {
  /** Whether it tells when nobody has it open for ringing any more, who has had it open before. */
  readonly hangsUp?: boolean;
  /** It could not be kept open: it hears nothing, and another is to be made. */
  readonly deaf?: boolean;
  /** Whether it keeps the process alive. */
  setRef(ref: boolean): void;
  close(): void;
}

/** A pipe into the event loop: whatever native code writes to `fd` calls back. Wake-ups may merge. */
export interface Notifier {
  /** The end that native code writes to; it never waits. Whoever is given it closes it, after the last write. */
  readonly fd: number;
  /** Whether it keeps the process alive. It does not to begin with. */
  setRef(ref: boolean): void;
  /** Closes the end that is watched. */
  close(): void;
}

export interface Timer {
  setRef(ref: boolean): void;
  stop(): void;
}

/** What this machine and this library are called. Empty where the machine or the runtime's permissions do not tell. */
export interface Machine {
  readonly hostName: string;
  /** Of the kernel, since it started: another one on every machine, and after every start of it. */
  readonly bootId: string;
  /** Of this library. */
  readonly libraryVersion: string;
}

/** What differs between runtimes. */
export interface Platform {
  readonly runtime: string;
  /** The system calls of this machine. Throws TensorIpcError UNSUPPORTED_PLATFORM or MISSING_DEPENDENCY. */
  system(): System;
  /** CLOCK_MONOTONIC, ns, in the cheapest way that the runtime has: it is read for every frame. */
  monotonicNs(): bigint;
  /** Milliseconds of a clock that only goes forward: for intervals of this process. Not the global one, which test runners fake. */
  steadyMs(): number;
  /**
   * Makes a doorbell beside the objects, which others ring to be heard here. Its file stays when it is closed.
   *
   * @param onHangUp Called when nobody has it open for ringing any more, where the runtime hears of it. Left out, it is not listened for.
   */
  openDoorbell(name: string, mode: number, onRing: () => void, onHangUp?: () => void): Doorbell;
  /**
   * Makes a pipe that native threads wake this thread's event loop with.
   *
   * @param onWake Given the 32-bit numbers that were written, valid during the call; null where some may be missing.
   */
  openNotifier(onWake: (written: Int32Array | null) => void): Notifier;
  machine(): Machine;
  every(intervalMs: number, callback: () => void): Timer;
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves after the event loop has had a turn. */
  turn(): Promise<void>;
  /** Runs the callback when the process ends in any way that leaves JavaScript a chance, signals aside. Returns how to take it back. */
  onExit(callback: () => void): () => void;
  /** Runs the callback before the process ends by SIGINT, SIGTERM or SIGHUP that nobody else handles. Returns how to take it back. */
  onSignals(callback: () => void): () => void;
  warn(message: string): void;
  /** Uninitialised if the runtime can: the caller overwrites all of it. */
  allocate(bytes: number): ArrayBuffer;
}

let installed: Platform | null = null;

/** Called once by the entry point of each runtime. */
export function installPlatform(platform: Platform): void {
  installed = platform;
}

export function platform(): Platform {
  if (installed === null) throw new Error('no platform installed: import tensor-ipc, not one of its inner modules');
  return installed;
}
