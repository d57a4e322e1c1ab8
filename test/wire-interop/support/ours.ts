// This library as a peer of its own wire, in a process of its own: programs/wire-ours.ts takes the operations of the other peers and more.

import { fileURLToPath } from 'node:url';
import { Peer, type PeerOptions, type Tools, WIRE_CONFIGURATION } from '../../wire/support/peers';

/** How our side treats its pool. */
export interface OurOptions {
  readonly repair?: boolean;
  readonly waitTimeoutMs?: number;
}

declare module '../../wire/support/peers' {
  interface Operations {
    /** produce and consume with this library's options. `attach`: takes what the pool says. */
    produce_with: [WirePool & OurOptions, { readonly pid: number }];
    consume_with: [WirePool & OurOptions & { readonly attach?: boolean; readonly callback?: boolean }, { readonly pid: number }];
    /** A window without a copy. */
    borrow: [
      { readonly history_len?: number; readonly latest_first?: boolean },
      { readonly frames: readonly Seen[] | null; readonly sequence?: number },
    ];
    /** Frames of a `for await` loop or of next(), of which none is taken twice. */
    follow: [
      { readonly count: number; readonly by: 'next' | 'for await' },
      { readonly frames: readonly Seen[]; readonly missed: number },
    ];
    /** Windows of every length until the time is over: how many, and those that were not in order. */
    watch_order: [
      { readonly for_ms: number; readonly longest: number },
      { readonly windows: number; readonly frames: number; readonly wrong: readonly string[] },
    ];
    /** Puts until the process is killed. */
    put_for_ever: [{ readonly rate_hz?: number }, Record<string, never>];
    /** What the consumer told of so far: 'connect', 'closed', 'died', 'error CODE', with when it did. */
    events: [Record<string, never>, { readonly events: readonly { readonly what: string; readonly at_us: number }[] }];
  }
}

/** Our side in a process of its own, on this runtime. */
export function ours(tools: Tools, options: PeerOptions = {}): Peer {
  const peer = fileURLToPath(new URL('./wire-ours.mjs', import.meta.url));
  return Peer.python({ ...tools, python: process.execPath, peer }, options);
}

/** For pools in the test's own process: what the peers are given. Before the first pool is opened. */
export function configureHere(): void {
  process.env['CYCLONEDDS_URI'] = WIRE_CONFIGURATION;
}
