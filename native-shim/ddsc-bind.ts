// libddsc: found, loaded, pinned, and its functions typed. Raw pointers are addresses; entities are positive numbers, errors negative.

import process from 'node:process';
import { TensorIpcError } from '../host/runtime/errors';
import { isError } from '../host/runtime/realm';
import type { Address } from '../host/runtime/system';
import { type KoffiFunc, type KoffiModule, loadKoffi, type NativeLibrary, optional } from './koffi';
import type { Int, Pointer } from './linux';

/** Debian's name, upstream's of 0.10 and of 11, and what a development package adds. */
const NAMES = ['libddsc.so.0debian', 'libddsc.so.0', 'libddsc.so.11', 'libddsc.so'];
const RTLD_NOW = 2;
const RTLD_NODELETE = 0x1000;

/** A variable of the environment, or null where it is empty. Of libc, where the runtime does not let JavaScript read it (Deno). */
export function environment(c: ReturnType<typeof bindC>, name: string): string | null {
  try {
    return process.env[name] || null;
  } catch (error) {
    if (isError(error) && error.name === 'NotCapable') return c.getenv(name) || null;
    throw error;
  }
}

function missing(tried: readonly string[], cause: unknown): TensorIpcError {
  return new TensorIpcError(
    'MISSING_DEPENDENCY',
    `Cyclone DDS could not be loaded (tried ${tried.join(', ')}): sudo apt install libddsc0debian` +
      ' (or set TENSOR_IPC_DDSC to the path of libddsc.so)',
    { cause },
  );
}

function load(koffi: KoffiModule, override: string | null): { library: NativeLibrary; name: string } {
  const names = override === null ? NAMES : [override];
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      return { library: koffi.load(name), name };
    } catch (error) {
      failures.push(error);
    }
  }
  throw missing(names, failures[0]);
}

function bindC(koffi: KoffiModule) {
  const libc = koffi.load('libc.so.6');
  // Before glibc 2.34 the loader's functions have a library of their own.
  const has = optional(libc, 'dlopen', 'uintptr_t', ['str', 'int']) !== null;
  const loader = has ? libc : koffi.load('libdl.so.2');
  return {
    dlopen: loader.func('dlopen', 'uintptr_t', ['str', 'int']) as (name: string, flags: Int) => Address,
    dlsym: loader.func('dlsym', 'uintptr_t', ['uintptr_t', 'str']) as (library: Address, name: string) => Address,
    getenv: libc.func('getenv', 'str', ['str']) as (name: string) => string | null,
    fdopen: libc.func('fdopen', 'uintptr_t', ['int', 'str']) as (fd: Int, mode: string) => Address,
    close: libc.func('close', 'int', ['int']) as (fd: Int) => Int,
    fclose: libc.func('fclose', 'int', ['uintptr_t']) as (file: Address) => Int,
    setvbuf: libc.func('setvbuf', 'int', ['uintptr_t', 'uintptr_t', 'int', 'size_t']) as (
      file: Address,
      buffer: Address,
      mode: Int,
      bytes: Int,
    ) => Int,
    copyIn: libc.func('memcpy', 'void', ['uintptr_t', 'void *', 'size_t']) as (to: Address, from: Pointer, n: Int) => void,
    calloc: libc.func('calloc', 'uintptr_t', ['size_t', 'size_t']) as (count: Int, bytes: Int) => Address,
    memset: libc.func('memset', 'void', ['uintptr_t', 'int', 'size_t']) as (at: Address, byte: Int, n: Int) => void,
    copyOut: libc.func('memcpy', 'void', ['void *', 'uintptr_t', 'size_t']) as (to: Pointer, from: Address, n: Int) => void,
  };
}

