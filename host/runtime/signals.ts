// AbortSignals that many wait for: one listener on each signal, however many there are. In Node a signal warns of a leak from the
// eleventh listener on, and the limit is the program's to set.

/** Who waits for a signal, and the one listener that tells them. */
interface Following {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const followings = new WeakMap<AbortSignal, Following>();

/**
 * Calls back once when the signal aborts, not when it has been aborted already. Returns how to take it back: what the signal no longer
 * needs to tell, it does not keep alive either.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const following = followings.get(signal) ?? follow(signal);
  // A callback of one's own: the same function may be given twice.
  const own = () => callback();
  following.callbacks.add(own);
  return () => {
    if (!following.callbacks.delete(own) || following.callbacks.size > 0) return;
    signal.removeEventListener('abort', following.listener);
    if (followings.get(signal) === following) followings.delete(signal);
  };
}

function follow(signal: AbortSignal): Following {
  const callbacks = new Set<() => void>();
  const listener = () => {
    followings.delete(signal);
    const called = [...callbacks];
    callbacks.clear();
    for (const callback of called) callback();
  };
  signal.addEventListener('abort', listener, { once: true });
  const following = { callbacks, listener };
  followings.set(signal, following);
  return following;
}
