// What Python pools say of themselves over DDS, to somebody who takes no part in them.

import { steadyMs } from '../runtime/clock';
import { TensorIpcError } from '../runtime/errors';
import { runSteps } from '../runtime/steps';
import { platform } from '../runtime/system';
import type { PoolMetadata } from '../tensor/metadata';
import { WireFeed } from './feed';
import { wireObject } from './form';

const DEFAULT_TIMEOUT_MS = 1000;
const LOOK_MS = 20;
/** The number of the newest slot comes with the metadata or right after it; where no frame has been put it never comes. */
const SLOT_GRACE_MS = 200;
/** What cannot be read may be a stranger's: the producer has as long as it takes ours to say it again. */
const ERROR_GRACE_MS = 600;

/** Each takes two topics and two readers. Anybody who may write to /dev/shm makes names, so there is a bound. */
const MAX_POOLS = 256;

/** What was heard of a Python pool. */
export interface PythonPoolNews {
  /** Null where its producer said nothing in time: the package's say what they are at the start and with a put only. */
  readonly metadata: PoolMetadata | null;
  readonly creatorPid: number | null;
  /** Slot of the newest frame; null before the first, and where nothing was heard. */
  readonly newestSlot: number | null;
  /** Producers that were found, silent ones too. */
  readonly producers: number;
  /** What came and could not be read: a pool on a GPU, or damage. */
  readonly error: TensorIpcError | null;
}

export interface ListenOptions {
  readonly domainId?: number;
  /** Default 1000. It ends as soon as every pool has been heard of. */
  readonly timeoutMs?: number;
  /** Called now and then with how many have been heard of. */
  readonly onProgress?: (heard: number) => void;
}

class Listener {
  readonly #feed: WireFeed;
  #heardMs = 0;
  #error: TensorIpcError | null = null;
  #errorMs = 0;
  #producers = 0;

  constructor(pool: string, domainId: number) {
    this.#feed = new WireFeed(platform().system(), pool, domainId);
  }

  /** Looks. Whether there is nothing more to wait for. */
  done(): boolean {
    try {
      this.#feed.poll();
      this.#producers = Math.max(this.#producers, this.#feed.producers);
      const said = this.#feed.announcement;
      if (said === null) return this.#error !== null && steadyMs() - this.#errorMs > ERROR_GRACE_MS;
      if (this.#heardMs === 0) {
        this.#heardMs = steadyMs();
        this.#feed.begin(said.metadata.historyLen, () => true);
      }
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      if (this.#error === null) this.#errorMs = steadyMs();
      this.#error = error;
      return false;
    }
    return this.#feed.slot >= 0 || steadyMs() - this.#heardMs > SLOT_GRACE_MS;
  }

  get news(): PythonPoolNews {
    const said = this.#feed.announcement;
    return {
      metadata: said?.metadata ?? null,
      creatorPid: said?.creatorPid ?? null,
      newestSlot: this.#feed.slot >= 0 ? this.#feed.slot : null,
      producers: this.#producers,
      error: said === null ? this.#error : null,
    };
  }

  close(): void {
    this.#feed.close();
  }
}

/** The pools to listen for: where there are too many, this user's own first. */
function bounded(names: readonly string[]): readonly string[] {
  if (names.length <= MAX_POOLS) return names;
  const system = platform().system();
  const own = new Set(names.filter((name) => system.statObject(wireObject(name))?.uid === system.uid));
  return [...own, ...names.filter((name) => !own.has(name))].slice(0, MAX_POOLS);
}

/**
 * Listens for what the producers of Python pools say, until each has been heard or the time is over. Of more than 256 pools it listens for
 * 256, this user's own first; the others are not in the answer.
 *
 * @throws TensorIpcError INVALID_NAME, INVALID_ARGUMENT, MISSING_DEPENDENCY where there is no Cyclone DDS, DDS
 */
export async function listenToPythonPools(
  names: readonly string[],
  { domainId = 0, timeoutMs = DEFAULT_TIMEOUT_MS, onProgress }: ListenOptions = {},
): Promise<Map<string, PythonPoolNews>> {
  const listeners = new Map<string, Listener>();
  try {
    const chosen = bounded(names);
    const refused = new Map<string, PythonPoolNews>();
    for (const name of chosen) {
      try {
        listeners.set(name, new Listener(name, domainId));
      } catch (error) {
        // One name that is no topic of DDS, as a stranger's file may have, must not keep the others from being heard.
        if (!(error instanceof TensorIpcError) || error.code !== 'DDS' || chosen.length === 1) throw error;
        refused.set(name, { metadata: null, creatorPid: null, newestSlot: null, producers: 0, error });
      }
    }
    const deadline = steadyMs() + timeoutMs;
    for (;;) {
      const waiting = [...listeners.values()].filter((listener) => !listener.done()).length;
      onProgress?.(listeners.size - waiting);
      if (waiting === 0 || steadyMs() >= deadline) break;
      await new Promise<void>((resolve) => void platform().after(LOOK_MS, resolve));
    }
    return new Map([...refused, ...[...listeners].map(([name, listener]) => [name, listener.news] as const)]);
  } finally {
    runSteps([...listeners.values()].map((listener) => () => listener.close()));
  }
}
