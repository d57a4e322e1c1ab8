// What the Python package's pools can hold, and what they are called. Observed from the running package (docs/python-wire.md).

import { TensorIpcError } from '../runtime/errors';
import type { Dtype } from '../tensor/dtype';
import type { Backend, PoolMetadata } from '../tensor/metadata';

const NUMPY: readonly Dtype[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8', 'uint16', 'int16', 'bool'];

/** Dtypes that each backend of the package knows. */
const DTYPES: Readonly<Record<Backend, readonly Dtype[]>> = {
  numpy: NUMPY,
  torch: NUMPY.filter((dtype) => dtype !== 'uint16'),
};

/**
 * The longest history on this wire. Who reads or writes all of it maps four files a slot: half of the 65530 maps that Linux lets a process
 * have. No pool of the package has been seen to come near.
 */
export const MAX_WIRE_HISTORY = 8192;

const TOPIC_NAME = /^[A-Za-z0-9_]+$/;

/**
 * Throws unless a pool's name can be part of a DDS topic's, which has fewer characters than a file's.
 *
 * @throws TensorIpcError INVALID_NAME
 */
export function checkWireName(name: string): string {
  if (TOPIC_NAME.test(name)) return name;
  throw new TensorIpcError(
    'INVALID_NAME',
    `pool '${name}': on the Python package's wire a name is part of a DDS topic's: A-Z a-z 0-9 _ only`,
  );
}

/** The object's name, with the slash of POSIX shared memory. */
export function wireObject(pool: string): string {
  return `/tensoripc_${pool}`;
}

/** Names of a slot's semaphores and of its counter's object. */
export function slotNames(pool: string, slot: number): Readonly<Record<'mutex' | 'write' | 'readTry' | 'counter', string>> {
  const prefix = `/tensoripc_${pool}_f${slot}`;
  return { mutex: `${prefix}_mutex`, write: `${prefix}_wrt`, readTry: `${prefix}_readtry`, counter: `${prefix}_cnt` };
}

/** A lock in the making, under a name that is nobody's pool: who is killed while making it leaves that. */
export function draftName(id: bigint): string {
  return `/tensoripc-draft.${id.toString(16).padStart(16, '0')}`;
}

/** Whether a name of /dev/shm, without the slash, is one of those. */
export function isDraft(file: string): boolean {
  return /^tensoripc-draft\.[0-9a-f]{16}$/.test(file);
}

export function metadataTopic(pool: string): string {
  return `tensoripc_${pool}_meta`;
}

export function progressTopic(pool: string): string {
  return `tensoripc_${pool}_progress`;
}

/**
 * Throws unless the pool can be said on this wire.
 *
 * @throws TensorIpcError INVALID_NAME, INVALID_ARGUMENT, DTYPE_MISMATCH
 */
export function checkWireForm(metadata: PoolMetadata): void {
  const { name, historyLen } = metadata;
  checkWireTensor(metadata);
  if (historyLen > MAX_WIRE_HISTORY) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${name}': on the Python package's wire a history is of at most ${MAX_WIRE_HISTORY} frames, each of which takes four files of ` +
        `locks; found historyLen ${historyLen}`,
    );
  }
}

/** The same but for the length of the history. */
export function checkWireTensor({ name, plain, varying, dtype, backend }: PoolMetadata): void {
  checkWireName(name);
  if (!plain) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${name}': the Python package's pools hold one tensor a frame, not several`,
    );
  }
  if (varying) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      `pool '${name}': the Python package's pools hold frames of one shape: leave maxLength out`,
    );
  }
  if (!DTYPES[backend].includes(dtype)) {
    throw new TensorIpcError(
      'DTYPE_MISMATCH',
      `pool '${name}': the Python package's ${backend} backend has no ${dtype}; it has ${DTYPES[backend].join(' ')}`,
    );
  }
}
