// What the screens of the command line show: pools with names that do not vary, in a /dev/shm of their own. Argument: the role. Prints
// "ready PID" when all is set up.

import { readFileSync, writeFileSync } from 'node:fs';
import { PoolMetadata, TensorConsumer, TensorProducer } from 'tensor-ipc';

const [role = ''] = process.argv.slice(2);
const ready = () => console.log(`ready ${process.pid}`);

/** Calls at a steady rate, late calls made up for. */
function every(ms: number, call: () => void): void {
  let dueMs = performance.now();
  setInterval(() => {
    for (; dueMs <= performance.now(); dueMs += ms) call();
  }, 2);
}

switch (role) {
  case 'producers': {
    const camera = new TensorProducer(
      new PoolMetadata({
        name: 'camera',
        historyLen: 10,
        fields: [{ name: 'data', dtype: 'uint8', shape: [480, 640, 3], encoding: 'rgb8' }],
      }),
      { periodMs: 1000 / 30 },
    );
    every(1000 / 30, () => {
      using slot = camera.loan();
      slot.commit();
    });
    const lidar = new TensorProducer(
      new PoolMetadata({
        name: 'lidar',
        historyLen: 2,
        fields: [
          {
            name: 'data',
            dtype: 'float32',
            shape: [1, 3],
            maxLength: 300_000,
            encoding: 'xyz',
            unit: 'm',
            frameId: 'lidar_top',
          },
        ],
        attributes: { serial: 'A-17', mount: { xyz: [0, 0, 1.8], rpy: [0, 0, 0] } },
      }),
    );
    every(100, () => {
      using slot = lidar.loan({ length: 1000 });
      slot.commit();
    });
    const wrist = new TensorProducer(
      new PoolMetadata({
        name: 'wrist.camera',
        historyLen: 1,
        fields: [
          { name: 'rgb', dtype: 'uint8', shape: [240, 320, 3], encoding: 'rgb8' },
          { name: 'depth', dtype: 'uint16', shape: [240, 320], encoding: 'depth16u' },
        ],
      }),
    );
    every(200, () => {
      using slot = wrist.loan();
      slot.commit();
    });
    ready();
    break;
  }
  case 'viewer': {
    const consumer = TensorConsumer.attach('camera');
    consumer.once('frame', ready);
    for await (using view of consumer.frames({ borrow: true })) void view.data;
    break;
  }
  case 'dies': {
    const producer = TensorProducer.fromSample('arm', new Float32Array(14), { historyLen: 100 });
    for (let i = 0; i < 250; i++) producer.put(new Float32Array(14).fill(i));
    // A pool that was cut short, by a full disk say.
    writeFileSync('/dev/shm/tensoripc.map', readFileSync('/dev/shm/tensoripc.arm').subarray(0, 1000));
    ready();
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
    break;
  }
  default:
    throw new Error(`no such role: ${role}`);
}
// Never longer than its test.
setTimeout(() => process.exit(99), 600_000).unref();
