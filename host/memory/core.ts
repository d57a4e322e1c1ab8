// The Wasm core, instantiated over one shared memory, with its exports typed and its status codes turned into errors.

import * as status from '../../assembly/status';
import wasm from '../../dist/core.wasm';
import { TensorIpcError } from '../runtime/errors';

/** Offset of a private handle in the memory (assembly/layout.ts, HANDLE_*). */
export type Handle = number;

/** Exports of assembly/index.ts. Sequence numbers cross as f64 (exact below 2^53): a BigInt would allocate on every call. */
export interface Core {
  chooseGeometry(handle: Handle, frameBytes: number, historyLen: number, pageBytes: number): number;
  controlLayout(handle: Handle): number;
  controlBind(handle: Handle, control: number): void;
  controlCreate(handle: Handle, metadataHash: bigint, poolId: bigint, createdNs: bigint): void;
  controlPublish(handle: Handle): void;
  controlValidate(handle: Handle, header: number, objectBytes: number): number;

  writerOpen(handle: Handle, pid: number, onPinned: number): number;
  writerClose(handle: Handle): void;
  writerSequence(handle: Handle): number;
  writerBegin(handle: Handle, ignoreViews: number): number;
  writerBlocker(handle: Handle, from: number, ignoreViews: number): number;
  writerCommit(handle: Handle, ownTimestamp: number): number;
  writerTakeArmed(handle: Handle): number;
  writerSetWaiting(handle: Handle, waiting: number): void;
  writerOverruns(handle: Handle): number;
  writerCountRefused(handle: Handle): void;
  writerCountOverrun(handle: Handle): void;
  writerCountWait(handle: Handle): void;

  consumerRegister(handle: Handle, index: number, pid: number, delivery: number, doorbellId: bigint): number;
  consumerUnregister(handle: Handle): number;
  consumerReap(handle: Handle, index: number): number;
  consumerArm(handle: Handle, doorbellKind: number): void;
  consumerDisarm(handle: Handle): void;
  consumerWakeCount(handle: Handle): number;

  readerLatest(handle: Handle): number;
  readerNewest(handle: Handle): number;
  readerSpin(handle: Handle, sequence: number, iterations: number): number;
  readerCopyBegin(handle: Handle, sequence: number, count: number): number;
  readerCopyEnd(handle: Handle, sequence: number, count: number): number;
  readerPin(handle: Handle, count: number): number;
  readerUnpin(handle: Handle): number;
  readerUnpinTo(handle: Handle, oldest: number): number;
  readerHold(handle: Handle, count: number): number;
  readerUnhold(handle: Handle): number;
  readerIntact(handle: Handle, oldest: number): number;

  reliableJoin(handle: Handle, first: number): number;
  reliableNext(handle: Handle): number;
  reliableTimes(handle: Handle): void;
  reliableAdvance(handle: Handle): number;
  reliablePin(handle: Handle): void;

  xxh64(address: number, bytes: number, seed: bigint): bigint;
}

let compiled: WebAssembly.Module | null = null;

/**
 * The core over a memory. The module is compiled once; instances have no state of their own.
 *
 * @internal Keeps WebAssembly types, which not every project has, out of the published declarations.
 */
export function instantiateCore(memory: WebAssembly.Memory): Core {
  try {
    compiled ??= new WebAssembly.Module(wasm);
    return new WebAssembly.Instance(compiled, { env: { memory } }).exports as object as Core;
  } catch (error) {
    throw noWebAssembly(error);
  }
}

/** The error of a runtime in which the core does not run. `node --jitless` has no WebAssembly at all. */
export function noWebAssembly(cause: unknown): TensorIpcError {
  const why = String(cause);
  return new TensorIpcError(
    'UNSUPPORTED_PLATFORM',
    `the core of tensor-ipc is WebAssembly, which this runtime does not run (${why}): start it without --jitless, and where a policy forbids ` +
      'to compile code, allow WebAssembly',
    { cause },
  );
}

/** The error for a status code of controlValidate or controlLayout. */
export function poolError(name: string, code: number): TensorIpcError {
  const where = `the object under pool name '${name}'`;
  const remove = `; if no program uses it, remove /dev/shm/tensoripc.${name}`;
  switch (code) {
    case status.BAD_MAGIC:
      return new TensorIpcError('FOREIGN_OBJECT', `${where} is not a tensor-ipc pool: expected the magic TNSRIPC1${remove}`);
    case status.BAD_VERSION:
    case status.BAD_SIGNATURE:
      return new TensorIpcError(
        'VERSION_MISMATCH',
        `${where} has another layout than this version of tensor-ipc: use one version on both sides`,
      );
    case status.BAD_BYTE_ORDER:
      return new TensorIpcError('VERSION_MISMATCH', `${where} was written by a machine of the other byte order`);
    case status.BAD_SIZE:
      return new TensorIpcError('TRUNCATED_OBJECT', `${where} has another size than its header states${remove}`);
    case status.BAD_LENGTH:
      return new TensorIpcError('CORRUPT_OBJECT', `${where} states that a frame is longer than its field's maxLength${remove}`);
    default:
      return new TensorIpcError('CORRUPT_OBJECT', `${where} contradicts itself (status ${code})${remove}`);
  }
}
