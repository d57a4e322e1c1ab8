import { TensorIpcError } from '../runtime/errors';
import { registerOpen } from '../runtime/lifecycle';
import { checkOptions, optionNames } from '../runtime/options';
import { everyStep, runSteps } from '../runtime/steps';
import { openParticipant } from './configuration';
import { type DdsHandle, type DdsLibrary, type DdsQos, ddsLibrary } from './library';
import { DdsReader } from './reader';
import { DdsTopic } from './topic';
import { type DdsType, describe } from './type';
import { watchWarnings } from './warnings';
import { DdsWriter } from './writer';

/** The largest whose ports exist. */
const MAX_DOMAIN_ID = 232;

/** Which domain, and how it is configured. */
export interface DdsParticipantOptions {
  /** 0 to 232. Default 0. */
  readonly domainId?: number;
  /** Cyclone's configuration as XML. Default: what CYCLONEDDS_URI says, or else DEFAULT_CONFIGURATION. */
  readonly configuration?: string;
}

const PARTICIPANT_OPTIONS = optionNames<DdsParticipantOptions>({ domainId: true, configuration: true });

const QOS = optionNames<DdsQos>({
  reliability: true,
  maxBlockingMs: true,
  durability: true,
  history: true,
  maxSamples: true,
  durabilityHistory: true,
  liveliness: true,
  deadlineMs: true,
  writerDataLifecycle: true,
  dataRepresentation: true,
  partitions: true,
  userData: true,
});

const participants = new Map<number, DdsParticipant>();

/** A process's place in a DDS domain. There is one for each domain and thread of the process; whoever shares it closes it once. */
export class DdsParticipant {
  readonly domainId: number;
  /** The configuration in use. */
  readonly configuration: string;
  readonly #library: DdsLibrary;
  readonly #handle: DdsHandle;
  readonly #given: string | undefined;
  readonly #children = new Set<DdsReader | DdsWriter>();
  readonly #serialisers = new Map<string, number>();
  readonly #unregister: () => void;
  readonly #unwatch: () => void;
  #shares = 1;
  #closed = false;

  private constructor(domainId: number, given: string | undefined) {
    this.#library = ddsLibrary();
    const { handle, configuration } = openParticipant(this.#library, domainId, given);
    this.domainId = domainId;
    this.configuration = configuration;
    this.#handle = handle;
    this.#given = given;
    this.#unwatch = watchWarnings(this.#library);
    // Peers then see it leave; otherwise they would take its silence for a crash. Last: pools say goodbye through it.
    this.#unregister = registerOpen(() => this.#destroy(), { last: true });
  }

  /** The process's participant of a domain. Each call needs a close() of its own. */
  static shared(options: DdsParticipantOptions = {}): DdsParticipant {
    const { domainId = 0, configuration } = checkOptions(options, PARTICIPANT_OPTIONS);
    if (!Number.isInteger(domainId) || domainId < 0 || domainId > MAX_DOMAIN_ID)
      throw new TensorIpcError('INVALID_ARGUMENT', `domainId is an integer from 0 to ${MAX_DOMAIN_ID}, found ${domainId}`);
    const existing = participants.get(domainId);
    if (existing === undefined) {
      const participant = new DdsParticipant(domainId, configuration);
      participants.set(domainId, participant);
      return participant;
    }
    if (configuration !== undefined && configuration !== existing.configuration)
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `domain ${domainId} is open in this process with another configuration` +
          (existing.#given === undefined ? ', that of the environment or the default' : '') +
          ': close it first, use the same, or use another domain',
      );
    existing.#shares += 1;
    return existing;
  }

  get closed(): boolean {
    return this.#closed;
  }

  #check(): void {
    if (this.#closed) throw new TensorIpcError('CLOSED', `the participant of domain ${this.domainId} is closed`);
  }

  #own(topic: DdsTopic): void {
    this.#check();
    if (topic.participant !== this.#handle)
      throw new TensorIpcError('INVALID_ARGUMENT', `the topic ${topic.name} belongs to another participant`);
  }

  /** A topic. Its QoS is what writers and readers start from. */
  topic(name: string, type: DdsType, qos: DdsQos = {}): DdsTopic {
    this.#check();
    const description = describe(type);
    checkOptions(qos, QOS);
    const handle = this.#library.createTopic(this.#handle, name, description, qos);
    return new DdsTopic(name, description, qos, handle, this.#handle);
  }

  /** A writer. What its QoS leaves out is the topic's. */
  writer(topic: DdsTopic, qos: DdsQos = {}): DdsWriter {
    this.#own(topic);
    checkOptions(qos, QOS);
    const serialiser = this.#serialiser(topic);
    const handle = this.#library.createWriter(this.#handle, topic.handle, { ...topic.qos, ...qos });
    try {
      const writer: DdsWriter = new DdsWriter(this.#library, handle, topic, serialiser, () => this.#children.delete(writer));
      this.#children.add(writer);
      return writer;
    } catch (error) {
      runSteps([() => this.#library.delete(handle)]);
      throw error;
    }
  }

  /** A reader. What its QoS leaves out is the topic's. */
  reader(topic: DdsTopic, qos: DdsQos = {}): DdsReader {
    this.#own(topic);
    checkOptions(qos, QOS);
    const handle = this.#library.createReader(this.#handle, topic.handle, { ...topic.qos, ...qos });
    const reader: DdsReader = new DdsReader(this.#library, handle, topic, () => this.#children.delete(reader));
    this.#children.add(reader);
    return reader;
  }

  /** By type: finding one out takes a topic, which stays. */
  #serialiser(topic: DdsTopic): number {
    const { name, ops } = topic.type;
    const key = JSON.stringify([name, ops, topic.qos.dataRepresentation ?? null]);
    const known = this.#serialisers.get(key);
    if (known !== undefined) return known;
    const serialiser = this.#library.serialiser(this.#handle, topic.handle, topic.type, topic.qos);
    this.#serialisers.set(key, serialiser);
    return serialiser;
  }

  /** Takes one share() back. With the last one everything that belongs to it is closed, and peers see it leave. */
  close(): void {
    if (this.#closed) return;
    this.#shares -= 1;
    if (this.#shares === 0) this.#destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    participants.delete(this.domainId);
    this.#unwatch();
    const children = [...this.#children];
    this.#children.clear();
    everyStep([
      ...children.map((child) => () => child.abandon()),
      () => this.#library.deleteParticipant(this.#handle, this.domainId),
      ...children.map((child) => () => child.gone()),
      this.#unregister,
    ]);
  }
}
