// Whether Cyclone DDS is there, and works: a writer of this process is found by a reader of it, and a sample arrives.

import { setTimeout } from 'node:timers/promises';
import { DdsParticipant } from '../../entry/dds';
import { ddsLibrary } from '../../entry/inspection';
import { TensorIpcError } from '../../entry/main';
import type { Finding } from './checks';

const WHAT = 'Cyclone DDS';
const TIMEOUT_MS = 2000;
const LOOK_MS = 5;
const INSTALL = "For the Python package's pools, and discovery over DDS: apt install libddsc0debian; ROS 2 brings it too.";
/** A string in CDR, little-endian: the encapsulation header, the length with its end, "doctor". */
const SAMPLE = new Uint8Array([0, 1, 0, 0, 7, 0, 0, 0, 0x64, 0x6f, 0x63, 0x74, 0x6f, 0x72, 0]);

export async function cyclone(domainId: number): Promise<Finding[]> {
  let file: string;
  try {
    file = ddsLibrary().file;
  } catch (error) {
    const found = error instanceof TensorIpcError && error.code === 'MISSING_DEPENDENCY' ? 'libddsc not found' : text(error);
    return [{ what: WHAT, status: 'absent', found, advice: INSTALL }];
  }
  return [{ what: WHAT, status: 'ok', found: file }, await loopback(domainId)];
}

async function loopback(domainId: number): Promise<Finding> {
  const what = `DDS domain ${domainId}`;
  const advice =
    'Writers and readers need an interface: "ip link set lo up multicast on", or a configuration of your own in CYCLONEDDS_URI.';
  try {
    using participant = DdsParticipant.shared({ domainId });
    const topic = participant.topic(`tensoripc_doctor_${process.pid}`, { name: 'Doctor', extensibility: 'final' });
    const qos = { reliability: 'reliable', durability: 'transient-local', history: 1 } as const;
    using reader = participant.reader(topic, qos);
    using writer = participant.writer(topic, qos);
    writer.write(SAMPLE);
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const [sample] = reader.take(1);
      if (sample?.valid) break;
      if (performance.now() > deadline) {
        const found = reader.matchedWriters > 0 ? 'a sample did not arrive' : 'a reader did not find its writer';
        return { what, status: 'hint', found: `${found} within ${TIMEOUT_MS} ms`, advice };
      }
      await setTimeout(LOOK_MS);
    }
    return { what, status: 'ok', found: 'a participant made, a writer found, a sample read' };
  } catch (error) {
    return { what, status: 'hint', found: text(error), advice };
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
