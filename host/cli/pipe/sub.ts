// tensor-ipc sub: the frames of a pool, raw, to the standard output.

import { TensorConsumer } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { printBytes } from '../output';
import { framesOf, onePool, TRUST_OPTION, trustOf } from '../read/frames';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { LENGTH_BYTES } from './packets';

const NAME = 'sub';

export const subCommand = defineCommand({
  name: NAME,
  summary: 'Write the frames of a pool, raw, to the standard output.',
  usage: 'NAME',
  details:
    'Each frame is the bytes of its tensors as they lie in the pool: row-major, little-endian, nothing in between. One of\n' +
    'varying length is as long as it is; --framed says how long, for what is not told apart by its own form. Waits for\n' +
    'the pool if there is none yet, and ends with its producer: code 0 if that closed the pool, 1 if it died. When whoever\n' +
    'reads the output is slow, frames are skipped, or with --all the producer waits.',
  options: {
    count: { type: 'string', value: 'N', help: 'End after so many frames.' },
    latest: { type: 'boolean', help: 'The newest frame whenever the output has room (default).' },
    all: { type: 'boolean', help: 'Every frame in order, none skipped, from the oldest that is still in the ring.' },
    framed: { type: 'boolean', help: 'Before each frame 4 bytes, little-endian: how many bytes it has.' },
    timeout: { type: 'string', value: 'MS', help: 'Wait so long for each frame. Default: for ever.' },
    trust: TRUST_OPTION,
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} cam --count 1 > frame.raw`, 'the latest frame'],
    [
      `${NAME} cloud --all --framed | tensor-ipc pub copy --shape 1,3 --max-length 300000 --dtype float32`,
      'frames of varying length',
    ],
    [`${NAME} cam --all | ffmpeg -f rawvideo -pix_fmt rgb24 -s 640x480 -i - film.mp4`, 'a film of every frame'],
  ],
  async run(values, positionals) {
    const name = onePool(NAME, positionals);
    if (values.latest && values.all) throw new UsageError('--latest or --all, not both', NAME);
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 31) ?? Infinity;
    const timeoutMs = wholeNumber(NAME, 'timeout', values.timeout, 0, 2 ** 31 - 1);
    const trust = trustOf(NAME, values.trust);
    if (process.stdout.isTTY) throw new UsageError('frames are binary, and the standard output is a terminal: redirect it', NAME);

    const wire = wireFor(NAME, name, values);
    if (values.all && wire.wire === 'tensor-ipc') {
      throw new UsageError(
        `pool '${name}' is the Python package's, whose producers do not wait: --all is for native pools`,
        NAME,
      );
    }

    using consumer = TensorConsumer.attach(name, { trust, ...wire, ...(values.all ? { delivery: 'all', from: 'oldest' } : {}) });
    let frames = 0;
    for await (const { frame } of framesOf(consumer, { timeoutMs })) {
      const { data } = frame;
      // One frame is on its way at a time: a slow reader slows us.
      if (values.framed && !(await printBytes(lengthOf(data.byteLength)))) return EXIT_OK;
      if (!(await printBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)))) return EXIT_OK;
      frames += 1;
      if (frames >= count) return EXIT_OK;
    }
    return EXIT_OK;
  },
});

function lengthOf(bytes: number): Uint8Array {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(bytes);
  return length;
}
