// QoS: what is set is set, the rest is Cyclone's default.

import type { DdsQos } from '../host/dds/library';
import type { Address } from '../host/runtime/system';
import type { DdscCalls } from './ddsc-bind';

/** DDS_INFINITY. */
const INFINITE_NS = 0x7fffffffffffffffn;
const RELIABILITY = { 'best-effort': 0, reliable: 1 } as const;
const DURABILITY = { volatile: 0, 'transient-local': 1, transient: 2, persistent: 3 } as const;
const KEEP_LAST = 0;
const KEEP_ALL = 1;
/** Samples, instances, samples of an instance. */
const UNLIMITED = [-1, -1, -1] as const;
const ANY_NUMBER = -1;
const LIVELINESS_AUTOMATIC = 0;
const REPRESENTATION = { xcdr1: 0, xcdr2: 2 } as const;

function ns(ms: number): bigint {
  return ms === Infinity ? INFINITE_NS : BigInt(Math.round(ms * 1e6));
}

/** Runs `use` with a dds_qos_t. */
export function withQos<T>({ dds, koffi }: DdscCalls, qos: DdsQos, use: (qos: Address) => T): T {
  const q = dds.create_qos();
  try {
    if (qos.reliability !== undefined)
      dds.qset_reliability(q, RELIABILITY[qos.reliability], ns(qos.maxBlockingMs ?? (qos.reliability === 'reliable' ? 100 : 0)));
    if (qos.durability !== undefined) dds.qset_durability(q, DURABILITY[qos.durability]);
    if (qos.history === 'all') dds.qset_history(q, KEEP_ALL, -1);
    else if (qos.history !== undefined) dds.qset_history(q, KEEP_LAST, qos.history);
    if (qos.maxSamples !== undefined) dds.qset_resource_limits(q, qos.maxSamples, ANY_NUMBER, ANY_NUMBER);
    const kept = qos.durabilityHistory;
    if (kept !== undefined)
      dds.qset_durability_service(q, 0, kept === 'all' ? KEEP_ALL : KEEP_LAST, kept === 'all' ? 1 : kept, ...UNLIMITED);
    if (qos.liveliness !== undefined) dds.qset_liveliness(q, LIVELINESS_AUTOMATIC, ns(qos.liveliness.leaseMs));
    if (qos.deadlineMs !== undefined) dds.qset_deadline(q, ns(qos.deadlineMs));
    if (qos.writerDataLifecycle !== undefined) dds.qset_writer_data_lifecycle(q, qos.writerDataLifecycle);
    if (qos.dataRepresentation !== undefined) {
      const ids = new Int16Array(32);
      ids.set(qos.dataRepresentation.map((name) => REPRESENTATION[name]));
      dds.qset_data_representation(q, qos.dataRepresentation.length, ids);
    }
    if (qos.userData !== undefined) dds.qset_userdata(q, qos.userData, qos.userData.byteLength);
    if (qos.partitions !== undefined) {
      const texts = qos.partitions.map((name) => new TextEncoder().encode(`${name}\0`.padEnd(64, '\0')));
      const pointers = new BigUint64Array(Math.max(8, texts.length));
      texts.forEach((text, index) => {
        pointers[index] = BigInt(koffi.address(text));
      });
      dds.qset_partition(q, texts.length, pointers);
    }
    return use(q);
  } finally {
    dds.delete_qos(q);
  }
}
