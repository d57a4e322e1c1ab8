// apache-arrow: a frame as a vector or a table on the same pages, columns into a pool, and the IPC stream.

import { TensorConsumer, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { loadPeer, testWith } from './support/peer';

type Numbers = Float32Array | Float64Array;

/** What these tests use of apache-arrow. */
interface Vector<T> {
  readonly length: number;
  readonly data: readonly { readonly values: Numbers }[];
  get(index: number): T;
  toArray(): Numbers;
}
interface Table {
  readonly numRows: number;
  readonly batches: readonly { getChild(name: string): Vector<number> | null }[];
  getChild(name: string): Vector<number> | null;
}
interface Arrow {
  readonly Float32: new () => object;
  readonly FixedSizeList: new (size: number, field: object) => object;
  readonly Field: new (name: string, type: object) => object;
  makeData(init: object): object;
  makeVector(data: object): Vector<number>;
  makeTable(columns: Record<string, Numbers>): Table;
  tableToIPC(table: Table, kind: 'stream' | 'file'): Uint8Array;
  tableFromIPC(bytes: Uint8Array): Table;
}

const arrow = loadPeer<Arrow>('apache-arrow');
const ROWS = 32;
const states = (first: number) => Float64Array.from({ length: ROWS }, (_, i) => first + i / 8);

testWith(arrow, 'a borrowed frame is an Arrow vector on the same pages', ({ makeVector }) => {
  using producer = TensorProducer.fromSample(poolName('arrow-vector'), states(0));
  using consumer = TensorConsumer.attach<Float64Array>(producer.name);
  producer.put(states(100));
  using view = consumer.borrow();
  assert.ok(view);
  const vector = makeVector(view.data);
  assert.is(vector.length, ROWS);
  assert.is(vector.data[0]?.values.buffer, view.data.buffer);
  assert.is(vector.data[0]?.values.byteOffset, view.data.byteOffset);
  for (let i = 0; i < ROWS; i++) assert.is(vector.get(i), 100 + i / 8);
  // The proof: what is written to the pages shows in the vector.
  view.data[3] = -1;
  assert.is(vector.get(3), -1);
});

testWith(arrow, 'columns of a table are the fields of a record', ({ makeTable }) => {
  const sample = { position: states(0), current: new Float32Array(ROWS) };
  using producer = TensorProducer.fromSample(poolName('arrow-table'), sample);
  using consumer = TensorConsumer.attach(producer.name);
  producer.put({ position: states(7), current: new Float32Array(ROWS).fill(0.5) });
  using view = consumer.borrow();
  const position = view?.fields?.['position']?.data as Float64Array;
  const current = view?.fields?.['current']?.data as Float32Array;
  const table = makeTable({ position, current });
  assert.is(table.numRows, ROWS);
  assert.is(table.getChild('position')?.data[0]?.values.buffer, position.buffer);
  assert.is(table.getChild('position')?.get(8), 8);
  assert.is(table.getChild('current')?.get(ROWS - 1), 0.5);
  current[0] = 2.5;
  assert.is(table.getChild('current')?.get(0), 2.5);
});

testWith(
  arrow,
  'rows of a matrix are fixed-size lists without a copy',
  ({ Field, FixedSizeList, Float32, makeData, makeVector }) => {
    using producer = TensorProducer.fromSample(poolName('arrow-list'), { data: new Float32Array(12), shape: [3, 4] });
    using consumer = TensorConsumer.attach<Float32Array>(producer.name);
    producer.put({ data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [3, 4] });
    using view = consumer.borrow();
    assert.ok(view);
    const [length, width] = view.shape as [number, number];
    const child = makeData({ type: new Float32(), data: view.data });
    const type = new FixedSizeList(width, new Field('item', new Float32()));
    const rows = makeVector(makeData({ type, length, nullCount: 0, child })) as Vector<unknown> as Vector<Vector<number>>;
    assert.equal([...(rows.get(1)?.toArray() ?? [])], [4, 5, 6, 7]);
    assert.is(rows.get(2)?.toArray().buffer, view.data.buffer);
  },
);

testWith(arrow, 'a column of a record batch goes into a pool', ({ makeTable }) => {
  const column = makeTable({ position: states(40) }).batches[0]?.getChild('position');
  assert.ok(column);
  using producer = TensorProducer.fromSample(poolName('arrow-put'), states(0));
  using consumer = TensorConsumer.attach<Float64Array>(producer.name);
  producer.put(column.toArray() as Float64Array);
  assert.equal(consumer.get()?.data, states(40));
});

for (const kind of ['stream', 'file'] as const) {
  testWith(arrow, `the IPC ${kind}, written from a borrowed frame and read in place from a pool`, (library) => {
    const { makeTable, tableFromIPC, tableToIPC } = library;
    using producer = TensorProducer.fromSample(poolName('arrow-ipc'), states(0));
    using consumer = TensorConsumer.attach<Float64Array>(producer.name);
    producer.put(states(60));
    using view = consumer.borrow();
    assert.ok(view);
    const message = tableToIPC(makeTable({ position: view.data }), kind);

    // The message itself, as a frame of bytes: what Arrow reads from it points into the pool.
    using relay = TensorProducer.fromSample(poolName('arrow-relay'), message);
    using reader = TensorConsumer.attach<Uint8Array>(relay.name);
    relay.put(message);
    using bytes = reader.borrow();
    assert.ok(bytes);
    const position = tableFromIPC(bytes.data).getChild('position');
    assert.equal(position?.toArray(), states(60));
    assert.is(position?.data[0]?.values.buffer, bytes.data.buffer);
  });
}

test.run();
