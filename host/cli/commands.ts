// Every command of the program, in the order of the help.

import { benchCommand } from './bench/command';
import { bridgeCommand } from './bridge/command';
import { gcCommand } from './clean/gc';
import { rmCommand } from './clean/rm';
import type { Command } from './command';
import { completionCommand } from './completion/command';
import { demoCommand } from './demo/command';
import { demoConsumerCommand, demoProducerCommand } from './demo/roles';
import { doctorCommand } from './doctor/command';
import { echoCommand } from './echo/command';
import { bwCommand, hzCommand } from './look/hz';
import { infoCommand } from './look/info';
import { lsCommand } from './look/ls';
import { topCommand } from './look/top';
import { watchCommand } from './look/watch';
import { pubCommand } from './pipe/pub';
import { subCommand } from './pipe/sub';
import { snapshotCommand } from './snapshot/command';

export const commands: readonly Command[] = [
  demoCommand,
  lsCommand,
  infoCommand,
  topCommand,
  watchCommand,
  echoCommand,
  hzCommand,
  bwCommand,
  snapshotCommand,
  pubCommand,
  subCommand,
  bridgeCommand,
  gcCommand,
  rmCommand,
  doctorCommand,
  benchCommand,
  completionCommand(() => commands),
  demoProducerCommand,
  demoConsumerCommand,
];
