// The way from Cyclone's threads to the event loop: one pipe for all readers of this thread.

import { everyStep, runSteps } from '../runtime/steps';
import { type Notifier, platform } from '../runtime/system';
import type { DdsHandle, DdsLibrary, DdsWake } from './library';

/** Somebody whose reader may have something. */
export interface Watcher {
  readonly handle: number;
  /** Whether it keeps the process alive. */
  readonly waiting: boolean;
  look(): void;
}

class Hub {
  readonly #library: DdsLibrary;
  readonly #watchers = new Map<DdsHandle, Watcher>();
  readonly #notifier: Notifier;
  readonly #wake: DdsWake;

  constructor(library: DdsLibrary) {
    this.#library = library;
    this.#notifier = platform().openNotifier((readers) => this.#look(readers));
    try {
      this.#wake = library.openWake(this.#notifier.fd);
    } catch (error) {
      runSteps([() => this.#notifier.close()]);
      throw error;
    }
  }

  /** @param readers The numbers that Cyclone wrote; null where some may be missing. */
  #look(readers: Int32Array | null): void {
    // A look at a reader without data is not free where caches are cold, as they are at a camera's pace.
    if (readers?.length === 1) this.#watchers.get(readers[0] as DdsHandle)?.look();
    else for (const handle of new Set(readers ?? this.#watchers.keys())) this.#watchers.get(handle)?.look();
  }

  get empty(): boolean {
    return this.#watchers.size === 0;
  }

  add(watcher: Watcher): void {
    this.#library.watch(watcher.handle, this.#wake);
    this.#watchers.set(watcher.handle, watcher);
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher.handle);
  }

  updateRef(): void {
    let waiting = false;
    for (const watcher of this.#watchers.values()) waiting ||= watcher.waiting;
    this.#notifier.setRef(waiting);
  }

  close(): void {
    // The end that is written to first: nobody writes any more, since its readers are gone.
    everyStep([() => this.#library.closeWake(this.#wake), () => this.#notifier.close()]);
  }
}

let hub: Hub | null = null;

/** From now on, data for the watcher's reader makes it look. */
export function watch(library: DdsLibrary, watcher: Watcher): void {
  hub ??= new Hub(library);
  try {
    hub.add(watcher);
  } catch (error) {
    runSteps([closeUnused]);
    throw error;
  }
}

function closeUnused(): void {
  if (hub === null || !hub.empty) return;
  const unused = hub;
  hub = null;
  unused.close();
}

/** Once its reader is deleted: no thread of Cyclone's calls for it any more. */
export function unwatch(watcher: Watcher): void {
  if (hub === null) return;
  hub.remove(watcher);
  hub.updateRef();
  closeUnused();
}

/** A watcher has begun or ceased to wait. */
export function updateRef(): void {
  hub?.updateRef();
}
