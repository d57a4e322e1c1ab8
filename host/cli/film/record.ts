// The frames of a pool as a film.

import { type PoolMetadata, TensorConsumer } from '../../entry/main';
import { CliError } from '../command';
import { threeDigits } from '../format';
import { note } from '../output';
import { type Field, fieldsOf } from '../read/field';
import { type Arrival, framesOf } from '../read/frames';
import { Interrupt } from '../read/interrupt';
import type { Limits } from '../snapshot/image';
import { isShowable } from '../snapshot/show';
import { type FilmForm, filmForm } from './form';
import { type Rate, rateOf } from './rate';
import { type FilmSink, openSink, type SinkOptions } from './sink';

export interface RecordOptions extends Omit<SinkOptions, 'fps'> {
  readonly fps: number | undefined;
  readonly field: string | undefined;
  readonly count: number;
  readonly timeoutMs: number | undefined;
  readonly limits: Limits;
}

type ConsumerOptions = NonNullable<ConstructorParameters<typeof TensorConsumer>[1]>;

/** Writes frames until the producer closes its pool, Ctrl-C, or there are enough. The film is complete then. */
export async function record(name: string, consumerOptions: ConsumerOptions, options: RecordOptions): Promise<void> {
  using interrupt = new Interrupt();
  const rate = await rateOf(name, options.fps, consumerOptions.wire !== 'tensor-ipc');
  using consumer = TensorConsumer.attach(name, consumerOptions);
  const film = new Film(rate, options);
  let failed = true;
  try {
    for await (const arrival of framesOf(consumer, { timeoutMs: options.timeoutMs, signal: interrupt.signal })) {
      if (!(await film.take(arrival)) || film.frames >= options.count) break;
    }
    failed = false;
  } finally {
    // Whatever ended it: what was recorded can be played.
    await film.finish();
    if (failed && film.frames > 0) note(film.summary);
  }
  if (film.frames === 0) throw new CliError(`pool '${name}': no frame came, nothing was written`);
  note(film.summary);
}

class Film {
  readonly #rate: Rate;
  readonly #options: RecordOptions;
  #opened: { form: FilmForm; shape: string; sink: FilmSink } | null = null;
  #missed = 0;
  frames = 0;

  constructor(rate: Rate, options: RecordOptions) {
    this.#rate = rate;
    this.#options = options;
  }

  /** False when nobody reads the film any more. */
  async take({ frame, metadata }: Arrival): Promise<boolean> {
    const field = fieldOf(fieldsOf(frame, metadata, this.#options.field), metadata);
    const shape = field.tensor.shape.join('×');
    const { form, sink } = this.#opened ?? (await this.#open(field, metadata, shape));
    if (form.packets === null && shape !== this.#opened?.shape) {
      throw new CliError(
        `pool '${metadata.name}': frame ${frame.sequence} is ${shape}, those before it are ${this.#opened?.shape}`,
      );
    }
    const bytes = form.bytes(field.tensor);
    // A frame that was missed is replaced by the next one, for a second at most, so that the film keeps its time.
    const missed = this.frames === 0 ? 0 : frame.missed;
    this.#missed += missed;
    const copies = form.packets === null ? 1 + Math.min(missed, Math.ceil(this.#rate.fps)) : 1;
    for (let i = 0; i < copies; i++) if (!(await sink.write(bytes))) return false;
    this.frames += 1;
    return true;
  }

  async #open({ tensor, meaning, label }: Field, { name }: PoolMetadata, shape: string) {
    const form = filmForm(tensor, meaning, this.#options.limits, `pool '${name}'${label}`);
    const sink = await openSink(form, { ...this.#options, fps: this.#rate.fps });
    this.#opened = { form, shape, sink };
    return this.#opened;
  }

  async finish(): Promise<void> {
    await this.#opened?.sink.finish();
  }

  get summary(): string {
    const { form } = this.#opened ?? { form: null };
    const size = form === null || form.packets !== null ? '' : ` of ${form.width}×${form.height}`;
    const missed = this.#missed === 0 ? '' : `, missed ${this.#missed}`;
    const { fps, from } = this.#rate;
    const where = this.#options.output === '-' ? 'standard output' : this.#options.output;
    return `${where}: ${this.frames} frames${size}${missed}, ${threeDigits(fps)} a second (${from})`;
  }
}

/** The tensor to film: the only one, or the first that is a picture. */
function fieldOf(fields: readonly Field[], metadata: PoolMetadata): Field {
  const field = fields.length === 1 ? fields[0] : fields.find(({ tensor, meaning }) => isShowable(tensor.shape, meaning));
  if (field === undefined) throw new CliError(`pool '${metadata.name}' (${metadata}) has no field that is a picture`);
  return field;
}
