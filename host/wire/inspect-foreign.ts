// Whether what stands under a Python pool's name ever was one. Its object is nothing but frames, without a word of what it is: its locks tell.

import { runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';
import { wireObject } from './form';
import type { PythonPoolInfo } from './inspect';

const CHUNK_BYTES = 1 << 20;
/** As LOCK_KINDS has them. */
const SEMAPHORES_OF_SLOT = 3;

/**
 * Whether this is a pool, or what one has left: one slot has its three semaphores, of their size and of the object's owner, as every pool has
 * from its first frame on. Before that the object is zeros, or empty, and nobody misses those. Of a pool whose object is gone one lock is enough.
 */
export function wasPool(system: System, info: PythonPoolInfo): boolean {
  const { objectBytes, name, uid } = info;
  const whole = (file: string) => {
    const status = system.statObject(`/${file}`);
    return status !== null && status.kind === 'file' && status.uid === uid && status.bytes === system.semaphores.bytes;
  };
  const semaphores = info.lockFiles.filter((file) => file.startsWith('sem.') && whole(file));
  if (objectBytes === null) return semaphores.length > 0 || info.lockFiles.some((file) => !file.startsWith('sem.'));
  const found = new Map<string, number>();
  for (const file of semaphores) {
    const slot = file.slice(0, file.lastIndexOf('_'));
    found.set(slot, (found.get(slot) ?? 0) + 1);
  }
  return [...found.values()].some((count) => count === SEMAPHORES_OF_SLOT) || isZeros(system, wireObject(name));
}

function isZeros(system: System, object: string): boolean {
  const fd = system.openObjectToRead(object);
  if (fd === null) return true;
  try {
    const { bytes } = system.statDescriptor(fd);
    // Whole words, as many as a file's last bytes take: what is behind its end stays zero.
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, Math.ceil(bytes / 4) * 4));
    const words = new Uint32Array(chunk.buffer);
    for (let offset = 0; offset < bytes; offset += chunk.byteLength) {
      chunk.fill(0);
      system.readAt(fd, chunk, offset);
      if (!words.every((word) => word === 0)) return false;
    }
    return true;
  } finally {
    runSteps([() => system.close(fd)]);
  }
}
