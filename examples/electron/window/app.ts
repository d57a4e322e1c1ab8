// The window: asks its source for frames, has them drawn, and shows the figures.

import { ageText } from './age';
import { COLOUR_MAPS, type ColourMap } from './colour';
import { Meters } from './meters';
import { type Drawn, Painter } from './painter';
import { PoolList } from './pool-list';
import { isPicture } from './render';
import type { FieldForm, FrameSource, FrameUpdate, PoolForm, PoolStream, StateUpdate, StreamState } from './source';
import { drawSparkline } from './sparkline';

const LIST_EVERY_MS = 1000;
const FIGURES_EVERY_MS = 200;
const RETRY_MS = 1000;

const SAID: Readonly<Record<StreamState, [label: string, headline: string, hint: string]>> = {
  waiting: ['waiting', 'Waiting for a producer', 'The picture comes as soon as somebody publishes to this pool.'],
  live: ['live', '', ''],
  closed: ['closed', 'The producer has closed the pool', 'Waiting for the next one.'],
  died: ['dead', 'The producer has died', 'It has published no frame. Waiting for another producer to take over.'],
  unusable: ['unusable', 'This pool cannot be read', ''],
  lost: ['lost', 'No connection to the reader of pools', 'Trying again.'],
};

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/** Starts the window on a source of frames; without a pool the first live one is shown. */
export function startApp(source: FrameSource, pool: string | null): void {
  new App(source).start(pool);
}

class App {
  readonly #source: FrameSource;
  readonly #painter = new Painter(element('picture', HTMLCanvasElement));
  readonly #list = new PoolList(element('pools', HTMLElement), (pool) => this.#open(pool));
  readonly #fields = element('field', HTMLSelectElement);
  readonly #maps = element('map', HTMLSelectElement);
  readonly #pause = element('pause', HTMLButtonElement);
  #meters = new Meters();
  #stream: PoolStream | null = null;
  #pool: string | null = null;
  #form: PoolForm | null = null;
  #resume: (() => void) | null = null;
  /** When the frame that a dead pool shows was published, CLOCK_MONOTONIC. */
  #lastFrameMs: number | null = null;

  constructor(source: FrameSource) {
    this.#source = source;
    for (const map of COLOUR_MAPS) this.#maps.add(new Option(map));
    this.#pause.addEventListener('click', () => this.#togglePause());
    addEventListener('keydown', (event) => {
      if (event.key !== ' ' || event.target instanceof HTMLButtonElement || event.target instanceof HTMLSelectElement) return;
      event.preventDefault();
      this.#togglePause();
    });
    setInterval(() => this.#showFigures(), FIGURES_EVERY_MS);
  }

  start(pool: string | null): void {
    if (pool !== null) this.#open(pool);
    void this.#refreshList();
  }

  async #refreshList(): Promise<void> {
    for (;;) {
      try {
        const rows = await this.#source.pools();
        this.#list.show(rows, this.#nowMs());
        if (this.#pool === null) {
          const first = rows.find((row) => row.state === 'live');
          if (first !== undefined) this.#open(first.name);
        }
      } catch (error) {
        // The picture's own loop shows the loss; the list keeps what it had.
        console.warn('pools could not be listed:', error);
      }
      await sleep(LIST_EVERY_MS);
    }
  }

