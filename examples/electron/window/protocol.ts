// What travels over a MessagePort between the window and the process that reads pools. Types only.

import type { FrameHeader, PoolRow, StateUpdate } from './source';

/** From the window. `id` comes back with the answer. */
export type PortRequest =
  | { readonly op: 'pools'; readonly id: number }
  | { readonly op: 'open'; readonly stream: number; readonly pool: string }
  | { readonly op: 'next'; readonly id: number; readonly stream: number }
  | { readonly op: 'close'; readonly stream: number };

/** To the window. The ArrayBuffer under `bytes` is transferred. */
export type PortAnswer =
  | { readonly op: 'clock'; readonly offsetMs: number }
  | { readonly op: 'pools'; readonly id: number; readonly rows: readonly PoolRow[] }
  | { readonly op: 'state'; readonly id: number; readonly update: StateUpdate }
  | { readonly op: 'frame'; readonly id: number; readonly header: FrameHeader; readonly bytes: Uint8Array<ArrayBuffer> };
