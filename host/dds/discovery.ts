// The announcing end of discovery: tells a domain of a native pool for as long as its producer lives. Cyclone's own threads give the
// signs of life, so that an event loop that is busy is not taken for a dead one; frames cost nothing.

import { LAYOUT_VERSION } from '../../assembly/layout';
import { TensorIpcError } from '../runtime/errors';
import { everyStep, runSteps } from '../runtime/steps';
import { platform, type Timer } from '../runtime/system';
import type { PoolMetadata } from '../tensor/metadata';
import { type Announcement, DISCOVERY_QOS, DISCOVERY_TOPIC, DISCOVERY_TYPE, encodeAnnouncement } from './announcement';
import { DdsParticipant } from './participant';
import type { DdsWriter } from './writer';

/** How often the number of frames is told anew. It also brings back a producer that was stopped for longer than its lease. */
const REPEAT_MS = 1000;

export class PoolAnnouncer {
  readonly #participant: DdsParticipant;
  readonly #writer: DdsWriter;
  #timer: Timer | null = null;
  #write: ((closed: boolean) => void) | null = null;
  #warned = false;

  /**
   * Takes a place in the domain, and tells nothing yet.
   *
   * @throws TensorIpcError MISSING_DEPENDENCY, DDS, INVALID_ARGUMENT
   */
  constructor(domainId: number) {
    // An unsupported platform is told of before a missing library.
    platform().system();
    this.#participant = DdsParticipant.shared({ domainId });
    try {
      const topic = this.#participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
      this.#writer = this.#participant.writer(topic, DISCOVERY_QOS.writer);
    } catch (error) {
      runSteps([() => this.#participant.close()]);
      throw error;
    }
  }

  /** Tells of a pool that is there, from now on until `close`. */
  announce(metadata: PoolMetadata, periodMs: number | null, framesPublished: () => number): void {
    const system = platform().system();
    const { hostName, bootId, libraryVersion } = platform().machine();
    const half = () => system.randomU64().toString(16).padStart(16, '0');
    const lasting: Omit<Announcement, 'framesPublished' | 'closed'> = {
      id: half() + half(),
      metadata,
      host: hostName,
      bootId,
      pid: system.pid,
      version: libraryVersion,
      startedAtMs: Number(system.realtimeNs() / 1_000_000n),
      layout: LAYOUT_VERSION,
      periodMs,
    };
    const encode = (closed: boolean) => encodeAnnouncement({ ...lasting, framesPublished: framesPublished(), closed });
    // One that is too long is its producer's fault.
    encode(false);
    this.#write = (closed) => this.#writer.write(encode(closed));
    this.#tell(false);
    this.#timer = platform().every(REPEAT_MS, () => this.#tell(false));
  }

  /** A domain that somebody floods is no reason to stop the producer: it tells again a second later. */
  #tell(closed: boolean): void {
    // At exit the participant may go before the producer.
    if (this.#writer.closed) return;
    try {
      this.#write?.(closed);
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      if (!this.#warned) platform().warn(`discovery is behind: ${error.message}`);
      this.#warned = true;
    }
  }

  /** Whoever listens hears that the pool is closed. */
  close(): void {
    this.#timer?.stop();
    everyStep([() => this.#tell(true), () => this.#writer.close(), () => this.#participant.close()]);
  }
}
