// All benchmarks, in the order of the table, and all roles that their processes play.

import type { Benchmark } from '../harness/contract';
import type { Commands, Role } from '../harness/processes';
import { attach, dyingRole } from './attach';
import { blockingEchoRole, spin, wakeSync } from './blocking';
import { cold } from './cold';
import { death, victimRole } from './death';
import { fanOut, fanOutRole } from './fan-out';
import { get } from './get';
import { idleCpu, idlerRole } from './idle-cpu';
import { borrowRelease, loanCommit } from './lend';
import { pacedLatency, sleeperRole } from './paced-latency';
import { peerReceiverRole, peerSenderRole } from './peer-roles';
import { peers } from './peers';
import { put } from './put';
import { idleConsumersRole, putIdleConsumers } from './put-idle-consumers';
import { playerRole, waiterRole } from './runtime-roles';
import { runtimes } from './runtimes';
import { spinnerRole, spinPaced } from './spin-paced';
import { receiverRole, throughput } from './throughput';
import { echoRole, wakeEventLoop } from './wake-event-loop';
import { wire } from './wire';
import { wireConsumerRole, wireProducerRole } from './wire-roles';
import { threadsRole } from './worker-threads';

export const benchmarks: readonly Benchmark[] = [
  put,
  get,
  loanCommit,
  borrowRelease,
  wakeEventLoop,
  wakeSync,
  spin,
  spinPaced,
  pacedLatency,
  cold,
  fanOut,
  death,
  putIdleConsumers,
  throughput,
  attach,
  idleCpu,
  peers,
  runtimes,
  wire,
];

export const roles: readonly Role<never, Commands>[] = [
  blockingEchoRole,
  dyingRole,
  echoRole,
  fanOutRole,
  idleConsumersRole,
  idlerRole,
  peerReceiverRole,
  peerSenderRole,
  playerRole,
  receiverRole,
  sleeperRole,
  spinnerRole,
  threadsRole,
  victimRole,
  waiterRole,
  wireConsumerRole,
  wireProducerRole,
];
