// Doorbells: files beside the pool objects that a producer writes a byte to, so that a consumer's event loop wakes up. A FIFO, or a Unix
// datagram socket where the runtime can watch nothing else.

import { type FileStatus, type System, SystemError } from '../host/runtime/system';
import type { Descriptors } from './libc';
import {
  AF_UNIX,
  type Calls,
  NOT_A_SOCKET,
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SAME_OWNER,
  SHARED_MEMORY_DIRECTORY,
  SOCK_DGRAM,
  socketAddress,
} from './linux';

/** What a call says; null where it fails: a doorbell that cannot be looked at is nobody's to ring or to remove. */
function quietly<V>(call: () => V): V | null {
  try {
    return call();
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}

/** Why a doorbell is not to be rung now, although somebody may listen: too many descriptors, no memory, or not permitted (yet). */
const MAY_PASS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EACCES', 'EPERM', 'EINTR']);

export class Doorbells {
  readonly #calls: Calls;
  readonly #c: Calls['c'];
  readonly #files: Pick<System, 'statObject' | 'statDescriptor'>;
  readonly #one = new Uint8Array([1]);
  readonly #descriptors: Descriptors | null;
  // Those of them that ring.
  readonly #counted = new Set<number>();

  /** @param descriptors Of a runtime that keeps count of a thread's: one that is ended lets go of the doorbells that it had open. */
  constructor(calls: Calls, files: Pick<System, 'statObject' | 'statDescriptor'>, descriptors: Descriptors | null) {
    this.#calls = calls;
    this.#c = calls.c;
    this.#files = files;
    this.#descriptors = descriptors;
  }

  /** @param access Open for both ends (O_RDWR), a reader is its own writer, and never sees end of file. */
  createFifo(name: string, mode: number, access: number = O_RDWR): number {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    if (this.#c.mkfifo(path, mode & 0o700) < 0) this.#calls.fail('mkfifo', path);
    const fd = this.#c.open(path, access | O_NONBLOCK | O_CLOEXEC | this.#calls.architecture.O_NOFOLLOW, 0);
    if (fd < 0) this.#failAndRemove('open', path, -1);
    if (this.#c.fchmod(fd, mode) < 0) this.#failAndRemove('fchmod', path, fd);
    return fd;
  }

  reopenFifo(name: string): number {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    const fd = this.#c.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | this.#calls.architecture.O_NOFOLLOW, 0);
    if (fd < 0) this.#calls.fail('open', path);
    if (this.#kindOf(fd) === 'fifo') return fd;
    this.#c.close(fd);
    throw new SystemError('open', 'ENOENT', path);
  }

  createSocket(name: string, mode: number): number {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    const fd = this.#c.socket(AF_UNIX, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) this.#calls.fail('socket', path);
    // A doorbell's name may be longer than a socket's address: it is bound under the id alone and then given its name.
    const shortPath = `${SHARED_MEMORY_DIRECTORY}/tensoripc-bell.new.${name.slice(name.lastIndexOf('.') + 1)}`;
    const { bytes, length } = socketAddress(shortPath);
    if (this.#c.bind(fd, bytes, length) < 0) this.#failAndClose('bind', shortPath, fd);
    if (this.#c.chmod(shortPath, mode) < 0) this.#failAndRemove('chmod', shortPath, fd);
    if (this.#c.rename(shortPath, path) < 0) this.#failAndRemove('rename', shortPath, fd);
    return fd;
  }

  /** The errno is that of the call that failed, not of those that clear up after it. */
  #failAndClose(syscall: string, path: string, fd: number): never {
    const errno = this.#calls.koffi.errno();
    this.#c.close(fd);
    this.#calls.fail(syscall, path, errno);
  }

  #failAndRemove(syscall: string, path: string, fd: number): never {
    const errno = this.#calls.koffi.errno();
    this.#c.unlink(path);
    if (fd >= 0) this.#c.close(fd);
    this.#calls.fail(syscall, path, errno);
  }

  open(name: string): number | null {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    let fd = this.#openToRing(path);
    let errno = fd < 0 ? -fd : 0;
    // A FIFO without a reader; but a socket, too, answers so.
    if (fd < 0 && this.#calls.errnoName(errno) === 'ENXIO') {
      fd = this.#connectDoorbell(path);
      if (fd >= 0) return fd;
      errno = -fd;
    }
    if (fd < 0) {
      if (MAY_PASS.has(this.#calls.errnoName(errno))) this.#calls.fail('open', path, errno);
      return null;
    }
    if (this.#kindOf(fd) === 'fifo') return fd;
    this.close(fd);
    return null;
  }

  /** A descriptor, or the negative errno. */
  #openToRing(path: string): number {
    const flags = O_WRONLY | O_NONBLOCK | this.#calls.architecture.O_NOFOLLOW;
    if (this.#descriptors === null) {
      const fd = this.#c.open(path, flags | O_CLOEXEC, 0);
      return fd < 0 ? -this.#calls.koffi.errno() : fd;
    }
    const fd = this.#descriptors.open(path, flags, 0);
    if (fd >= 0) this.#counted.add(fd);
    return fd;
  }

  /** What is open there; null where that cannot be found out, and is no doorbell to us. */
  #kindOf(fd: number): FileStatus['kind'] | null {
    return quietly(() => this.#files.statDescriptor(fd))?.kind ?? null;
  }

  /** A socket that sends to the one bound at the path, or the negative errno: that of ECONNREFUSED when nobody has it open. */
  #connectDoorbell(path: string): number {
    const c = this.#c;
    const koffi = this.#calls.koffi;
    const place = c.open(path, O_PATH | O_CLOEXEC | this.#calls.architecture.O_NOFOLLOW, 0);
    if (place < 0) return -koffi.errno();
    try {
      if (this.#kindOf(place) !== 'socket') return NOT_A_SOCKET;
      const fd = c.socket(AF_UNIX, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
      if (fd < 0) return -koffi.errno();
      // By its descriptor: the path may be too long for an address, or lead elsewhere by now.
      const { bytes, length } = socketAddress(`/proc/self/fd/${place}`);
      if (c.connect(fd, bytes, length) === 0) return fd;
      const errno = koffi.errno();
      c.close(fd);
      return -errno;
    } finally {
      c.close(place);
    }
  }

  close(fd: number): void {
    if (this.#counted.delete(fd)) this.#descriptors?.close(fd);
    else this.#c.close(fd);
  }

  ring(fd: number): boolean {
    if (this.#c.write(fd, this.#one, 1) === 1) return true;
    const name = this.#calls.errnoName();
    if (MAY_PASS.has(name)) this.#calls.fail('write', `descriptor ${fd}`);
    return name === 'EAGAIN';
  }

  giveToGroup(name: string, gid: number): boolean {
    return this.#c.lchown(`${SHARED_MEMORY_DIRECTORY}/${name}`, SAME_OWNER, gid) === 0;
  }

  unlink(name: string): void {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    // Gone already, a directory, or another user's: then it is not ours to remove.
    if (this.#c.unlink(path) < 0 && !['ENOENT', 'EISDIR', 'EPERM', 'EACCES'].includes(this.#calls.errnoName()))
      this.#calls.fail('unlink', path);
  }

  isAbandoned(name: string): boolean {
    const path = `${SHARED_MEMORY_DIRECTORY}/${name}`;
    const kind = quietly(() => this.#files.statObject(`/${name}`))?.kind;
    if (kind !== 'fifo' && kind !== 'socket') return false;
    let fd: number;
    let errno = 0;
    if (kind === 'fifo') {
      fd = this.#c.open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | this.#calls.architecture.O_NOFOLLOW, 0);
      if (fd < 0) errno = this.#calls.koffi.errno();
    } else {
      fd = this.#connectDoorbell(path);
      errno = -fd;
    }
    if (fd < 0) return this.#calls.errnoName(errno) === (kind === 'fifo' ? 'ENXIO' : 'ECONNREFUSED');
    this.#c.close(fd);
    return false;
  }
}
