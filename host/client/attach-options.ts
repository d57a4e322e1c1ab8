// How a consumer is made: what a program states of the frames of a pool that it knows by name, or shows by a sample. What it states is checked
// when the consumer joins, and types what it reads.

import {
  CONSUMER_FROM_SAMPLE_OPTIONS,
  CONSUMER_OPTIONS,
  type ConsumerOptions,
  OPEN_OPTIONS,
  type OpenOptions,
} from '../endpoint/options';
import { checkTurnOptions } from '../endpoint/requests';
import { checkOptions, joinNames, type OptionNames, pickOptions } from '../runtime/options';
import type { TurnOptions } from '../runtime/pieces';
import { MetadataCreator, SAMPLE_OPTIONS, type Sample, type SampleOptions } from '../tensor/creator';
import type { Dtype } from '../tensor/dtype';
import { FORM_OPTIONS, type StatedForm } from '../tensor/expectation';
import type { FormOf, FormStated, FrameForm, StatedDtype, StatedFields, StatedFieldsOf } from '../tensor/form';
import type { PoolMetadata } from '../tensor/metadata';
import type { Wanting } from './wanted-pool';

/** The options of `TensorConsumer.attach` and `fromShared`. */
export interface AttachOptions<F extends FrameForm = FrameForm> extends ConsumerOptions<F>, StatedForm {}

/** The same where dtype or fields say what the frames are. */
export interface FormStating<D extends Dtype, S extends StatedFields> extends AttachOptions<FormStated<D, S>> {
  readonly dtype?: D;
  readonly fields?: S;
}

/** The same where the program gives the form as a type, `attach<Uint16Array>(…)`. What is stated beside it must agree with it. */
export interface FormGiven<F extends FrameForm> extends AttachOptions<F> {
  readonly dtype?: StatedDtype<F>;
  readonly fields?: StatedFieldsOf<F>;
}

/** What `TensorConsumer.open` takes beside those. */
export type Progress = Pick<OpenOptions, 'onProgress'>;

/** The options of a sample's consumer: what the sample does not tell of its pool, and those of any consumer. */
export type SampleConsumerOptions<F extends FrameForm> = ConsumerOptions<F> & { readonly historyLen?: number };

const ATTACH_OPTIONS: OptionNames = joinNames(CONSUMER_OPTIONS, FORM_OPTIONS);
const OPEN_NAME_OPTIONS: OptionNames = joinNames(OPEN_OPTIONS, FORM_OPTIONS);

/** The consumer's own options, and what it wants of the pool. Throws INVALID_ARGUMENT. */
export function attachParts(options: AttachOptions): [own: ConsumerOptions, wanting: Wanting] {
  checkOptions(options, ATTACH_OPTIONS);
  return [pickOptions<ConsumerOptions>(options, CONSUMER_OPTIONS), { form: pickOptions<StatedForm>(options, FORM_OPTIONS) }];
}

/** The same of `open`, and how its progress is followed. Throws INVALID_ARGUMENT, and the signal's reason. */
export function openParts(
  pool: string | PoolMetadata,
  options: AttachOptions & Progress,
): [turns: TurnOptions, own: ConsumerOptions, wanting: Wanting] {
  const { onProgress, signal } = checkOptions(options, typeof pool === 'string' ? OPEN_NAME_OPTIONS : OPEN_OPTIONS);
  checkTurnOptions({ signal, onProgress });
  signal?.throwIfAborted();
  return [{ signal, onProgress }, ...attachParts(pickOptions<AttachOptions>(options, ATTACH_OPTIONS))];
}

/** The same of a sample, with the metadata that it makes. */
export function sampleParts<S extends Sample>(
  name: string,
  sample: S,
  options: SampleConsumerOptions<FormOf<S>>,
): [metadata: PoolMetadata, own: ConsumerOptions<FormOf<S>>, wanting: Wanting] {
  checkOptions(options, CONSUMER_FROM_SAMPLE_OPTIONS);
  const metadata = MetadataCreator.fromSample(name, sample, pickOptions<SampleOptions>(options, SAMPLE_OPTIONS));
  const own = pickOptions<ConsumerOptions<FormOf<S>>>(options, CONSUMER_OPTIONS);
  return [metadata, own, { ignoreHistory: options.historyLen === undefined }];
}
