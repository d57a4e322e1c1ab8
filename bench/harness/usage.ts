// What a process has used so far, as the kernel counts it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** CPU time that a process has used: to the nanosecond where the kernel keeps schedstat, else to the clock tick. */
export function cpuNs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let ns = 0;
  for (const task of readdirSync(tasks)) {
    const schedstat = join(tasks, task, 'schedstat');
    if (existsSync(schedstat)) {
      ns += Number(readFileSync(schedstat, 'utf8').split(' ')[0]);
    } else {
      // utime and stime are the 12th and 13th after the command's closing parenthesis; the tick is 10 ms on every Linux Node runs on.
      const stat = readFileSync(join(tasks, task, 'stat'), 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ns += (Number(fields[11]) + Number(fields[12])) * 10_000_000;
    }
  }
  return ns;
}

/** How often a process has gone to sleep, in all its threads: what polls wakes up again and again, however short. */
export function sleeps(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let count = 0;
  for (const task of readdirSync(tasks)) {
    const status = readFileSync(join(tasks, task, 'status'), 'utf8');
    count += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return count;
}
