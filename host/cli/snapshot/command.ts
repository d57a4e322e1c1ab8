// tensor-ipc snapshot: the latest frame of a pool as a file or in the terminal: a picture, a packet as it is, a point cloud, an array.

import { closeSync, fstatSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { printable, quoted } from '../../entry/inspection';
import { type Frame, type PoolMetadata, TensorConsumer, type TensorView } from '../../entry/main';
import { CliError, defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { FFMPEG_OPTION } from '../ffmpeg';
import { note, print, printBytes } from '../output';
import { FIELD_OPTION, type Field, fieldsOf } from '../read/field';
import { TRUST_OPTION, trustOf } from '../read/frames';
import { latest, TIMEOUT_OPTION } from '../read/latest';
import { GRAPHICS, graphicsOf, pictureText } from '../show/show';
import { WIRE_OPTIONS, wireFor } from '../wire/options';
import { decoded, encodeJpeg } from './decoded';
import { SHOWABLE_SHAPES } from './image';
import { LIMIT_OPTIONS, limitsOf } from './limits';
import { encodeNpy } from './npy';
import { isShowable, type Shown, show } from './show';

const NAME = 'snapshot';

export const snapshotCommand = defineCommand({
  name: NAME,
  summary: 'Write the latest frame of a pool to a file, or show it in the terminal.',
  usage: 'NAME OUTPUT.png',
  details:
    'The ending of OUTPUT says the format: .png, .jpg (with ffmpeg), .npy for any tensor,\n' +
    '.ply for point clouds. --show draws in the terminal instead, or as well.\n' +
    `Shows ${SHOWABLE_SHAPES}.\n` +
    'uint8 is shown as it is, bool as black and white; all other dtypes are scaled between\n' +
    'the smallest and the largest value of the frame, or --range; NaN is black.\n' +
    'Where the pool states an encoding, that counts: bgr8, nv12, yuyv, bayer_rggb8,\n' +
    'depth16u and the like become a picture, and jpeg, png, h264 and h265 are written as\n' +
    'they are. Of a dead pool it takes the last frame.',
  options: {
    show: { type: 'boolean', help: 'Show the picture in the terminal.' },
    graphics: {
      type: 'string',
      value: 'HOW',
      choices: GRAPHICS,
      help: `How --show draws: ${GRAPHICS.join(', ')}. Default auto: asks the terminal.`,
    },
    field: { ...FIELD_OPTION, help: 'The tensor to show, of a frame that has several. Default: the first that can be.' },
    ...LIMIT_OPTIONS,
    timeout: TIMEOUT_OPTION,
    trust: TRUST_OPTION,
    ffmpeg: FFMPEG_OPTION,
    ...WIRE_OPTIONS,
  },
  examples: [
    [`${NAME} demo out.png`, 'the latest frame of the pool "demo"'],
    [`${NAME} demo --show`, 'in the terminal'],
    [`${NAME} camera out.png --field depth --color-map turbo --range 0,4000`, 'depth in colour'],
    [`${NAME} lidar cloud.ply`, 'a point cloud'],
    [`${NAME} arm state.npy`, 'an array for numpy.load'],
    [`${NAME} camera - > out.png`, 'to the standard output'],
  ],
  async run(values, [name, output = null, ...more]) {
    if (name === undefined || (output === null && values.show !== true)) {
      throw new UsageError(
        `${name === undefined ? 'no pool' : 'no output file'} given: tensor-ipc ${NAME} ${name ?? 'NAME'} OUTPUT.png, or --show`,
        NAME,
      );
    }
    if (more.length > 0) throw new UsageError(`one pool and one output file, found also ${more.join(' ')}`, NAME);
    if (values.show && output === '-')
      throw new UsageError('--show or "-", not both: each has the standard output to itself', NAME);
    if (values.graphics !== undefined && !values.show)
      throw new UsageError('--graphics says how --show draws: say also --show', NAME);
    const timeoutMs = wholeNumber(NAME, 'timeout', values.timeout, 0, 2 ** 31 - 1);
    const limits = limitsOf(NAME, values);
    const graphics = graphicsOf(NAME, values.graphics);
    const trust = trustOf(NAME, values.trust);
    const ffmpeg = values.ffmpeg ?? 'ffmpeg';

    const wire = wireFor(NAME, name, values);
    using consumer = TensorConsumer.attach(name, { trust, ...wire });
    const { frame, metadata, last } = await latest(consumer, wire.wire, timeoutMs);
    const array = endingOf(output) === 'npy' && !values.show;
    const { tensor, label: field, meaning } = choose(frame, metadata, values.field, array);
    const { dtype, shape } = tensor;
    const what = `${dtype} [${shape.join(', ')}]`;
    const shown = array
      ? { bytes: encodeNpy(tensor), endings: ['npy'], what, values: '', image: null }
      : show(tensor, meaning, limits, `pool ${name}${field}, frame ${frame.sequence}`);
    if (shown === null) {
      const said = meaning.encoding === undefined ? '' : ` of ${meaning.encoding}`;
      throw new CliError(
        `pool '${name}'${field}: ${what}${said} is no picture; shapes that can be shown: ${SHOWABLE_SHAPES}; ` +
          'name the file .npy for any other',
      );
    }
    if (shown.bytes.length === 0) throw new CliError(`pool '${name}'${field}: frame ${frame.sequence} is empty`);
    if (output !== null) await writeShown(output, shown, tensor, ffmpeg);
    if (values.show) {
      const image = shown.image ?? (await decoded(ffmpeg, meaning.encoding, shown.bytes));
      if (image === null) throw new CliError(`pool '${name}'${field}: ${shown.what} cannot be shown; write it to a file`);
      await printBytes(Buffer.from(await pictureText(image, graphics)));
    }
    const where = output === '-' ? 'standard output' : (output ?? name);
    const line = `${where}: ${shown.what}${field}, frame ${frame.sequence}${shown.values}${last}`;
    // The picture has the standard output to itself.
    if (output === '-') note(line);
    else print(`${printable(line)}\n`);
    return EXIT_OK;
  },
});

/** "png" of "out.PNG", or nothing. */
function endingOf(output: string | null): string {
  return /\.([A-Za-z0-9]+)$/.exec(output ?? '')?.[1]?.toLowerCase() ?? '';
}

async function writeShown(output: string, shown: Shown, tensor: TensorView, ffmpeg: string): Promise<void> {
  const ending = endingOf(output);
  checkEnding(output, shown.endings, shown.what);
  const jpeg = shown.image !== null && (ending === 'jpg' || ending === 'jpeg');
  const bytes = jpeg ? await encodeJpeg(ffmpeg, shown.image) : ending === 'npy' ? encodeNpy(tensor) : shown.bytes;
  if (output === '-') await printBytes(bytes);
  else writeFile(output, bytes);
}

/** A file whose name promises something else would be taken for damaged. */
function checkEnding(output: string, endings: readonly string[], what: string): void {
  const ending = endingOf(output);
  if (ending === '' || endings.includes(ending)) return;
  throw new CliError(`this is ${what}: name the file .${endings[0]}, found ${quoted(output)}`);
}

/** The tensor to show: the one that is asked for, or the first that can be shown. */
function choose(frame: Frame, metadata: PoolMetadata, wanted: string | undefined, any: boolean): Field {
  const fields = fieldsOf(frame, metadata, wanted);
  const first = any || fields.length === 1 ? fields[0] : fields.find(({ tensor, meaning }) => isShowable(tensor.shape, meaning));
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
