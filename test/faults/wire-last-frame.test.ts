// On the Python package's wire, too, a frame that is put just before its producer closes reaches everybody who reads, once, and before the
// end is told.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sleep, until } from '../support/child';
import { WIRE_DOMAIN } from '../wire/support/peers';
import { wireName } from '../wire/support/shm';
import { configureHere } from '../wire-interop/support/ours';

const test = suite('last frame on the wire');
configureHere();

const HERE = { wire: 'tensor-ipc', domainId: WIRE_DOMAIN } as const;
const frameOf = (value: number) => new Float64Array(8).fill(value);

function pair(label: string) {
  const name = wireName(label);
  const producer = TensorProducer.fromSample(name, frameOf(0), { ...HERE, historyLen: 4 });
  const consumer = TensorConsumer.attach<Float64Array>(name, HERE);
  const log: string[] = [];
  consumer.on('disconnect', (reason) => log.push(reason));
  return { name, producer, consumer, log, [Symbol.dispose]: () => consumer.close() };
}

const connected = ({ consumer }: ReturnType<typeof pair>) => until(() => consumer.connected, 'it is connected');

for (const borrow of [false, true]) {
  test(`a loop, next and on('frame')${borrow ? ', with views' : ''}: put and close at once`, async () => {
    using p = pair('last');
    const { consumer, log } = p;
    (async () => {
      const frames = borrow ? consumer.frames({ borrow: true }) : consumer.frames();
      for await (using frame of frames) log.push(`loop ${frame.data[0]}`);
    })();
    consumer.on('frame', (frame) => log.push(`event ${frame.data[0]}`));
    consumer.next().then((frame) => log.push(`next ${frame?.data[0]}`));
    await connected(p);
    await sleep(20);
    p.producer.put(frameOf(7));
    p.producer.close();
    await until(() => log.length >= 4, `all are told: ${log}`);
    assert.equal(log.slice(0, 3).sort(), ['event 7', 'loop 7', 'next 7'], String(log));
    await sleep(300);
    assert.equal(log.slice(3), ['closed']);
    assert.is(consumer.get(), null);
  });
}

test('tryNext, spin and waitSync: the last frame, once; the next pool is found', async () => {
  using p = pair('sync');
  const { consumer } = p;
  await connected(p);
  p.producer.put(frameOf(1));
  p.producer.put(frameOf(2));
  assert.ok(consumer.waitSync(5000));
  p.producer.close();
  assert.ok(consumer.waitSync(0) || consumer.spin(1000));
  assert.is(consumer.tryNext()?.data[0], 2);
  assert.is(consumer.tryNext(), null);
  assert.is(consumer.get(), null);
  using next = TensorProducer.fromSample(p.name, frameOf(0), { ...HERE, historyLen: 4 });
  await until(() => consumer.connected, 'it is connected again');
  next.put(frameOf(9));
  assert.is((await consumer.next())?.data[0], 9);
});

test.run();
