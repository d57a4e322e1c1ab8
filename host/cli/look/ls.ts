// tensor-ipc ls: every pool of this machine.

import { ddsLibrary, listPythonPools } from '../../entry/inspection';
import { list } from '../../entry/main';
import { defineCommand, EXIT_OK, UsageError, wholeNumber } from '../command';
import { isPlainName } from '../format';
import { note, print, toJson } from '../output';
import { type Style, styleOf } from '../terminal';
import { hear } from '../wire/listen';
import { DOMAIN_OPTION, domainOf } from '../wire/options';
import { type PythonRow, pythonJson } from '../wire/show';
import { announcedElsewhere, announcedJson, announcedLines } from './announced';
import { entryJson } from './json';
import { LS_TABLE, poolLines, poolTable } from './pool-table';
import { DEFAULT_INTERVAL_MS, lookTwice, pythonRows } from './rows';

const NAME = 'ls';

export const lsCommand = defineCommand({
  name: NAME,
  summary: 'List the pools: shape, rate, consumers, and whether they live.',
  usage: '',
  details:
    'STATE is live, closed (its producer said so), dead (its producer is gone), building, damaged, foreign (not a pool of\n' +
    'this version) or denied. LAG is that of the slowest consumer, in frames. Nothing is written to any pool.\n' +
    'Of pools of the Python package only the object and who has it mapped can be seen; the rest is heard with --dds, and so\n' +
    'are native pools of other machines whose producers announce them (discovery: dds). That takes 2.5 seconds.',
  options: {
    json: { type: 'boolean', help: 'Print JSON.' },
    interval: { type: 'string', value: 'MS', help: `Measure rates over so long. Default ${DEFAULT_INTERVAL_MS}.` },
    dds: { type: 'boolean', help: 'Listen over DDS for what Python pools hold, and for the pools of other machines.' },
    domain: { ...DOMAIN_OPTION, help: 'The same on this DDS domain, where Cyclone DDS is installed.' },
    names: { type: 'boolean', help: 'Print names only, without waiting for rates.' },
  },
  examples: [
    [NAME, 'what is there'],
    [`${NAME} --dds`, 'with what Python pools hold, and other machines announce'],
    [`${NAME} --json`, 'for programs'],
  ],
  async run(values, positionals) {
    if (positionals.length > 0)
      throw new UsageError(`${NAME} takes no name; did you mean "tensor-ipc info ${positionals[0]}"?`, NAME);
    const intervalMs = wholeNumber(NAME, 'interval', values.interval, 1, 600_000) ?? DEFAULT_INTERVAL_MS;
    const domainId = domainOf(NAME, values);
    if (values.names) {
      // Names that the commands take, and no others: shells complete with them.
      const names = [...list(), ...listPythonPools()].map(({ name }) => name).filter(isPlainName);
      print(
        [...new Set(names)]
          .sort()
          .map((name) => `${name}\n`)
          .join(''),
      );
      return EXIT_OK;
    }
    const rows = await lookTwice(intervalMs);
    const [python, announced] = await Promise.all([
      listenTo(pythonRows(), domainId, values.dds === true),
      values.dds ? announcedElsewhere(domainId ?? 0) : [],
    ]);
    if (values.json) {
      const all = [...rows.map(entryJson), ...python.map(pythonJson), ...announced.map(announcedJson)];
      print(`${toJson(all)}\n`);
      return EXIT_OK;
    }
    const style = styleOf(process.stdout);
    const tables = [
      ...(rows.length + python.length > 0 ? [poolTable(poolLines(rows, python), LS_TABLE, style)] : []),
      ...(announced.length > 0 ? [boldHead(announcedLines(announced), style)] : []),
    ];
    if (tables.length > 0) print(`${tables.map((lines) => lines.join('\n')).join('\n\n')}\n`);
    else note('no pools');
    return EXIT_OK;
  },
});

function boldHead([head = '', ...lines]: readonly string[], { bold }: Style): string[] {
  return [bold(head), ...lines];
}

/** With --dds or --domain: what the pools say of themselves. Without DDS that is an error only where it was asked for by name. */
async function listenTo(rows: PythonRow[], domainId: number | undefined, dds: boolean): Promise<PythonRow[]> {
  if (domainId === undefined && !dds) return rows;
  // With no pool there is nobody to listen to; but who asked for DDS is told where there is none.
  if (dds) ddsLibrary();
  // What the package allows and this library does not cannot be a topic of ours.
  const there = rows.filter(({ info }) => info.objectBytes !== null && isPlainName(info.name));
  const news = await hear(
    there.map(({ info }) => info.name),
    domainId ?? 0,
    dds,
  );
  return rows.map((row) => ({ ...row, news: news.get(row.info.name) ?? null }));
}
