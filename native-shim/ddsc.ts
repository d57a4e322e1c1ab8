// Cyclone DDS through koffi, with samples as raw CDR. No JavaScript ever runs on one of its threads: what they have to say they write
// into a pipe.

import { randomBytes } from 'node:crypto';
import type { DdsHandle, DdsLibrary, DdsQos, DdsSample, DdsTypeDescription, DdsWake } from '../host/dds/library';
import { TensorIpcError } from '../host/runtime/errors';
import type { Address } from '../host/runtime/system';
import { type DdscCalls, environment, loadDdsc } from './ddsc-bind';
import { buildDescriptor } from './ddsc-descriptor';
import { DdscLog } from './ddsc-log';
import { withQos } from './ddsc-qos';

const RETCODE_PRECONDITION_NOT_MET = -4;
const RETCODE_TIMEOUT = -10;
const ANY_STATE = 0x7f;
const SERDATA_KIND_DATA = 2;
/** Where a struct ddsi_serdata of 0.10 keeps its sertype. */
const SERDATA_TYPE = 24;
/** And, in every version so far, the time of its writing. */
const SERDATA_TIMESTAMP = 32;
const IO_UNBUFFERED = 2;
const MAX_TAKE = 64;
const SAMPLE_INFO_BYTES = 64;
const INSTANCE_DISPOSED = 32;
const INSTANCE_NO_WRITERS = 64;
/** Samples up to this size are copied to a place whose address is known: that is cheaper than asking for another one. */
const SCRATCH_BYTES = 64 * 1024;

/** Loads and pins libddsc. */
export class Ddsc implements DdsLibrary {
  readonly file: string;
  readonly environment: string | null;
  readonly #calls: DdscCalls;
  readonly #dds: DdscCalls['dds'];
  readonly #listeners = new Map<DdsWake, Address>();
  readonly #serdata = new BigUint64Array(MAX_TAKE);
  readonly #infoBytes = new Uint8Array(MAX_TAKE * SAMPLE_INFO_BYTES);
  readonly #info = new DataView(this.#infoBytes.buffer);
  readonly #statusBytes = new Uint8Array(64);
  readonly #status = new DataView(this.#statusBytes.buffer);
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #scratchAddress: bigint;
  readonly #iovec = new BigUint64Array(8);
  readonly #log: DdscLog;

  constructor() {
    this.#calls = loadDdsc();
    this.#dds = this.#calls.dds;
    this.file = this.#calls.file;
    this.environment = environment(this.#calls.c, 'CYCLONEDDS_URI');
    this.#log = new DdscLog(this.#calls);
    this.#scratchAddress = BigInt(this.#calls.koffi.address(this.#scratch));
  }

  #fail(call: string, result: number, subject = ''): never {
    const where = subject === '' ? call : `${call} (${subject})`;
    throw new TensorIpcError('DDS', `${where} failed: ${this.#dds.strretcode(-result)}`);
  }

