import { TensorIpcError } from '../runtime/errors';
import { optionNames } from '../runtime/options';

/** How a pool lies in memory and tells of its frames: this library's way, or the Python package's. */
export type Wire = 'native' | 'tensor-ipc';

/** Which wire a producer or consumer speaks. */
export interface WireOptions {
  /** 'native' (default), or 'tensor-ipc' for the Python package's pools: frames under semaphores, told of over Cyclone DDS. */
  readonly wire?: Wire;
  /** DDS domain of the wire 'tensor-ipc', and of a native pool's announcement (discovery: 'dds'): 0 (default) to 232. */
  readonly domainId?: number;
  /**
   * On the wire 'tensor-ipc': frees locks that a dead process left taken, when no other process takes part in the pool. Default false: they
   * are an error, LOCK_TIMEOUT.
   */
  readonly repair?: boolean;
}

export const WIRE_OPTIONS = optionNames<WireOptions>({ wire: true, domainId: true, repair: true });

/** Throws INVALID_ARGUMENT unless the value is one of those allowed. */
export function oneOf<V extends string>(option: string, value: V, allowed: readonly V[]): V {
  if (allowed.includes(value)) return value;
  const names = allowed.map((name) => `'${name}'`).join(' or ');
  throw new TensorIpcError('INVALID_ARGUMENT', `${option} is ${names}, found ${JSON.stringify(value)}`);
}

/** Throws INVALID_ARGUMENT unless it is a time to wait. */
export function checkWaitTimeout(waitTimeoutMs: number): number {
  if (waitTimeoutMs >= 0) return waitTimeoutMs;
  throw new TensorIpcError(
    'INVALID_ARGUMENT',
    `waitTimeoutMs is a number of milliseconds of at least 0, found ${String(waitTimeoutMs)}`,
  );
}

/** The options with their defaults. A native pool has a domain only where it is announced there. */
export function checkWireOptions(
  { wire = 'native', domainId = 0, repair = false }: WireOptions,
  announced = false,
): Required<WireOptions> {
  oneOf('wire', wire, ['native', 'tensor-ipc']);
  if (wire === 'native' && ((domainId !== 0 && !announced) || repair)) {
    throw new TensorIpcError('INVALID_ARGUMENT', "domainId and repair are of the wire 'tensor-ipc': add { wire: 'tensor-ipc' }");
  }
  if (wire === 'tensor-ipc' && announced) {
    throw new TensorIpcError(
      'INVALID_ARGUMENT',
      "discovery: 'dds' is for native pools: one on the wire 'tensor-ipc' is told of over DDS anyway",
    );
  }
  return { wire, domainId, repair };
}
