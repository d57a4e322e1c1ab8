// The Wasm core, instantiated over one shared memory, with its exports typed and its status codes turned into errors.

import { LAYOUT_VERSION } from '../../assembly/layout';
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
  readerRest(handle: Handle): void;
  readerHold(handle: Handle, count: number): number;
  readerUnhold(handle: Handle): number;
  readerIntact(handle: Handle, oldest: number): number;

  reliableJoin(handle: Handle, first: number): number;
  reliableNext(handle: Handle): number;
  reliableTimes(handle: Handle): void;
  reliableAdvance(handle: Handle): number;
  reliableSkip(handle: Handle): number;
  reliablePin(handle: Handle): void;

  xxh64(address: number, bytes: number, seed: bigint): bigint;
}

const compiled = new Map<boolean, WebAssembly.Module>();

/**
 * The core over a memory. A module is compiled once; instances have no state of their own.
 *
 * @internal Keeps WebAssembly types, which not every project has, out of the published declarations.
 * @param needsFences What System.needsFences says of the processor.
 */
export function instantiateCore(memory: WebAssembly.Memory, needsFences: boolean): Core {
  try {
    let module = compiled.get(needsFences);
    if (module === undefined) {
      module = new WebAssembly.Module(needsFences ? wasm : withoutFences(wasm));
      compiled.set(needsFences, module);
    }
    return new WebAssembly.Instance(module, { env: { memory } }).exports as object as Core;
  } catch (error) {
    throw noWebAssembly(error);
  }
}

/** The instruction atomic.fence: opcode in two bytes, and the memory order. test/core-module.test.ts sees that no other bytes look like it. */
const FENCE = [0xfe, 0x03, 0x00];
const NOP = 0x01;

/**
 * The same core for a processor that keeps plain loads and plain stores in order (docs/design/0013-fences.md): each fence is three times
 * nop, and not another byte differs. Bytes that were not recognised would leave a fence where it is.
 */
export function withoutFences(core: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(core);
  for (let at = bytes.indexOf(0xfe); at >= 0; at = bytes.indexOf(0xfe, at + 1)) {
    if (FENCE.every((byte, i) => bytes[at + i] === byte)) bytes.fill(NOP, at, at + FENCE.length);
  }
  return bytes;
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

/** The error of an object that states another layout version than this one's, or other fields for it. */
export function layoutError(name: string, version: number): TensorIpcError {
  const found = version === LAYOUT_VERSION ? `layout ${version} with other fields` : `layout ${version}`;
  return new TensorIpcError(
    'VERSION_MISMATCH',
    `the object under pool name '${name}' has ${found}, this version of tensor-ipc reads layout ${LAYOUT_VERSION}: use one version of the package ` +
      `on both sides; when no program uses that pool any more, remove it (tensor-ipc rm ${name})`,
  );
}

/** The error for a status code of controlValidate or controlLayout. */
export function poolError(name: string, code: number): TensorIpcError {
  const where = `the object under pool name '${name}'`;
  const remove = `; if no program uses it, remove /dev/shm/tensoripc.${name}`;
  switch (code) {
    case status.BAD_MAGIC:
      return new TensorIpcError('FOREIGN_OBJECT', `${where} is not a tensor-ipc pool: expected the magic TNSRIPC1${remove}`);
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
