// What is on the wire, byte for byte: the recorded session read and written by this library's own codec, and live samples of both sides.

import { readFileSync } from 'node:fs';
import { MetadataCreator, TensorProducer } from 'tensor-ipc';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DdsParticipant, POOL_METADATA_TYPE, POOL_PROGRESS_TYPE, POOL_QOS } from '../../host/entry/dds';
import { decodeMetadata, decodeProgress, encodeMetadata, encodeProgress } from '../../host/wire/messages';
import { hasCode } from '../support/child';
import { Peer, untilAnswer, WIRE_DOMAIN, wireTools } from '../wire/support/peers';
import { removeWireObjects, wireName } from '../wire/support/shm';
import { configureHere } from './support/ours';
import { metadataOf, tensorOf } from './support/tensors';

interface Sample {
  readonly type: 'PoolMetadata' | 'PoolProgressMessage';
  readonly hex: string;
  readonly value: Readonly<Record<string, string>> & { readonly shape?: readonly string[] };
}

configureHere();
const { samples } = JSON.parse(readFileSync('test/wire/recorded/session.json', 'utf8')) as {
  readonly samples: readonly Sample[];
};

/** As Cyclone sends it: padded to a multiple of four bytes, which the options of the header count. */
function sent(cdr: Uint8Array): string {
  const padding = -cdr.length & 3;
  const bytes = Buffer.concat([cdr, Buffer.alloc(padding)]);
  bytes[3] = padding;
  return bytes.toString('hex');
}

function raw({ hex }: Sample): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** Pools of the recording that this library has no room for: CUDA, no elements, no name. */
function impossible({ value: { name, device, shape } }: Sample): boolean {
  return name === '' || device !== 'cpu' || shape?.includes('0') === true;
}

test('recorded metadata is read as what went in, and written as the same bytes', () => {
  let read = 0;
  for (const sample of samples.filter(({ type }) => type === 'PoolMetadata')) {
    const { value } = sample;
    const name = value['name'] as string;
    if (impossible(sample)) {
      assert.throws(() => decodeMetadata(name, raw(sample)), hasCode('CORRUPT_OBJECT'), name);
      continue;
    }
    const { metadata, creatorPid } = decodeMetadata(name, raw(sample));
    assert.equal(metadata.shape.map(String), value.shape);
    assert.is(metadata.name, name);
    assert.is(metadata.dtype, value['dtype_str']);
    assert.is(metadata.backend, value['backend_type']);
    assert.is(String(metadata.historyLen), value['history_len']);
    assert.is(String(metadata.frameBytes * metadata.historyLen), value['total_size']);
    assert.is(String(creatorPid), value['creator_pid']);
    assert.is(sent(encodeMetadata(metadata, creatorPid, value['payload_json'])), sample.hex, name);
    read += 1;
  }
  assert.ok(read >= 5, `${read} samples`);
});

test('recorded progress is read as what went in, and written as the same bytes', () => {
  let read = 0;
  for (const sample of samples.filter(({ type }) => type === 'PoolProgressMessage')) {
    const name = sample.value['pool_name'] as string;
    const frame = BigInt(sample.value['latest_frame'] as string);
    if (frame < 0n || frame > BigInt(Number.MAX_SAFE_INTEGER)) {
      assert.throws(() => decodeProgress(name, raw(sample)), hasCode('CORRUPT_OBJECT'));
      continue;
    }
    assert.is(decodeProgress(name, raw(sample)), Number(frame));
    assert.is(sent(encodeProgress(name, Number(frame))), sample.hex);
    read += 1;
  }
  assert.ok(read >= 25, `${read} samples`);
});

test('names of every length modulo four are padded as they should be', () => {
  for (let length = 1; length <= 12; length++) {
    const name = 'abcdefghijkl'.slice(0, length);
    const metadata = MetadataCreator.fromSample(name, new Float32Array(7), { historyLen: 3 });
    assert.equal(decodeMetadata(name, encodeMetadata(metadata, 7)), { metadata, creatorPid: 7 });
    assert.is(decodeProgress(name, encodeProgress(name, 2)), 2);
  }
});

const tools = wireTools();
if (tools === null) test.skip('live samples');
else {
  test('what ours and the C writer send of the same pool differs in nothing but the process and the payload', async () => {
    using participant = DdsParticipant.shared({ domainId: WIRE_DOMAIN });
    for (const label of ['a', 'ab', 'abc', 'abcd']) {
      const what = { name: wireName(label), shape: [3, 5], dtype: 'int16', history_len: 4 } as const;
      const topic = participant.topic(`tensoripc_${what.name}_meta`, POOL_METADATA_TYPE);
      const progressTopic = participant.topic(`tensoripc_${what.name}_progress`, POOL_PROGRESS_TYPE);
      using reader = participant.reader(topic, POOL_QOS.metadataReader);
      using progress = participant.reader(progressTopic, POOL_QOS.progressReader);
      const hex = (data: Uint8Array | undefined) => Buffer.from(data ?? []).toString('hex');
      let fromC = '';
      {
        await using producer = Peer.cProducer(tools);
        const { pid } = await producer.ask('produce', what);
        await untilAnswer(
          () => producer.ask('stats'),
          ({ matched_meta, matched_progress }) => matched_meta === 1 && matched_progress === 1,
          'they have met',
        );
        await producer.ask('announce');
        fromC = hex((await reader.next())?.data);
        assert.is(fromC, sent(encodeMetadata(metadataOf(what), pid, '')));
        for (let slot = 0; slot < 4; slot++) {
          await producer.ask('put', { seed: 1 });
          assert.is(hex((await progress.next())?.data), sent(encodeProgress(what.name, slot)));
        }
        await producer.exit();
      }
      for (const one of [reader, progress]) while (one.take().length > 0);
      removeWireObjects(what.name);
      using producer = new TensorProducer(metadataOf(what), { wire: 'tensor-ipc', domainId: WIRE_DOMAIN });
      let found = await reader.next();
      while (found !== null && !found.valid) found = await reader.next();
      const { metadata, creatorPid } = decodeMetadata(what.name, found?.data ?? new Uint8Array());
      assert.is(creatorPid, process.pid);
      assert.is(sent(encodeMetadata(metadata, decodeMetadata(what.name, Buffer.from(fromC, 'hex')).creatorPid, '')), fromC);
      for (let slot = 0; slot < 4; slot++) {
        producer.put(tensorOf(what, 1));
        let notice = await progress.next();
        while (notice !== null && !notice.valid) notice = await progress.next();
        // Within a process samples are handed over as they were written.
        assert.is(decodeProgress(what.name, notice?.data ?? new Uint8Array()), slot);
      }
    }
  });
}

test.run();