  #open(pool: string): void {
    this.#stream?.close();
    this.#pool = pool;
    this.#form = null;
    this.#lastFrameMs = null;
    this.#meters = new Meters();
    this.#list.mark(pool);
    document.title = `${pool} · tensor-ipc`;
    text('name', pool);
    for (const id of ['form', 'sequence', 'range']) text(id, '');
    this.#fields.replaceChildren();
    // Neither the last pool's picture nor its state is this one's.
    delete document.body.dataset['picture'];
    this.#painter.clear();
    this.#showState({ kind: 'state', state: 'waiting', form: null, message: null, publishedMs: null });
    const stream = this.#source.open(pool);
    this.#stream = stream;
    void this.#run(stream);
  }

  /** One frame after the other: the next is asked for while this one is drawn, and waits in our hands at most that long. */
  async #run(stream: PoolStream): Promise<void> {
    let drawing: Promise<void> = Promise.resolve();
    const current = () => this.#stream === stream;
    while (current()) {
      try {
        const update = await stream.next();
        await drawing;
        const paused = this.#resume !== null && update.kind === 'frame';
        // Held back while the window was paused, the frame is old by now.
        if (paused || !current()) {
          if (update.kind === 'frame') update.release();
          if (!current()) return;
          await this.#untilResumed();
          continue;
        }
        if (update.kind === 'state') this.#showState(update);
        else drawing = this.#draw(update, stream);
      } catch (error) {
        if (!current()) return;
        this.#showState({ kind: 'state', state: 'lost', form: this.#form, message: String(error), publishedMs: null });
        await sleep(RETRY_MS);
      }
    }
  }

  #untilResumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  async #draw(frame: FrameUpdate, stream: PoolStream): Promise<void> {
    const field = this.#field(frame);
    if (field === null) {
      frame.release();
      return;
    }
    const map = COLOUR_MAPS.find((name) => name === this.#maps.value) ?? ('turbo' satisfies ColourMap);
    const meters = this.#meters;
    const drawn = await this.#painter.draw(frame, field, map, `${this.#pool}/${field.name}`);
    // Another pool was chosen in between.
    if (this.#stream !== stream) return;
    const offsetMs = this.#source.clockOffsetMs();
    // The last frame of a dead pool has no latency, and nothing is missed before it.
    if (document.body.dataset['state'] !== 'died') {
      meters.add(frame.sequence, frame.timestampMs, drawn.atMs + (offsetMs ?? Number.NaN));
    }
    this.#showFrame(frame, field, drawn);
  }

  /** The field that is shown, as it lies in this frame. */
  #field({ places }: FrameUpdate): FieldForm | null {
    const fields = this.#form?.fields ?? [];
    const index = Math.max(
      0,
      fields.findIndex((field) => field.name === this.#fields.value),
    );
    const field = fields[index];
    return field === undefined ? null : { ...field, ...places?.[index] };
  }

  #showState({ state, form, message, publishedMs }: StateUpdate): void {
    const [label, headline, hint] = SAID[state];
    const { dataset } = document.body;
    if (dataset['state'] !== state && state !== 'live') this.#meters.restart();
    dataset['state'] = state;
    text('state', label);
    text('headline', headline);
    this.#lastFrameMs = publishedMs;
    if (publishedMs === null) text('hint', message ?? hint);
    else this.#showAge();
    if (form !== null && form.text !== this.#form?.text) this.#showForm(form);
  }

  #showAge(): void {
    if (this.#lastFrameMs === null) return;
    const nowMs = this.#nowMs();
    const age = nowMs === null ? '' : `, published ${ageText(nowMs - this.#lastFrameMs)} ago`;
    text('hint', `This is its last frame${age}. Waiting for another producer to take over.`);
  }

  /** CLOCK_MONOTONIC; null if unknown yet. */
  #nowMs(): number | null {
    const offsetMs = this.#source.clockOffsetMs();
    return offsetMs === null ? null : performance.timeOrigin + performance.now() + offsetMs;
  }

  #showForm(form: PoolForm): void {
    this.#form = form;
    const first = form.fields.find(isPicture) ?? form.fields[0];
    this.#fields.replaceChildren(...form.fields.map(({ name }) => new Option(name, name, false, name === first?.name)));
    this.#fields.hidden = form.fields.length < 2;
    text('form', form.text);
  }

  #showFrame({ sequence }: FrameUpdate, field: FieldForm, { width, height, range, picture, said }: Drawn): void {
    const { dataset } = document.body;
    dataset['picture'] = said !== null ? 'text' : picture ? 'pixels' : 'bars';
    dataset['drawn'] = String(Number(dataset['drawn'] ?? 0) + 1);
    text('sequence', String(sequence));
    this.#maps.hidden = range === null || field.dtype === 'bool';
    const ends = range === null ? '' : ` · ${brief(range.min)} to ${brief(range.max)}`;
    const unit = range === null || field.unit === null ? '' : ` ${field.unit}`;
    const what = field.encoding ?? field.dtype;
    text('range', said ?? `${picture ? `${width} × ${height}` : `${field.shape.join(' × ')} values`} ${what}${ends}${unit}`);
  }

  #showFigures(): void {
    this.#showAge();
    const { rate, shownRate, medianMs, p95Ms } = this.#meters.figures();
    const { missed, shown, latencies } = this.#meters;
    text('rate', figure(rate, 1));
    text('shown-rate', figure(shownRate, 1));
    text('latency', figure(medianMs, 1));
    text('latency-p95', figure(p95Ms, 1));
    text('missed', missed.toLocaleString('en'));
    text('missed-share', shown === 0 ? '' : `${((100 * missed) / (missed + shown)).toFixed(1)} % of frames`);
    text('bandwidth', rate === null ? '–' : ((rate * (this.#form?.frameBytes ?? 0)) / 1e6).toFixed(1));
    const top = drawSparkline(element('spark', HTMLCanvasElement), latencies);
    text('spark-top', latencies.length < 2 ? '' : `${brief(top)} ms`);
  }

  #togglePause(): void {
    const { dataset } = document.body;
    if (this.#resume === null) {
      this.#resume = () => undefined;
    } else {
      this.#resume();
      this.#resume = null;
      this.#meters.restart();
    }
    dataset['paused'] = String(this.#resume !== null);
    this.#pause.textContent = this.#resume === null ? 'Pause' : 'Resume';
  }
}

function text(id: string, value: string): void {
  const found = element(id, HTMLElement);
  if (found.textContent !== value) found.textContent = value;
}

function figure(value: number | null, digits: number): string {
  return value === null || !Number.isFinite(value) ? '–' : value.toFixed(value >= 1000 ? 0 : digits);
}

function brief(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
