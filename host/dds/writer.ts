import { TensorIpcError } from '../runtime/errors';
import { Emitter } from '../runtime/events';
import { everyStep } from '../runtime/steps';
import type { DdsHandle, DdsLibrary } from './library';
import { StatusWatch } from './status';
import type { DdsTopic } from './topic';

/** Events of a writer, with the arguments of their listeners. */
export type DdsWriterEvents = {
  /** Another number of readers is matched. Asked for every 200 ms while somebody listens. */
  matched: [readers: number];
};

/** Writes samples of a topic. Made by DdsParticipant.writer. */
export class DdsWriter extends Emitter<DdsWriterEvents> {
  readonly topic: DdsTopic;
  /** How samples name their writer, in readers of this process (DdsSample.publication). */
  readonly publication: bigint;
  readonly #library: DdsLibrary;
  readonly #handle: DdsHandle;
  readonly #serialiser: number;
  readonly #forget: () => void;
  readonly #matched: StatusWatch<number>;
  #closed = false;

  /** @internal */
  constructor(library: DdsLibrary, handle: DdsHandle, topic: DdsTopic, serialiser: number, forget: () => void) {
    super();
    this.#library = library;
    this.#handle = handle;
    this.topic = topic;
    this.#serialiser = serialiser;
    this.#forget = forget;
    this.publication = library.instanceHandle(handle);
    this.#matched = new StatusWatch(
      0,
      () => this.matchedReaders,
      (readers) => this.emit('matched', readers),
    );
  }

  get closed(): boolean {
    return this.#closed;
  }

  #check(): void {
    if (this.#closed) throw new TensorIpcError('CLOSED', `the writer of ${this.topic.name} is closed`);
  }

  /**
   * Writes a sample in CDR, the encapsulation header of four bytes first. The bytes are copied. A reliable writer may block for up to
   * `maxBlockingMs` where readers are behind, and then throws DDS.
   *
   * @param timestampNs What its readers are given as sourceTimestampNs. Default: now.
   */
  write(cdr: Uint8Array, timestampNs?: bigint): void {
    this.#check();
    this.#library.write(this.#handle, this.#serialiser, cdr, timestampNs);
  }

  /** Readers that have been found, of this process too. */
  get matchedReaders(): number {
    this.#check();
    return this.#library.matchedReaders(this.#handle);
  }

  /** Readers that have been found so far, with those that have left: another number says that a reader has come. */
  get readersSoFar(): number {
    this.#check();
    return this.#library.readersSoFar(this.#handle);
  }

  /** Whether all matched reliable readers have got everything that was written, within the time. Blocks a thread of the pool only. */
  async waitForAcknowledgments(timeoutMs: number): Promise<boolean> {
    this.#check();
    return this.#library.waitForAcknowledgments(this.#handle, timeoutMs);
  }

  protected override listenersChanged(): void {
    this.#matched.setWanted(!this.#closed && this.listenerCount('matched') > 0);
  }

  /** Leaves: readers see it go. What has not been acknowledged is lost. */
  close(): void {
    if (this.#closed) return;
    everyStep([() => this.abandon(), () => this.#library.delete(this.#handle), this.#forget]);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal The participant deletes it. */
  abandon(): void {
    this.#closed = true;
    this.#matched.setWanted(false);
  }

  /** @internal After the participant has deleted it. */
  gone(): void {}
}
