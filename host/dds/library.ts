// What the host needs of a DDS implementation, in terms of handles and bytes. native-shim/ddsc.ts fills it with Cyclone DDS.

/** An entity: a domain, participant, topic, writer or reader. */
export type DdsHandle = number;

/** The quality of service of a topic, writer or reader. What is left out is Cyclone's default. */
export interface DdsQos {
  readonly reliability?: 'reliable' | 'best-effort';
  /** How long a reliable writer may block in write, and readers with it matched; 100 unless told. Infinity is allowed. */
  readonly maxBlockingMs?: number;
  readonly durability?: 'volatile' | 'transient-local' | 'transient' | 'persistent';
  /** The last samples of each instance, or all of them. */
  readonly history?: number | 'all';
  /**
   * The most samples that a reader keeps until they are taken, a writer until they are acknowledged. Default: no limit. A reader that is full
   * takes no more from the network until somebody takes from it, of its other topics neither.
   */
  readonly maxSamples?: number;
  /** How much of it a durable writer keeps for readers that come later: the last sample (default), more, or all. */
  readonly durabilityHistory?: number | 'all';
  /** Automatic liveliness: a writer promises a sign of life, a reader asks for one, within this time. Infinity is allowed. */
  readonly liveliness?: { readonly leaseMs: number };
  readonly deadlineMs?: number;
  /** Whether a writer that goes disposes of its instances (Cyclone does, ROS 2 does not). */
  readonly writerDataLifecycle?: boolean;
  /** Encodings that are advertised, the preferred first. */
  readonly dataRepresentation?: readonly ('xcdr1' | 'xcdr2')[];
  readonly partitions?: readonly string[];
  readonly userData?: Uint8Array;
}

/** A type as Cyclone's topic descriptors describe it. */
export interface DdsTypeDescription {
  readonly name: string;
  /** Size and alignment of the C struct. */
  readonly sampleBytes: number;
  readonly sampleAlign: number;
  /** The serialiser's program. */
  readonly ops: readonly number[];
  readonly keys?: readonly { readonly name: string; readonly opIndex: number }[];
  /** Whether the serialised key always fits 16 bytes. */
  readonly fixedKey?: boolean;
  /** XTypes type information and the type objects behind it, as idlc makes them: both or neither. */
  readonly typeInformation?: Uint8Array;
  readonly typeMapping?: Uint8Array;
}

/** A sample that a reader took. */
export interface DdsSample {
  /** The bytes as they came, the encapsulation header of four bytes first. Where `valid` is false, those of the key alone. */
  readonly data: Uint8Array;
  /** Whether there is data. A sample without is news of its instance's state. */
  readonly valid: boolean;
  /** What had become of the sample's instance when it was taken. */
  readonly state: 'alive' | 'disposed' | 'no-writers';
  /** When it was written, by the writer's clock (CLOCK_REALTIME), ns. */
  readonly sourceTimestampNs: bigint;
  /** The instance (the value of the key) and the writer, as this process numbers them. */
  readonly instance: bigint;
  readonly publication: bigint;
}

/** Native code's way of waking an event loop. */
export type DdsWake = number;

/** Calls throw TensorIpcError DDS when they fail. */
export interface DdsLibrary {
  /** The file that was loaded. */
  readonly file: string;
  /** What CYCLONEDDS_URI says; null where it is not set. */
  readonly environment: string | null;

  /** Whether the library has had something to say since this was asked last; its lines are not printed. */
  warned(): boolean;

  /** A participant of a domain, which is configured so unless the process has it open already. */
  createParticipant(domainId: number, configuration: string): DdsHandle;
  /** Deletes a participant and all that belongs to it, and with the process's last one the domain. */
  deleteParticipant(participant: DdsHandle, domainId: number): void;
  createTopic(participant: DdsHandle, name: string, type: DdsTypeDescription, qos: DdsQos): DdsHandle;
  createWriter(participant: DdsHandle, topic: DdsHandle, qos: DdsQos): DdsHandle;
  createReader(participant: DdsHandle, topic: DdsHandle, qos: DdsQos): DdsHandle;
  delete(entity: DdsHandle): void;
  /** How this process numbers a writer (DdsSample.publication) or reader. */
  instanceHandle(entity: DdsHandle): bigint;

  /** The serialiser of a topic's type. Valid as long as the participant. */
  serialiser(participant: DdsHandle, topic: DdsHandle, type: DdsTypeDescription, qos: DdsQos): number;
  /** Writes bytes that begin with an encapsulation header. Throws INVALID_ARGUMENT where they are not of the type. */
  write(writer: DdsHandle, serialiser: number, cdr: Uint8Array, timestampNs?: bigint): void;
  /** @param maxBytes Of a sample that is larger no byte is given: its data is empty. */
  take(reader: DdsHandle, max: number, maxBytes: number): DdsSample[];
  matchedReaders(writer: DdsHandle): number;
  /** The same with those that have left. */
  readersSoFar(writer: DdsHandle): number;
  matchedWriters(reader: DdsHandle): number;
  liveliness(reader: DdsHandle): { alive: number; notAlive: number };
  /** What `wait` waits on: samples for a reader. */
  openWait(reader: DdsHandle): DdsHandle;
  /** Blocks the thread until there are samples: false when the time is over. */
  wait(wait: DdsHandle, timeoutMs: number): boolean;
  /** Without blocking the event loop. False when the time is over. */
  waitForAcknowledgments(writer: DdsHandle, timeoutMs: number): Promise<boolean>;

  /** Takes over the descriptor that wake-ups are written to. */
  openWake(fd: number): DdsWake;
  closeWake(wake: DdsWake): void;
  /** From now on, whatever arrives for the reader is a wake-up. */
  watch(reader: DdsHandle, wake: DdsWake): void;
}

let load: (() => DdsLibrary) | null = null;

/** Called once by the entry point, as installPlatform is. */
export function installDds(loader: () => DdsLibrary): void {
  load = loader;
}

/** Cyclone DDS, loaded on first use. Throws TensorIpcError MISSING_DEPENDENCY where it is not installed. */
export function ddsLibrary(): DdsLibrary {
  if (load === null) throw new Error('no DDS installed: import tensor-ipc, not one of its inner modules');
  return load();
}
