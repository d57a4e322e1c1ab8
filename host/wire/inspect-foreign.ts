// Whether what stands under a Python pool's name ever was one. Its object is nothing but frames, without a word of what it is: its locks tell.

import { runSteps } from '../runtime/steps';
import type { System } from '../runtime/system';
import { wireObject } from './form';
import type { PythonPoolInfo } from './inspect';
import { COUNTER_BYTES } from './lock-files';

const CHUNK_BYTES = 1 << 20;

/**
 * Whether this is a pool, or what one has left: it has a lock, of a lock's size and of the object's owner, as every pool has from its first frame
 * on. One is enough: removing a pool may have ended halfway. Before the first frame the object is zeros, or empty, and nobody misses those.
 */
export function wasPool(system: System, { name, uid, objectBytes, lockFiles }: PythonPoolInfo): boolean {
  const isLock = (file: string) => {
    const status = system.statObject(`/${file}`);
    const bytes = file.startsWith('sem.') ? system.semaphores.bytes : COUNTER_BYTES;
    return status !== null && status.kind === 'file' && status.uid === uid && status.bytes === bytes;
  };
  const isEmpty = (file: string) => system.statObject(`/${file}`)?.bytes === 0;
  return lockFiles.some(isLock) || (objectBytes === null ? lockFiles.every(isEmpty) : isZeros(system, wireObject(name)));
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
