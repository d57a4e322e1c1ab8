// tensor-ipc bridge: the frames of a pool in the other form, for readers that know only that one.

import { setTimeout } from 'node:timers/promises';
import type { Backend, Trust } from '../../entry/main';
import { HISTORY, withBars } from '../bars';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { LiveLine } from '../live';
import { showRate } from '../look/rows';
import { note } from '../output';
import { TRUST_OPTION } from '../read/frames';
import { BACKEND_OPTION, DOMAIN_OPTION, domainOf, WIRES } from '../wire/options';
import { Bridge } from './bridge';

const NAME = 'bridge';
const DEFAULT_INTERVAL_MS = 1000;
const TRUST: readonly Trust[] = ['owner', 'group', 'any'];
const BACKENDS: readonly Backend[] = ['numpy', 'torch'];

export const bridgeCommand = defineCommand({
  name: NAME,
  summary: 'Republish a native pool for the Python package, or the other way round.',
  usage: 'NAME',
  details:
    'Frames go from the shared pages of one pool to those of the other: one copy. Waits for the producer, outlives its restarts,\n' +
    'and makes the other pool anew when the tensors are others. Frames that are no longer in the ring when their turn comes are\n' +
    'lost, and counted; so are those for which a reader of the other pool kept the slot for a second. Ctrl-C ends it and\n' +
    'removes the pool that it made.',
  options: {
    to: {
      type: 'string',
      value: 'WIRE',
      choices: WIRES,
      help: "'tensor-ipc': a native pool for Python readers; 'native': a Python pool for ours.",
    },
    as: { type: 'string', value: 'NEWNAME', help: 'Name of the other pool. Default: the same.' },
    domain: DOMAIN_OPTION,
    history: { type: 'string', value: 'N', help: 'History of the other pool. Default: that of the first.' },
    backend: BACKEND_OPTION,
    interval: { type: 'string', value: 'MS', help: `Time between two figures. Default ${DEFAULT_INTERVAL_MS}.` },
    count: { type: 'string', value: 'N', help: 'End after so many frames.' },
    trust: TRUST_OPTION,
  },
  examples: [
    [`${NAME} camera --to tensor-ipc`, 'the native pool "camera", for Python'],
    [`${NAME} policy --to native --as policy.py --domain 7`, 'a Python pool of DDS domain 7, under another name'],
  ],
  async run(values, [name, ...more]) {
    if (name === undefined) throw new UsageError(`no pool given: tensor-ipc ${NAME} NAME --to native|tensor-ipc`, NAME);
    if (more.length > 0) throw new UsageError(`one pool, found also ${more.join(' ')}`, NAME);
    const to = WIRES.find((wire) => wire === values.to);
    if (to === undefined) throw new UsageError(`--to is 'native' or 'tensor-ipc', found '${values.to ?? ''}'`, NAME);
    const backend = BACKENDS.find((candidate) => candidate === (values.backend ?? 'numpy'));
    if (backend === undefined) throw new UsageError(`--backend is 'numpy' or 'torch', found '${values.backend}'`, NAME);
    if (values.backend !== undefined && to === 'native') throw new UsageError('--backend is of pools for Python readers', NAME);
    const trust = TRUST.find((who) => who === (values.trust ?? 'owner'));
    if (trust === undefined) throw new UsageError(`--trust is 'owner', 'group' or 'any', found '${values.trust}'`, NAME);
    const historyLen = wholeNumber(NAME, 'history', values.history, 1, 2 ** 20) ?? null;
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    const count = wholeNumber(NAME, 'count', values.count, 1, 2 ** 53 - 1) ?? Infinity;
    const domainId = domainOf(NAME, values) ?? 0;

    using bridge = new Bridge({ from: name, as: values.as ?? name, to, domainId, historyLen, backend, trust });
    const line = new LiveLine();
    const ended = new AbortController();
    const showing = show(bridge, line, intervalMs, ended.signal);
    try {
      await Promise.race([bridge.run(count), showing]);
    } finally {
      ended.abort();
      line.end();
    }
    const { frames, lost } = bridge;
    note(`${bridge.title}: ${frames} frames, ${lost} lost`);
    return EXIT_OK;
  },
});

/** A line now and then. Ends by its signal only. */
async function show(bridge: Bridge, line: LiveLine, intervalMs: number, signal: AbortSignal): Promise<void> {
  const past: { frames: number; lost: number }[] = [];
  let before = { frames: 0, lost: 0 };
  for (;;) {
    const startedMs = performance.now();
    try {
      await setTimeout(intervalMs, undefined, { signal });
    } catch {
      // Aborted: it is over, whoever ended it says how.
      return;
    }
    const { frames, lost } = bridge;
    past.push({ frames: frames - before.frames, lost: lost - before.lost });
    if (past.length > HISTORY) past.shift();
    before = { frames, lost };
    const rateHz = ((past.at(-1)?.frames ?? 0) * 1000) / (performance.now() - startedMs);
    line.show(
      bridge.connected
        ? withBars(bridge.title, [
            [`rate ${showRate(rateHz)}`, past.map((interval) => interval.frames)],
            [`lost ${lost}`, past.map((interval) => interval.lost)],
          ])
        : `${bridge.title}  waits for a producer`,
    );
  }
}
