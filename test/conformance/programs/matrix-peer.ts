// One side of the matrix of runtimes:  matrix-peer produce|consume POOL [consumers]
// Prints one line of JSON for each thing that the test waits for.

import { inspect, TensorConsumer, TensorProducer } from 'tensor-ipc';
import { sleep } from '../../support/child';
import { cameraFrame, cameraMetadata, checkCamera, fillCamera } from '../../support/stamped-frames';

const FRAMES = 120;
const HISTORY_LEN = 6;
const [, , role, pool = '', consumers = '1'] = process.argv;

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Publishes bursts and single frames, so that consumers are met awake and asleep; then waits for a signal. */
async function produce(): Promise<void> {
  const producer = new TensorProducer(cameraMetadata(pool, HISTORY_LEN));
  say({ ready: true });
  // Each has a lossless and an ordinary consumer.
  while ((inspect(pool)?.consumers.length ?? 0) < 2 * Number(consumers)) await sleep(5);
  for (let sequence = 0; sequence < FRAMES; sequence++) {
    if (sequence % 3 === 0) {
      using slot = producer.loan();
      if (slot.sequence !== sequence) throw new Error(`loaned ${slot.sequence}, expected ${sequence}`);
      fillCamera(slot.fields, sequence);
      slot.commit();
    } else {
      await producer.putAsync(cameraFrame(sequence));
    }
    if (sequence % 10 > 5) await sleep(3);
  }
  say({ published: FRAMES });
}

async function consume(): Promise<void> {
  const every = new TensorConsumer(cameraMetadata(pool, HISTORY_LEN), { delivery: 'all', from: 'oldest' });
  let newest = -1;
  let noticed = 0;
  const latest = TensorConsumer.attach(pool, {
    onNewData: (frame) => {
      if (frame.sequence <= newest) throw new Error(`frame ${frame.sequence} came after ${newest}`);
      newest = frame.sequence;
      noticed += 1;
      checkCamera(frame.fields, frame.sequence);
    },
  });
  const over = new Promise((resolve) => latest.on('disconnect', resolve));
  let sequence = 0;
  let windows = 0;
  const look = () => {
    using view = latest.borrow({ historyLen: 4, latestFirst: false });
    if (view === null || view.padded > 0) return;
    windows += 1;
    for (let i = 0; i < 4; i++) checkCamera(view.fields, view.sequence - 3 + i, i);
  };
  for await (const frame of every) {
    if (frame.sequence !== sequence || frame.missed !== 0) throw new Error(`expected frame ${sequence}, found ${frame.sequence}`);
    checkCamera(frame.fields, sequence);
    look();
    sequence += 1;
    if (sequence === FRAMES) break;
  }
  look();
  // The callback skips what it cannot keep up with, but comes to the newest.
  while (newest < FRAMES - 1) await sleep(1);
  // Sleeping in a system call wakes up as well.
  if (latest.waitSync(0) && latest.tryNext()?.sequence !== FRAMES - 1) throw new Error('the newest frame is not the last one');
  say({ received: sequence, windows, noticed });
  say({ disconnected: await over });
  every.close();
  latest.close();
}

await (role === 'produce' ? produce() : consume());
if (role === 'produce') setInterval(() => {}, 1000);
