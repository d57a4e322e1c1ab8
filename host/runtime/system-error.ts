// A failed system call as an error of the library: what failed, on what, and what can be done about it.

import { TensorIpcError, type TensorIpcErrorCode } from './errors';

type Meaning = readonly [code: TensorIpcErrorCode, advice: string];

const NO_LOCKS: Meaning = [
  'UNSUPPORTED_PLATFORM',
  'this kernel, or the sandbox around it (gVisor, for one), has no open-file-description locks, which tell live processes from dead ones: ' +
    'run the program where Linux itself answers',
];

const NO_CALL: Meaning = ['UNSUPPORTED_PLATFORM', 'this kernel, or the sandbox around the program, does not have the call'];

const NO_MAPS: Meaning = [
  'ADDRESS_SPACE',
  'the process has no memory or address space left, or as many maps as it may have: see "ulimit -v", the memory limit of the container, ' +
    'and sysctl vm.max_map_count',
];

const MEANINGS: Readonly<Record<string, Meaning>> = {
  EMFILE: ['SYSTEM', 'this process has as many files open as it may: close some, or raise its limit ("ulimit -n")'],
  ENFILE: ['SYSTEM', 'this machine has as many files open as it may: see sysctl fs.file-max'],
  ENOSPC: ['SHM_FULL', 'there is no room for it: see "df /dev/shm" for bytes and "df -i /dev/shm" for files'],
  EDQUOT: ['SHM_FULL', 'the quota of this user is used up: remove what is stale in /dev/shm, or raise the quota'],
  EROFS: ['SYSTEM', 'the file system is mounted read-only: mount it for writing ("mount -o remount,rw /dev/shm")'],
  ENOENT: ['SYSTEM', 'it does not exist: is /dev/shm mounted ("mount -t tmpfs tmpfs /dev/shm")?'],
  EACCES: ['PERMISSION_DENIED', 'this user may not do that: see the owners and modes of the file and of /dev/shm'],
  EPERM: [
    'PERMISSION_DENIED',
    'this user, or the sandbox around the program, may not do that: see the owner of the file and the seccomp profile',
  ],
  EFBIG: ['SYSTEM', 'it is larger than files of this process may be: raise the limit ("ulimit -f"), or shorten historyLen'],
  ENOMEM: ['SYSTEM', 'the kernel has no memory for it: see the memory limit of the container'],
  ENODEV: ['SYSTEM', 'files there cannot be mapped: /dev/shm is to be a tmpfs'],
  ENOLCK: ['SYSTEM', 'the kernel has no room for another file lock: close some pools'],
  ENOSYS: NO_CALL,
};

function meaningOf(syscall: string, errno: string): Meaning {
  if (syscall.startsWith('fcntl(F_OFD') && (errno === 'EINVAL' || errno === 'ENOSYS')) return NO_LOCKS;
  if (syscall === 'mmap' && errno === 'ENOMEM') return NO_MAPS;
  return MEANINGS[errno] ?? ['SYSTEM', 'see errno(3) for what that means'];
}

/**
 * What the system calls behind `System` throw. Where the host knows more, of which pool and why, it says so in an error of its own; what
 * nobody catches leaves the library as it is, and is a TensorIpcError.
 */
export class SystemError extends TensorIpcError {
  declare readonly syscall: string;
  declare readonly errno: string;

  /**
   * @param errno Symbolic name: 'ENOSPC'.
   * @param subject What the call was made on: a path, a number of bytes.
   */
  constructor(
    syscall: string,
    errno: string,
    readonly subject: string,
  ) {
    const [code, advice] = meaningOf(syscall, errno);
    super(code, `${subject}: ${syscall} failed with ${errno}: ${advice}`, { syscall, errno });
  }
}
