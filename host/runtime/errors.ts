import { printable } from './printable';
import { isMarked, type Marked, mark } from './realm';

/**
 * Everything that can go wrong, by name. The set only grows.
 *
 * | code | meaning |
 * |---|---|
 * | INVALID_ARGUMENT | an option or argument is outside its range |
 * | INVALID_NAME | a pool name is empty, too long or has characters outside `[A-Za-z0-9_.-]` |
 * | SHAPE_MISMATCH, DTYPE_MISMATCH, FIELDS_MISMATCH, HISTORY_MISMATCH | a tensor or a pool is not of the expected form |
 * | HISTORY_TOO_LONG | more frames were asked for than the pool promises to keep |
 * | PRODUCER_EXISTS | another live producer owns the name |
 * | TOO_MANY_CONSUMERS | every entry of the consumer table is taken |
 * | FOREIGN_OBJECT | the object under the name is not a pool, or belongs to another user |
 * | UNSAFE_MODE | the object may be written by users it should not be written by |
 * | TRUNCATED_OBJECT | the object's size is not what its header states |
 * | VERSION_MISMATCH | the pool was made with another layout |
 * | CORRUPT_OBJECT | numbers or metadata in the object contradict each other |
 * | SHM_FULL | /dev/shm has no room for the pool |
 * | PERMISSION_DENIED | the object exists but may not be opened |
 * | ADDRESS_SPACE | no room to map the pool in this process |
 * | PIN_TIMEOUT | a consumer held the oldest frame for longer than waitTimeoutMs |
 * | LOCK_TIMEOUT | on the Python package's wire: a process holds a slot's locks, or died with them |
 * | LOAN_OUTSTANDING | the previous loan has not been committed or released |
 * | RELEASED | a view or slot was used after its release |
 * | CLOSED | the producer or consumer was used after cleanup |
 * | UNSUPPORTED_PLATFORM | pools need Linux on x64 or arm64, open-file-description locks and WebAssembly |
 * | MISSING_DEPENDENCY | koffi or an optional tool is not installed |
 * | DDS | a call of Cyclone DDS failed; the message names the call and its return code |
 * | SYSTEM | any other failed system call; see syscall and errno, and the message for what to do |
 */
export type TensorIpcErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_NAME'
  | 'SHAPE_MISMATCH'
  | 'DTYPE_MISMATCH'
  | 'FIELDS_MISMATCH'
  | 'HISTORY_MISMATCH'
  | 'HISTORY_TOO_LONG'
  | 'PRODUCER_EXISTS'
  | 'TOO_MANY_CONSUMERS'
  | 'FOREIGN_OBJECT'
  | 'UNSAFE_MODE'
  | 'TRUNCATED_OBJECT'
  | 'VERSION_MISMATCH'
  | 'CORRUPT_OBJECT'
  | 'SHM_FULL'
  | 'PERMISSION_DENIED'
  | 'ADDRESS_SPACE'
  | 'PIN_TIMEOUT'
  | 'LOCK_TIMEOUT'
  | 'LOAN_OUTSTANDING'
  | 'RELEASED'
  | 'CLOSED'
  | 'UNSUPPORTED_PLATFORM'
  | 'MISSING_DEPENDENCY'
  | 'DDS'
  | 'SYSTEM';

/** What a TensorIpcError keeps beside its message. */
export interface TensorIpcErrorOptions {
  readonly cause?: unknown;
  readonly syscall?: string;
  /** Symbolic errno, such as 'ENOSPC'. */
  readonly errno?: string;
}

const MARK = Symbol.for('tensor-ipc.error');

/** Engines keep this many frames of a trace unless the program wants another number. */
const USUAL_FRAMES = 10;
/** Frames of the library above the caller's in the deepest traces. */
const OWN_FRAMES = 4;

/**
 * The only error class of the library. The message says what was expected, what was found and what to do. It is one line, and safe to print:
 * what others chose (a file name, metadata) has no control characters left in it.
 */
export class TensorIpcError extends Error {
  /** `instanceof` also knows the errors of the package's other build, where a process has loaded both. */
  static override [Symbol.hasInstance]<T extends Marked>(this: T, value: unknown): value is InstanceType<T> {
    // biome-ignore lint/complexity/noThisInStatic: a derived class inherits the method.
    return isMarked(this, TensorIpcError, MARK, value);
  }

  readonly code: TensorIpcErrorCode;
  // Only there when they are set: runtimes print every property of an uncaught error.
  declare readonly syscall: string | undefined;
  declare readonly errno: string | undefined;

  constructor(code: TensorIpcErrorCode, message: string, options: TensorIpcErrorOptions = {}) {
    const { cause, syscall, errno } = options;
    const limit = Error.stackTraceLimit;
    // So that the caller's own line is in the trace: a pool is opened eleven calls below it.
    const more = limit >= USUAL_FRAMES && limitFrames(limit + OWN_FRAMES);
    super(printable(message), cause === undefined ? undefined : { cause });
    if (more) limitFrames(limit);
    this.name = 'TensorIpcError';
    this.code = code;
    if (syscall !== undefined) this.syscall = syscall;
    if (errno !== undefined) this.errno = errno;
    if (cause instanceof TensorIpcError) shorten(cause);
  }
}

/** A cause of ours has the frames of what it is the cause of: the first of them is enough. */
function shorten(cause: TensorIpcError): void {
  const limit = Error.stackTraceLimit;
  if (!(limit > 1) || !limitFrames(1)) return;
  Error.captureStackTrace(cause, TensorIpcError);
  limitFrames(limit);
}

/** False where a program has frozen its Error. */
function limitFrames(count: number): boolean {
  return Reflect.set(Error, 'stackTraceLimit', count);
}

mark(TensorIpcError, MARK);
