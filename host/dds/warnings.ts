// Cyclone's own warnings, of which strangers can cause as many as they send samples: said once in a while, that there are some.

import { platform, type Timer } from '../runtime/system';
import type { DdsLibrary } from './library';

const LOOK_MS = 1000;
const REPEAT_MS = 60_000;

let listeners = 0;
let timer: Timer | null = null;
let saidMs = -Infinity;

function look(library: DdsLibrary): void {
  const nowMs = platform().steadyMs();
  if (nowMs - saidMs < REPEAT_MS || !library.warned()) return;
  saidMs = nowMs;
  platform().warn(
    'Cyclone DDS has warned, as it does of every sample that cannot be read: somebody in the domain sends such, or the network fails. ' +
      'To see its lines, put <Tracing><Verbosity>warning</Verbosity></Tracing> into CYCLONEDDS_URI. This is said once a minute at most',
  );
}

/** Says so while there is a participant. Returns how to stop. */
export function watchWarnings(library: DdsLibrary): () => void {
  listeners += 1;
  if (timer === null) {
    timer = platform().every(LOOK_MS, () => look(library));
    timer.setRef(false);
  }
  let watching = true;
  return () => {
    if (!watching) return;
    watching = false;
    listeners -= 1;
    if (listeners > 0) return;
    timer?.stop();
    timer = null;
  };
}