function bindDdsc(library: NativeLibrary) {
  const f = (name: string, result: string, parameters: string[]) => library.func(name, result, parameters);
  return {
    strretcode: f('dds_strretcode', 'str', ['int']) as (code: Int) => string,
    /** void callback(argument, const dds_log_data_t *); 0 and 0 for the default. */
    set_log_sink: f('dds_set_log_sink', 'void', ['uintptr_t', 'uintptr_t']) as (callback: Address, argument: Address) => void,
    create_domain: f('dds_create_domain', 'int', ['uint', 'str']) as (id: Int, xml: string) => Int,
    create_participant: f('dds_create_participant', 'int', ['uint', 'void *', 'void *']) as (
      domain: Int,
      qos: null,
      listener: null,
    ) => Int,
    lookup_participant: f('dds_lookup_participant', 'int', ['uint', 'void *', 'size_t']) as (
      domain: Int,
      participants: null,
      size: Int,
    ) => Int,
    get_parent: f('dds_get_parent', 'int', ['int']) as (entity: Int) => Int,
    create_topic: f('dds_create_topic', 'int', ['int', 'void *', 'str', 'uintptr_t', 'void *']) as (
      participant: Int,
      descriptor: Pointer,
      name: string,
      qos: Address,
      listener: null,
    ) => Int,
    create_writer: f('dds_create_writer', 'int', ['int', 'int', 'uintptr_t', 'void *']) as (
      participant: Int,
      topic: Int,
      qos: Address,
      listener: null,
    ) => Int,
    create_reader: f('dds_create_reader', 'int', ['int', 'int', 'uintptr_t', 'void *']) as (
      participant: Int,
      topic: Int,
      qos: Address,
      listener: null,
    ) => Int,
    delete: f('dds_delete', 'int', ['int']) as (entity: Int) => Int,
    get_instance_handle: f('dds_get_instance_handle', 'int', ['int', 'void *']) as (entity: Int, handle: Pointer) => Int,
    write: f('dds_write', 'int', ['int', 'void *']) as (writer: Int, sample: Pointer) => Int,
    forwardcdr: f('dds_forwardcdr', 'int', ['int', 'uintptr_t']) as (writer: Int, serdata: Address) => Int,
    writecdr: f('dds_writecdr', 'int', ['int', 'uintptr_t']) as (writer: Int, serdata: Address) => Int,
    takecdr: f('dds_takecdr', 'int', ['int', 'void *', 'uint', 'void *', 'uint']) as (
      reader: Int,
      serdata: BigUint64Array,
      max: Int,
      info: Pointer,
      mask: Int,
    ) => Int,
    serdata_from_ser_iov: f('ddsi_serdata_from_ser_iov', 'uintptr_t', ['uintptr_t', 'int', 'size_t', 'void *', 'size_t']) as (
      sertype: Address,
      kind: Int,
      count: Int,
      iovec: BigUint64Array,
      bytes: Int,
    ) => Address,
    serdata_size: f('ddsi_serdata_size', 'uint', ['uintptr_t']) as (serdata: Address | bigint) => Int,
    serdata_to_ser: f('ddsi_serdata_to_ser', 'void', ['uintptr_t', 'size_t', 'size_t', 'void *']) as (
      serdata: Address | bigint,
      offset: Int,
      bytes: Int,
      to: Pointer,
    ) => void,
    serdata_unref: f('ddsi_serdata_unref', 'void', ['uintptr_t']) as (serdata: Address | bigint) => void,
    get_participant: f('dds_get_participant', 'int', ['int']) as (entity: Int) => Int,
    create_readcondition: f('dds_create_readcondition', 'int', ['int', 'uint']) as (reader: Int, mask: Int) => Int,
    create_waitset: f('dds_create_waitset', 'int', ['int']) as (participant: Int) => Int,
    waitset_attach: f('dds_waitset_attach', 'int', ['int', 'int', 'intptr_t']) as (waitset: Int, entity: Int, x: Int) => Int,
    waitset_wait: f('dds_waitset_wait', 'int', ['int', 'void *', 'size_t', 'int64']) as (
      waitset: Int,
      triggered: null,
      size: Int,
      timeoutNs: bigint,
    ) => Int,
    wait_for_acks: f('dds_wait_for_acks', 'int', ['int', 'int64']) as KoffiFunc<(writer: Int, timeoutNs: bigint) => Int>,
    publication_matched: f('dds_get_publication_matched_status', 'int', ['int', 'void *']) as (writer: Int, to: Pointer) => Int,
    subscription_matched: f('dds_get_subscription_matched_status', 'int', ['int', 'void *']) as (reader: Int, to: Pointer) => Int,
    liveliness_changed: f('dds_get_liveliness_changed_status', 'int', ['int', 'void *']) as (reader: Int, to: Pointer) => Int,
    create_listener: f('dds_create_listener', 'uintptr_t', ['uintptr_t']) as (argument: Address) => Address,
    delete_listener: f('dds_delete_listener', 'void', ['uintptr_t']) as (listener: Address) => void,
    lset_data_available: f('dds_lset_data_available', 'void', ['uintptr_t', 'uintptr_t']) as (
      listener: Address,
      callback: Address,
    ) => void,
    set_listener: f('dds_set_listener', 'int', ['int', 'uintptr_t']) as (entity: Int, listener: Address) => Int,
    create_qos: f('dds_create_qos', 'uintptr_t', []) as () => Address,
    delete_qos: f('dds_delete_qos', 'void', ['uintptr_t']) as (qos: Address) => void,
    qset_reliability: f('dds_qset_reliability', 'void', ['uintptr_t', 'int', 'int64']) as QosSetter2,
    qset_durability: f('dds_qset_durability', 'void', ['uintptr_t', 'int']) as QosSetter1,
    qset_history: f('dds_qset_history', 'void', ['uintptr_t', 'int', 'int']) as (qos: Address, kind: Int, depth: Int) => void,
    qset_resource_limits: f('dds_qset_resource_limits', 'void', ['uintptr_t', 'int', 'int', 'int']) as (
      qos: Address,
      maxSamples: Int,
      maxInstances: Int,
      maxSamplesPerInstance: Int,
    ) => void,
    qset_durability_service: f('dds_qset_durability_service', 'void', [
      'uintptr_t',
      'int64',
      'int',
      'int',
      'int',
      'int',
      'int',
    ]) as (
      qos: Address,
      cleanupDelayNs: Int,
      kind: Int,
      depth: Int,
      maxSamples: Int,
      maxInstances: Int,
      maxSamplesPerInstance: Int,
    ) => void,
    qset_liveliness: f('dds_qset_liveliness', 'void', ['uintptr_t', 'int', 'int64']) as QosSetter2,
    qset_deadline: f('dds_qset_deadline', 'void', ['uintptr_t', 'int64']) as (qos: Address, ns: bigint) => void,
    qset_writer_data_lifecycle: f('dds_qset_writer_data_lifecycle', 'void', ['uintptr_t', 'bool']) as (
      qos: Address,
      autodispose: boolean,
    ) => void,
    qset_partition: f('dds_qset_partition', 'void', ['uintptr_t', 'uint', 'void *']) as (
      qos: Address,
      count: Int,
      names: BigUint64Array,
    ) => void,
    qset_userdata: f('dds_qset_userdata', 'void', ['uintptr_t', 'void *', 'size_t']) as (
      qos: Address,
      data: Pointer,
      bytes: Int,
    ) => void,
    qset_data_representation: f('dds_qset_data_representation', 'void', ['uintptr_t', 'uint', 'void *']) as (
      qos: Address,
      count: Int,
      ids: Int16Array,
    ) => void,
    /** Since 11. */
    get_entity_sertype: optional(library, 'dds_get_entity_sertype', 'int', ['int', 'void *']) as
      | ((entity: Int, to: BigUint64Array) => Int)
      | null,
  };
}

type QosSetter1 = (qos: Address, kind: Int) => void;
type QosSetter2 = (qos: Address, kind: Int, ns: bigint) => void;

/** The loaded library. */
export interface DdscCalls {
  readonly koffi: KoffiModule;
  readonly c: ReturnType<typeof bindC>;
  readonly dds: ReturnType<typeof bindDdsc>;
  readonly file: string;
}

export function loadDdsc(): DdscCalls {
  const koffi = loadKoffi();
  const c = bindC(koffi);
  const { library, name } = load(koffi, environment(c, 'TENSOR_IPC_DDSC'));
  // koffi closes it when its thread ends, while Cyclone's own threads still run in it: the process would crash. So it stays.
  if (Number(c.dlopen(name, RTLD_NOW | RTLD_NODELETE)) === 0) throw missing([name], undefined);
  try {
    return { koffi, c, dds: bindDdsc(library), file: name };
  } catch (cause) {
    throw new TensorIpcError(
      'MISSING_DEPENDENCY',
      `${name} is not a Cyclone DDS of version 0.10 or later: sudo apt install libddsc0debian`,
      { cause },
    );
  }
}
