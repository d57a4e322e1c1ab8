// A hostile process in a DDS domain: writes as fast as it can until it is killed. "dds-flooder DOMAIN announcements FIELDS" announces pools
// that are not there, each under an id of its own and with so many fields of 32 dimensions; "dds-flooder DOMAIN garbage POOL" sends what is
// no metadata of a Python pool, "dds-flooder DOMAIN large POOL" notices of a megabyte.

import process from 'node:process';
import { PoolMetadata } from 'tensor-ipc';
import { encodeAnnouncement } from '../../../host/dds/announcement';
import { DdsParticipant, DISCOVERY_QOS, DISCOVERY_TOPIC, DISCOVERY_TYPE, POOL_QOS } from '../../../host/entry/dds';

const [domain, what, argument = ''] = process.argv.slice(2);
const BURST = 16;
const participant = DdsParticipant.shared({ domainId: Number(domain) });
let written = 0;
process.on('message', () => process.send?.(written));
process.on('disconnect', () => process.exit(0));

async function flood(write: () => void): Promise<never> {
  process.send?.('ready');
  for (;;) {
    for (let i = 0; i < BURST; i++) {
      write();
      written += 1;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

if (what === 'announcements') {
  const fields = Array.from({ length: Number(argument) }, (_, index) => ({
    name: String(index),
    dtype: 'uint8' as const,
    shape: Array.from({ length: 32 }, () => 1),
  }));
  const metadata = new PoolMetadata({ name: 'flood', fields });
  const base = {
    metadata,
    host: 'h',
    bootId: 'b',
    pid: 1,
    version: '1',
    startedAtMs: 1,
    framesPublished: 0,
    closed: false,
    layout: 2,
    periodMs: null,
  };
  const topic = participant.topic(DISCOVERY_TOPIC, DISCOVERY_TYPE);
  const writer = participant.writer(topic, { ...DISCOVERY_QOS.writer, maxBlockingMs: 600_000 });
  // The id is the first member: its 32 digits begin behind the header and its length.
  const bytes = encodeAnnouncement({ ...base, id: '0'.repeat(32) });
  const encoder = new TextEncoder();
  void flood(() => {
    encoder.encodeInto(written.toString(16).padStart(32, '0'), bytes.subarray(8, 40));
    writer.write(bytes);
  });
}

// Under another idea of the types, so that nothing checks what is sent.
if (what === 'garbage') {
  const topic = participant.topic(`tensoripc_${argument}_meta`, { name: 'PoolMetadata', extensibility: 'final' });
  const writer = participant.writer(topic, POOL_QOS.metadataWriter);
  const bytes = new Uint8Array(64).fill(0xff);
  bytes.set([0, 1, 0, 0]);
  void flood(() => writer.write(bytes));
}
if (what === 'large') {
  const topic = participant.topic(`tensoripc_${argument}_progress`, { name: 'PoolProgressMessage', extensibility: 'final' });
  const writer = participant.writer(topic, { ...POOL_QOS.progressWriter, maxBlockingMs: 600_000 });
  // A string that is as long as it says, and a slot.
  const letters = 1_000_004;
  const bytes = new Uint8Array(4 + 4 + letters + 8).fill(0x61);
  bytes.set([0, 1, 0, 0]);
  new DataView(bytes.buffer).setUint32(4, letters, true);
  bytes.fill(0, 4 + 4 + letters - 1);
  void flood(() => writer.write(bytes));
}
