// tensor-ipc snapshot: the latest frame of a pool as a file: a picture, a packet as it is, a point cloud.

import { closeSync, fstatSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { printable, quoted } from '../../entry/inspection';
import {
  type FieldMeaning,
  type Frame,
  inspect,
  type PoolMetadata,
  TensorConsumer,
  type TensorView,
  type Trust,
  type Wire,
} from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, finiteNumber, UsageError, wholeNumber } from '../command';
import { showAge } from '../look/rows';
import { note, print, printBytes } from '../output';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { SHOWABLE_SHAPES } from './image';
import { isShowable, show } from './show';

const NAME = 'snapshot';
const DEFAULT_TIMEOUT_MS = 2000;
const TRUST: readonly Trust[] = ['owner', 'group', 'any'];

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
    timeout: {
      type: 'string',
      value: 'MS',
      help: `Wait so long for a producer and its first frame. Default ${DEFAULT_TIMEOUT_MS}.`,
    },
    field: {
      type: 'string',
      value: 'NAME',
      help: 'The tensor to show, of a frame that has several. Default: the first that can be.',
    },
    min: { type: 'string', value: 'X', help: 'The value to show as black.' },
    max: { type: 'string', value: 'X', help: 'The value to show as white.' },
    trust: { type: 'string', value: 'WHO', help: "Whose pools to accept: 'owner' (default: your own), 'group' or 'any'." },
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
    const trust = TRUST.find((who) => who === (values.trust ?? 'owner'));
    if (trust === undefined) throw new UsageError(`--trust is 'owner', 'group' or 'any', found '${values.trust}'`, NAME);

    const wire = wireFor(NAME, name, values);
    using consumer = TensorConsumer.attach(name, { trust, ...wire });
    const found = await latest(consumer, name, wire.wire, timeoutMs);
    if (found === null) {
      const waitedMs = timeoutMs ?? DEFAULT_TIMEOUT_MS;
      throw new CliError(
        consumer.connected
          ? `pool '${name}' has a producer, but no frame came within ${waitedMs} ms`
          : `pool '${name}' has no producer, and none came within ${waitedMs} ms: start one, or raise --timeout`,
      );
    }
    const { frame, metadata, last } = found;
    const [tensor, field, meaning] = choose(frame, metadata, values.field);
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

interface Found {
  readonly frame: Frame;
  readonly metadata: PoolMetadata;
  /** Of a producer that is gone: that this is its last frame. */
  readonly last: string;
}

/** The latest frame; where the producer is dead its last one, at once unless the user has time to wait for another producer. */
async function latest(consumer: TensorConsumer, name: string, wire: Wire, timeoutMs: number | undefined): Promise<Found | null> {
  const before = wire === 'native' ? inspect(name) : null;
  const gone = before !== null && before.state !== 'live' && before.framesPublished > 0;
  if (!gone || timeoutMs !== undefined) {
    const frame = await consumer.next({ timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS });
    const { metadata } = consumer;
    if (frame !== null && metadata !== null) return { frame, metadata, last: '' };
  }
  const info = wire === 'native' ? inspect(name) : null;
  const frame = info === null ? null : consumer.peek();
  if (info === null || frame === null) return null;
  const how = { closed: 'has closed', dead: 'is dead', live: 'lives' }[info.state];
  return { frame, metadata: info.metadata, last: `; the producer ${how}, and this is ${showAge(frame.ageMs())} old` };
}

/** Endings of file names that say what is inside. */
const ENDINGS: ReadonlySet<string> = new Set(['png', 'jpg', 'jpeg', 'h264', '264', 'h265', '265', 'hevc', 'ply']);

/** A file whose name promises something else would be taken for damaged. */
function checkEnding(output: string, endings: readonly string[], what: string): void {
  const ending = /\.([A-Za-z0-9]+)$/.exec(output)?.[1]?.toLowerCase() ?? '';
  if (!ENDINGS.has(ending) || endings.includes(ending)) return;
  throw new CliError(`this is ${what}: name the file .${endings[0]}, found ${quoted(output)}`);
}

/** The tensor to show, ", field NAME" for the messages if the frame has several, and what is said of it. */
function choose(frame: Frame, metadata: PoolMetadata, wanted: string | undefined): [TensorView, string, FieldMeaning] {
  const { fields } = frame;
  const meaningOf = (name: string): FieldMeaning => metadata.fields.find((field) => field.name === name) ?? {};
  const names = metadata.fields.map((field) => field.name);
  if (fields === undefined) {
    if (wanted !== undefined && wanted !== names[0]) {
      throw new CliError(`pool '${metadata.name}' has no field '${wanted}': its frames are one plain tensor`);
    }
    return [frame, '', meaningOf(names[0] ?? '')];
  }
  if (wanted !== undefined) {
    const tensor = fields[wanted];
    if (tensor === undefined) throw new CliError(`pool '${metadata.name}' has no field '${wanted}', it has ${names.join(', ')}`);
    return [tensor, `, field ${wanted}`, meaningOf(wanted)];
  }
  const first = names.find((field) => isShowable(fields[field]?.shape ?? [], meaningOf(field)));
  const tensor = first === undefined ? undefined : fields[first];
  if (tensor === undefined) {
    throw new CliError(
      `pool '${metadata.name}' (${metadata}) has no field that is a picture; shapes that can be shown: ${SHOWABLE_SHAPES}`,
    );
  }
  return [tensor, `, field ${first}`, meaningOf(first ?? '')];
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
