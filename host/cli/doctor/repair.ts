// tensor-ipc doctor --repair NAME: the locks of a Python pool, watched and set free where nobody can give them back.

import { pids, type RepairReport, repairPythonPool, type SlotVerdict } from '../../entry/inspection';
import { EXIT_FAILURE, EXIT_OK } from '../command';
import { missing } from '../look/info';
import { print, toJson } from '../output';
import { styleOf } from '../terminal';
import { lockTable } from '../wire/show';

const OBSERVE_MS = 500;

export async function repairLocks(name: string, force: boolean, json: boolean): Promise<number> {
  const report = await repairPythonPool(name, { force, observeMs: OBSERVE_MS });
  if (report === null) throw missing(name, 'tensor-ipc');
  print(json ? `${toJson(report)}\n` : describe(report));
  return report.left.length === 0 ? EXIT_OK : EXIT_FAILURE;
}

function describe(report: RepairReport): string {
  const { name, slots } = report;
  const { bold } = styleOf(process.stdout);
  if (slots.length === 0) return `${bold(name)}: no locks have been made yet\n`;
  const who = participants(report);
  const verdicts = new Map(slots.map((slot) => [slot.slot, slot.verdict]));
  const table = lockTable(slots, { title: 'FOUND', text: (slot) => verdicts.get(slot) ?? '' });
  return [
    `${bold(name)}: ${who === null ? 'no other process has it mapped' : who}; locks watched for ${OBSERVE_MS} ms`,
    ...table,
    conclusion(report, who),
    '',
  ].join('\n');
}

/** Who takes part, or null. */
function participants({ processes, producerLives }: RepairReport): string | null {
  if (processes.length > 0) return `${pids(processes)} ${processes.length === 1 ? 'has' : 'have'} it mapped`;
  return producerLives ? 'a producer holds it' : null;
}

function conclusion({ slots, repaired, left }: RepairReport, who: string | null): string {
  const stuck = slots.filter(({ verdict }: SlotVerdict) => verdict === 'stuck').length;
  if (stuck === 0) return 'nothing is stuck: nothing done';
  const done = repaired.length === 0 ? [] : [`set free: ${slotList(repaired)}`];
  if (left.length === 0) return done.join('');
  const why =
    repaired.length > 0 || who === null
      ? `stuck still: ${slotList(left)}: somebody takes them again and again`
      : `left as they are: ${slotList(left)}: a process that takes part may hold them. End it, or free them under it with --force`;
  return [...done, why].join('\n');
}

function slotList(slots: readonly number[]): string {
  return `${slots.length === 1 ? 'slot' : 'slots'} ${slots.join(', ')}`;
}
