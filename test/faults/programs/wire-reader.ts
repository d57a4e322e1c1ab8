// Either end of a pool on the Python package's wire, in a process of its own, which other users' files may try to kill.

import process from 'node:process';
import { TensorConsumer, TensorIpcError, TensorProducer } from 'tensor-ipc';
import { serve, sleep } from '../../support/child';
import { WIRE_CONFIGURATION } from '../../wire/support/peers';

interface Task {
  readonly uid?: number;
  readonly read?: string;
  readonly produce?: string;
  readonly domainId: number;
}

const GIVE_UP_MS = 60_000;
process.env['CYCLONEDDS_URI'] = WIRE_CONFIGURATION;

/** The first byte of the first frame, or the code of the first error. */
async function read(name: string, domainId: number): Promise<unknown> {
  using consumer = TensorConsumer.attach(name, { wire: 'tensor-ipc', domainId });
  consumer.on('error', () => {});
  for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; await sleep(5)) {
    try {
      const frame = consumer.get();
      if (frame !== null) return { byte: (frame.data as Uint8Array)[0] };
    } catch (error) {
      if (!(error instanceof TensorIpcError)) throw error;
      return { code: error.code, message: error.message };
    }
  }
  return { code: 'nothing' };
}

function produce(name: string, domainId: number): unknown {
  try {
    using producer = TensorProducer.fromSample(name, new Uint8Array(8), { wire: 'tensor-ipc', domainId, historyLen: 3 });
    return { byte: producer.put(new Uint8Array(8).fill(7)) };
  } catch (error) {
    if (!(error instanceof TensorIpcError)) throw error;
    return { code: error.code, message: error.message };
  }
}

serve((message) => {
  const { uid, read: readName, produce: produceName, domainId } = message as Task;
  if (uid !== undefined) {
    process.setgid?.(uid);
    process.setuid?.(uid);
  }
  if (readName !== undefined) return read(readName, domainId);
  return produceName === undefined ? null : produce(produceName, domainId);
});
process.send?.('ready');
