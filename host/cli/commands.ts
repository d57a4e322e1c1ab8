// Every command of the program, in the order of the help.

import type { Command } from './command';
import { demoCommand } from './demo/command';
import { demoConsumerCommand, demoProducerCommand } from './demo/roles';
import { snapshotCommand } from './snapshot/command';

export const commands: readonly Command[] = [demoCommand, snapshotCommand, demoProducerCommand, demoConsumerCommand];
