// tensor-ipc snapshot: the latest frame of a pool as a file: a picture, a packet as it is, a point cloud.

import { closeSync, fstatSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { printable, quoted } from '../../entry/inspection';
import { type Frame, type PoolMetadata, TensorConsumer } from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { note, print, printBytes } from '../output';
import { FIELD_OPTION, type Field, fieldsOf } from '../read/field';
import { TRUST_OPTION, trustOf } from '../read/frames';
import { latest, TIMEOUT_OPTION } from '../read/latest';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { SHOWABLE_SHAPES } from './image';
import { isShowable, show } from './show';

const NAME = 'snapshot';

export const snapshotCommand = defineCommand({
  name: NAME,
  summary: 'Write the latest frame of a pool to a file: PNG, packet, point cloud.',
  usage: 'NAME OUTPUT.png',
  details:
    `Shows tensors of shape ${SHOWABLE_SHAPES}. uint8 is shown as it is, bool as black and white; all other\n` +
    'dtypes are scaled between the smallest and the largest value of the frame, or --min and --max; NaN is black.\n' +
    'Where the pool states an encoding, that counts: bgr8, nv12, yuyv, bayer_rggb8, depth16u and the like become a picture,\n' +
    'jpeg, png, h264 and h265 are written as they are, and xyz is a point cloud (OUTPUT.ply).',
  options: {
    timeout: TIMEOUT_OPTION,
    field: FIELD_OPTION,
    min: { type: 'string', value: 'X', help: 'The value to show as black.' },
    max: { type: 'string', value: 'X', help: 'The value to show as white.' },
    trust: TRUST_OPTION,
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} demo out.png`, 'the latest frame of the pool "demo"'],
    [`${NAME} camera out.png --field depth --max 4000`, 'one tensor of several, far away is white'],
    [`${NAME} lidar cloud.ply`, 'a point cloud'],
    [`${NAME} camera - > out.png`, 'to the standard output'],
  ],
  async run(values, [name, output, ...more]) {
    if (name === undefined || output === undefined) {
      throw new UsageError(
        `${name === undefined ? 'no pool' : 'no output file'} given: tensor-ipc ${NAME} NAME OUTPUT.png`,
        NAME,
      );
    }
    if (more.length > 0) throw new UsageError(`one pool and one output file, found also ${more.join(' ')}`, NAME);
    const timeoutMs = wholeNumber(NAME, 'timeout', values.timeout, 0, 2 ** 31 - 1);
    const min = finiteNumber(NAME, 'min', values.min);
    const max = finiteNumber(NAME, 'max', values.max);
    if (min !== undefined && max !== undefined && min >= max)
      throw new UsageError(`--min ${min} is not below --max ${max}`, NAME);
    const trust = trustOf(NAME, values.trust);

    const wire = wireFor(NAME, name, values);
    using consumer = TensorConsumer.attach(name, { trust, ...wire });
    const { frame, metadata, last } = await latest(consumer, wire.wire, timeoutMs);
    const { tensor, label: field, meaning } = choose(frame, metadata, values.field);
    const limits = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
    const shown = show(tensor, meaning, limits, `pool ${name}${field}, frame ${frame.sequence}`);
    if (shown === null) {
      const { dtype, shape } = tensor;
      const what = `${dtype} [${shape.join(', ')}]${meaning.encoding === undefined ? '' : ` of ${meaning.encoding}`}`;
      throw new CliError(`pool '${name}'${field}: ${what} is no picture; shapes that can be shown: ${SHOWABLE_SHAPES}`);
    }
    if (shown.bytes.length === 0) throw new CliError(`pool '${name}'${field}: frame ${frame.sequence} is empty`);
    checkEnding(output, shown.endings, shown.what);
    if (output === '-') await printBytes(shown.bytes);
    else writeFile(output, shown.bytes);
    const line = `${output === '-' ? 'standard output' : output}: ${shown.what}${field}, frame ${frame.sequence}${shown.values}${last}`;
    // The picture has the standard output to itself.
    if (output === '-') note(line);
    else print(`${printable(line)}\n`);
    return EXIT_OK;
  },
});

/** Endings of file names that say what is inside. */
const ENDINGS: ReadonlySet<string> = new Set(['png', 'jpg', 'jpeg', 'h264', '264', 'h265', '265', 'hevc', 'ply']);

/** A file whose name promises something else would be taken for damaged. */
function checkEnding(output: string, endings: readonly string[], what: string): void {
  const ending = /\.([A-Za-z0-9]+)$/.exec(output)?.[1]?.toLowerCase() ?? '';
  if (!ENDINGS.has(ending) || endings.includes(ending)) return;
  throw new CliError(`this is ${what}: name the file .${endings[0]}, found ${quoted(output)}`);
}

/** The tensor to show: the one that is asked for, or the first that can be shown. */
function choose(frame: Frame, metadata: PoolMetadata, wanted: string | undefined): Field {
  const fields = fieldsOf(frame, metadata, wanted);
  const first = fields.length === 1 ? fields[0] : fields.find(({ tensor, meaning }) => isShowable(tensor.shape, meaning));
  if (first !== undefined) return first;
  throw new CliError(
    `pool '${metadata.name}' (${metadata}) has no field that is a picture; shapes that can be shown: ${SHOWABLE_SHAPES}`,
  );
}

/** What could not be written whole is no picture: what there is of it goes. */
function writeFile(path: string, bytes: Uint8Array): void {
  try {
    const fd = openSync(path, 'w');
    try {
      writeFileSync(fd, bytes);
    } catch (error) {
      if (fstatSync(fd).isFile()) rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new CliError(`cannot write ${quoted(path)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
