// What a file under a pool's name is that cannot be read as a pool: a pool's remains, or another program's file.

import { HEADER_MAGIC, MAGIC_HIGH, MAGIC_LOW } from '../../assembly/layout';
import { steadyMs } from '../runtime/clock';
import { PIECE_MS, type Pieces } from '../runtime/pieces';
import type { System } from '../runtime/system';
import { METADATA_BEGINNING } from '../tensor/description';

const MAGIC_BYTES = 8;
const CHUNK_BYTES = 1 << 20;

/** Whether a file's first bytes are those of every pool, of whatever layout version and however damaged. */
export function beginsAsPool(system: System, fd: number): boolean {
  const magic = new Uint8Array(MAGIC_BYTES);
  if (system.readAt(fd, magic, HEADER_MAGIC) < MAGIC_BYTES) return false;
  const view = new DataView(magic.buffer);
  return view.getUint32(0, true) === MAGIC_LOW && view.getUint32(4, true) === MAGIC_HIGH;
}

/**
 * Whether a file is what a producer leaves that dies while it makes a pool: empty, or zeros with at most the metadata in them. A file of
 * zeros may be anybody's, but nobody misses its bytes; one that only begins with zeros, as many a picture does, is another program's.
 */
export function* isUnfinished(system: System, fd: number, bytes: number): Pieces<boolean> {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes));
  let inMetadata = false;
  let seen = false;
  let start = steadyMs();
  for (let offset = 0; offset < bytes; offset += chunk.byteLength) {
    if (steadyMs() - start >= PIECE_MS) {
      yield 0;
      start = steadyMs();
    }
    const read = system.readAt(fd, chunk, offset);
    const words = read === chunk.byteLength && read % 4 === 0 ? new Uint32Array(chunk.buffer) : null;
    if (!inMetadata && words?.every((word) => word === 0)) continue;
    for (let i = 0; i < read; i++) {
      if (chunk[i] === 0) inMetadata = false;
      else if (!inMetadata) {
        if (seen || !beginsMetadata(system, fd, offset + i)) return false;
        inMetadata = true;
        seen = true;
      }
    }
  }
  return true;
}

function beginsMetadata(system: System, fd: number, offset: number): boolean {
  const bytes = new Uint8Array(METADATA_BEGINNING.length);
  return system.readAt(fd, bytes, offset) === bytes.length && new TextDecoder().decode(bytes) === METADATA_BEGINNING;
}