  #checked(result: number, call: string, subject?: string): number {
    return result < 0 ? this.#fail(call, result, subject) : result;
  }

  createParticipant(domainId: number, configuration: string): DdsHandle {
    // What it says of its configuration, somebody has to read.
    this.#log.print();
    try {
      return this.#createParticipant(domainId, configuration);
    } finally {
      // Who configures what is traced wants to read that too.
      if (!configuration.includes('<Tracing')) this.#log.note();
    }
  }

  warned(): boolean {
    return this.#log.take();
  }

  #createParticipant(domainId: number, configuration: string): DdsHandle {
    const domain = this.#dds.create_domain(domainId, configuration);
    // It exists already where another thread of this process has it open.
    if (domain !== RETCODE_PRECONDITION_NOT_MET) this.#checked(domain, 'dds_create_domain', `domain ${domainId}`);
    const participant = this.#dds.create_participant(domainId, null, null);
    if (participant < 0) this.#deleteDomainIfUnused(domain, domainId);
    return this.#checked(participant, 'dds_create_participant', `domain ${domainId}`);
  }

  deleteParticipant(participant: DdsHandle, domainId: number): void {
    const domain = this.#dds.get_parent(participant);
    const result = this.#dds.delete(participant);
    this.#deleteDomainIfUnused(domain, domainId);
    this.#checked(result, 'dds_delete', 'participant');
  }

  // Other threads of this process may have participants of their own in the domain.
  #deleteDomainIfUnused(domain: DdsHandle, domainId: number): void {
    if (domain > 0 && this.#dds.lookup_participant(domainId, null, 0) === 0) this.#dds.delete(domain);
  }

  createTopic(participant: DdsHandle, name: string, type: DdsTypeDescription, qos: DdsQos): DdsHandle {
    // What it points to (`alive`) has to outlast the call.
    const { bytes, alive } = buildDescriptor(this.#calls.koffi, type);
    const topic = withQos(this.#calls, qos, (q) => this.#dds.create_topic(participant, bytes, name, q, null));
    return this.#checked(topic, 'dds_create_topic', `${name}, ${type.name}, ${alive.length} parts`);
  }

  createWriter(participant: DdsHandle, topic: DdsHandle, qos: DdsQos): DdsHandle {
    const writer = withQos(this.#calls, qos, (q) => this.#dds.create_writer(participant, topic, q, null));
    return this.#checked(writer, 'dds_create_writer');
  }

  createReader(participant: DdsHandle, topic: DdsHandle, qos: DdsQos): DdsHandle {
    const reader = withQos(this.#calls, qos, (q) => this.#dds.create_reader(participant, topic, q, null));
    return this.#checked(reader, 'dds_create_reader');
  }

  delete(entity: DdsHandle): void {
    this.#checked(this.#dds.delete(entity), 'dds_delete');
  }

  instanceHandle(entity: DdsHandle): bigint {
    this.#checked(this.#dds.get_instance_handle(entity, this.#statusBytes), 'dds_get_instance_handle');
    return this.#status.getBigUint64(0, true);
  }

  serialiser(participant: DdsHandle, topic: DdsHandle, type: DdsTypeDescription, qos: DdsQos): Address {
    if (this.#dds.get_entity_sertype !== null) {
      const to = new BigUint64Array(8);
      this.#checked(this.#dds.get_entity_sertype(topic, to), 'dds_get_entity_sertype');
      return Number(to[0]);
    }
    // 0.10 does not tell, but a sample knows its serialiser, and topics of one type share it. So: one empty sample through a topic
    // that nobody else uses. That topic stays as long as the participant, and the serialiser with it.
    const name = `tensoripc_scratch_${randomBytes(8).toString('hex')}`;
    const scratch = this.createTopic(participant, name, type, qos);
    const ends: DdsHandle[] = [];
    let known = false;
    try {
      const reader = this.createReader(participant, scratch, {});
      ends.push(reader);
      const writer = this.createWriter(participant, scratch, {});
      ends.push(writer);
      this.#checked(this.#dds.write(writer, new Uint8Array(Math.max(64, type.sampleBytes))), 'dds_write', name);
      const taken = this.#dds.takecdr(reader, this.#serdata, 1, this.#infoBytes, ANY_STATE);
      if (this.#checked(taken, 'dds_takecdr', name) === 0)
        throw new TensorIpcError('DDS', `${this.file} did not return a sample of ${type.name} that it was given`);
      const serdata = this.#serdata[0] as bigint;
      const pointer = new Uint8Array(64);
      this.#calls.c.copyOut(pointer, Number(serdata) + SERDATA_TYPE, 8);
      this.#dds.serdata_unref(serdata);
      known = true;
      return Number(new DataView(pointer.buffer).getBigUint64(0, true));
    } finally {
      for (const end of ends.reverse()) this.#dds.delete(end);
      if (!known) this.#dds.delete(scratch);
    }
  }

  write(writer: DdsHandle, serialiser: Address, cdr: Uint8Array, timestampNs?: bigint): void {
    if (cdr.byteLength <= SCRATCH_BYTES) {
      this.#scratch.set(cdr);
      this.#iovec[0] = this.#scratchAddress;
    } else this.#iovec[0] = BigInt(this.#calls.koffi.address(cdr));
    this.#iovec[1] = BigInt(cdr.byteLength);
    const bytes = cdr.byteLength;
    const serdata = bytes < 4 ? 0 : Number(this.#dds.serdata_from_ser_iov(serialiser, SERDATA_KIND_DATA, 1, this.#iovec, bytes));
    if (serdata === 0)
      throw new TensorIpcError(
        'INVALID_ARGUMENT',
        `these ${bytes} bytes are not a sample of the topic's type in CDR: they must begin with the encapsulation header (00 01 00 00)`,
      );
    const result = timestampNs === undefined ? this.#dds.writecdr(writer, serdata) : this.#forward(writer, serdata, timestampNs);
    if (result === RETCODE_TIMEOUT)
      throw new TensorIpcError('DDS', 'dds_writecdr failed: Timeout: its readers have not caught up within maxBlockingMs');
    this.#checked(result, 'dds_writecdr');
  }

  /** dds_forwardcdr takes the time from the sample, where dds_writecdr puts the present one. */
  #forward(writer: DdsHandle, serdata: Address, timestampNs: bigint): number {
    this.#calls.c.copyIn(serdata + SERDATA_TIMESTAMP, new Uint8Array(BigInt64Array.of(timestampNs).buffer), 8);
    return this.#dds.forwardcdr(writer, serdata);
  }

  take(reader: DdsHandle, max: number, maxBytes: number): DdsSample[] {
    const samples: DdsSample[] = [];
    while (samples.length < max) {
      const wanted = Math.min(MAX_TAKE, max - samples.length);
      const taken = this.#dds.takecdr(reader, this.#serdata, wanted, this.#infoBytes, ANY_STATE);
      this.#checked(taken, 'dds_takecdr');
      for (let index = 0; index < taken; index++) samples.push(this.#sample(index, maxBytes));
      if (taken < wanted) break;
    }
    return samples;
  }

  #sample(index: number, maxBytes: number): DdsSample {
    const serdata = this.#serdata[index] as bigint;
    const size = this.#dds.serdata_size(serdata);
    const bytes = size > maxBytes ? 0 : size;
    const data = new Uint8Array(bytes);
    if (bytes > 0) this.#dds.serdata_to_ser(serdata, 0, bytes, data);
    this.#dds.serdata_unref(serdata);
    // dds_sample_info_t: the states of sample, view and instance @0, valid_data @12, source_timestamp @16, handles @24 and @32.
    const at = index * SAMPLE_INFO_BYTES;
    const state = this.#info.getUint32(at + 8, true);
    return {
      data,
      valid: this.#info.getUint8(at + 12) !== 0,
      state: state === INSTANCE_DISPOSED ? 'disposed' : state === INSTANCE_NO_WRITERS ? 'no-writers' : 'alive',
      sourceTimestampNs: this.#info.getBigInt64(at + 16, true),
      instance: this.#info.getBigUint64(at + 24, true),
      publication: this.#info.getBigUint64(at + 32, true),
    };
  }

  matchedReaders(writer: DdsHandle): number {
    this.#checked(this.#dds.publication_matched(writer, this.#statusBytes), 'dds_get_publication_matched_status');
    return this.#status.getUint32(8, true);
  }

  readersSoFar(writer: DdsHandle): number {
    this.#checked(this.#dds.publication_matched(writer, this.#statusBytes), 'dds_get_publication_matched_status');
    return this.#status.getUint32(0, true);
  }

  matchedWriters(reader: DdsHandle): number {
    this.#checked(this.#dds.subscription_matched(reader, this.#statusBytes), 'dds_get_subscription_matched_status');
    return this.#status.getUint32(8, true);
  }

  liveliness(reader: DdsHandle): { alive: number; notAlive: number } {
    this.#checked(this.#dds.liveliness_changed(reader, this.#statusBytes), 'dds_get_liveliness_changed_status');
    return { alive: this.#status.getUint32(0, true), notAlive: this.#status.getUint32(4, true) };
  }

  openWait(reader: DdsHandle): DdsHandle {
    const participant = this.#checked(this.#dds.get_participant(reader), 'dds_get_participant');
    const waitset = this.#checked(this.#dds.create_waitset(participant), 'dds_create_waitset');
    const condition = this.#dds.create_readcondition(reader, ANY_STATE);
    const attached = condition < 0 ? condition : this.#dds.waitset_attach(waitset, condition, 0);
    if (attached >= 0) return waitset;
    this.#dds.delete(waitset);
    if (condition < 0) return this.#fail('dds_create_readcondition', condition);
    this.#dds.delete(condition);
    return this.#fail('dds_waitset_attach', attached);
  }

  wait(waitset: DdsHandle, timeoutMs: number): boolean {
    const timeoutNs = BigInt(Math.round(Math.min(Math.max(timeoutMs, 0), Number.MAX_SAFE_INTEGER / 1e6) * 1e6));
    return this.#checked(this.#dds.waitset_wait(waitset, null, 0, timeoutNs), 'dds_waitset_wait') > 0;
  }

  waitForAcknowledgments(writer: DdsHandle, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timeoutNs = BigInt(Math.round(Math.min(timeoutMs, Number.MAX_SAFE_INTEGER / 1e6) * 1e6));
      this.#dds.wait_for_acks.async(writer, timeoutNs, (error, result) => {
        try {
          if (error) throw error;
          if (result !== RETCODE_TIMEOUT) this.#checked(result, 'dds_wait_for_acks');
          resolve(result !== RETCODE_TIMEOUT);
        } catch (failure) {
          reject(failure);
        }
      });
    });
  }

  // putw(int, FILE *) has the form of on_data_available(reader, argument): Cyclone's thread writes the reader's number into the pipe.
  openWake(fd: number): DdsWake {
    const { c } = this.#calls;
    const file = Number(c.fdopen(fd, 'w'));
    const putw = Number(c.dlsym(0, 'putw'));
    if (file === 0 || putw === 0) {
      if (file === 0) c.close(fd);
      else c.fclose(file);
      throw new TensorIpcError('SYSTEM', 'no stream for wake-ups from libc (fdopen, putw)');
    }
    c.setvbuf(file, 0, IO_UNBUFFERED, 0);
    const listener = Number(this.#dds.create_listener(file));
    this.#dds.lset_data_available(listener, putw);
    this.#listeners.set(file, listener);
    return file;
  }

  closeWake(wake: DdsWake): void {
    this.#dds.delete_listener(this.#listeners.get(wake) ?? 0);
    this.#listeners.delete(wake);
    this.#calls.c.fclose(wake);
  }

  watch(reader: DdsHandle, wake: DdsWake): void {
    this.#checked(this.#dds.set_listener(reader, this.#listeners.get(wake) ?? 0), 'dds_set_listener');
  }
}
