// One life of a consumer in the soak: reads in the ways of its kind and checks every word and the order of all it is given.

import { type ConsumerOptions, type Frame, TensorConsumer, type View } from 'tensor-ipc';
import { Random } from './random';
import { standstill } from './soak-beat';
import { checkFrame, Order, type OrderKind } from './soak-frames';
import { HISTORY, type Life } from './soak-plan';
import { die, log, nowMs, step } from './soak-steps';

type Words = Uint32Array;
type AllOptions = ConsumerOptions<Words> & { readonly delivery?: 'latest' | 'all'; readonly from?: 'now' | 'oldest' };

const MAX_FAULTS = 5;

const turn = () => new Promise((resolve) => setImmediate(resolve));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

class Checker {
  frames = 0;
  #faults = 0;
  readonly #forms: readonly number[] | null;

  /** @param forms Where frames differ in length, the most words that each object of the pool has room for; else null. */
  constructor(forms: readonly number[] | null) {
    this.#forms = forms;
  }

  fault(text: string): void {
    this.#faults += 1;
    if (this.#faults <= MAX_FAULTS) log({ kind: 'fault', text });
  }

  /** A frame, or a window whose latest frame comes first. */
  check(order: Order, frame: Frame<Words> | View<Words> | null): void {
    if (frame === null) return;
    step('frame taken');
    const { data, shape, sequence, offset, strides, lengths } = frame;
    const count = shape.length === 1 ? 1 : (shape[0] as number);
    // A window says how much room there is; a frame alone may be of an object that is gone.
    const mosts = this.#forms && (lengths === undefined ? this.#forms : [shape.at(-1) as number]);
    let newer = null;
    for (let i = 0; i < count; i++) {
      const words = lengths?.[i] ?? (shape.at(-1) as number);
      const stamp = checkFrame(data, offset + (count === 1 ? 0 : i * (strides[0] as number)), words, sequence - i, mosts);
      this.frames += 1;
      if (typeof stamp === 'string') {
        this.fault(`${order.reader}: ${stamp} (frame ${i} of a window of ${count})`);
        return;
      }
      if (stamp === null) continue;
      if (newer !== null && (stamp.pool !== newer.pool || stamp.life > newer.life))
        this.fault(`${order.reader}: window of ${count} ending with ${sequence} mixes objects or lives`);
      newer = stamp;
      if (i > 0) continue;
      const wrong = order.see(stamp);
      if (wrong !== null) this.fault(wrong);
    }
  }

  /** A view that is not valid any more may hold anything. Only an overwriting producer may do that to a view. */
  checkView(order: Order, view: View<Words> | null, mayBeOverwritten: boolean): void {
    if (view === null) return;
    if (mayBeOverwritten) {
      // Copied first: the bytes may change between being checked and being doubted.
      const { data, shape, strides, offset, sequence, lengths } = view;
      const copy = { data: data.slice(), shape, strides, offset, sequence, lengths };
      if (view.valid) this.check(order, copy as Frame<Words>);
      return;
    }
    this.check(order, view);
    if (!view.valid) this.fault(`${order.reader}: view of frame ${view.sequence} was overwritten`);
  }
}

export async function consume(life: Life, stopped: () => boolean): Promise<void> {
  const { kind, pool, policy, lifeMs, seed } = life;
  const random = new Random(seed);
  const checker = new Checker(life.varying ? life.forms : null);
  const overwritten = policy === 'overwrite';
  const lossless = kind?.startsWith('all') === true;
  const leave = (last: { pool: number; sequence: number }) => log({ kind: 'left', pool: last.pool, sequence: last.sequence });
  const orders: Order[] = [];
  const order = (label: string, orderKind: OrderKind) => {
    const made = new Order(`${kind} ${label}`, orderKind, leave);
    orders.push(made);
    return made;
  };
  const end = performance.now() + lifeMs;
  const over = () => stopped() || performance.now() > end;

  const events = order('event', lossless ? 'lossless' : 'rises');
  const options: AllOptions = {
    ...(lossless ? { delivery: 'all', from: random.pick(['now', 'oldest'] as const) } : {}),
    ...(kind === 'all-events' ? { onNewData: (frame: Frame<Words>) => checker.check(events, frame) } : {}),
  };
  const consumer = TensorConsumer.attach<Words>(pool, options);
  consumer.on('connect', () => log({ kind: 'connect', at: nowMs() }));
  const stood = standstill();
  consumer.on('disconnect', (reason) => log({ kind: 'disconnect', reason, at: nowMs(), stillMs: stood() }));
  consumer.on('error', (error) => checker.fault(`error event: ${error instanceof Error ? error.message : String(error)}`));
  if (consumer.connected) log({ kind: 'connect', at: nowMs() });

  const nextOrder = order('next', lossless ? 'lossless' : 'repeats');

  async function mixed(): Promise<void> {
    // get, borrow and next share the consumer's place; what one gave out the other does not give again only for next.
    const draw = random.next();
    if (draw < 0.25) checker.check(nextOrder, consumer.get());
    else if (draw < 0.45) checker.check(nextOrder, consumer.get({ historyLen: random.integer(2, HISTORY) }));
    else if (draw < 0.85) {
      const historyLen = random.integer(1, HISTORY);
      using view = consumer.borrow(historyLen === 1 ? {} : { historyLen });
      step('view held');
      if (view !== null && random.next() < 0.1) await pause(random.integer(0, 6));
      checker.checkView(nextOrder, view, overwritten);
    } else checker.check(nextOrder, await consumer.next({ timeoutMs: 20 }));
  }

  function sleep(): void {
    if (random.next() < 0.7) consumer.waitSync(15);
    else consumer.spin(2000);
    checker.check(nextOrder, consumer.get());
  }

  async function loop(borrow: boolean): Promise<void> {
    const mine = order(borrow ? 'for await borrow' : 'for await', lossless ? 'lossless' : 'rises');
    if (borrow) {
      for await (using view of consumer.frames({ borrow: true })) {
        step('view held');
        checker.checkView(mine, view, overwritten);
        if (random.next() < 0.02) await pause(random.integer(0, 5));
      }
    } else {
      for await (const frame of consumer) {
        checker.check(mine, frame);
        if (random.next() < 0.01) await pause(random.integer(0, 5));
      }
    }
  }

  const loops: Promise<void>[] = [];
  if (kind === 'loop' || kind === 'all-loop') loops.push(loop(false));
  if (kind === 'loop' || kind === 'all-borrow') loops.push(loop(true));
  let told = 0;
  let beat = performance.now();
  while (!over()) {
    if (kind === 'mixed') {
      for (let left = random.integer(1, 20); left > 0 && !over(); left--) await mixed();
      if (random.next() < 0.5) await pause(random.integer(0, 4));
    } else if (kind === 'sleeper') sleep();
    else if (kind === 'all-next') checker.check(nextOrder, await consumer.next({ timeoutMs: 50 }));
    else await pause(20);
    if (kind !== 'all-next' || checker.frames % 64 === 0) await turn();
    if (performance.now() - beat > 200) {
      beat = performance.now();
      log({ kind: 'checked', frames: checker.frames - told });
      told = checker.frames;
    }
  }
  if (!life.closes && !stopped()) {
    log({ kind: 'checked', frames: checker.frames - told });
    die('when its time was over');
  }
  consumer.cleanup();
  await Promise.all(loops);
  log({ kind: 'checked', frames: checker.frames - told });
  for (const { kind: orderKind, last } of orders) {
    if (orderKind === 'lossless' && last !== null) log({ kind: 'end', pool: last.pool, sequence: last.sequence });
  }
}
