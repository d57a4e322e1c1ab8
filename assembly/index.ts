// The exports of the core. Everything works on the mapped pages, answers by status code, and keeps no state of its own.

export { consumerArm, consumerDisarm, consumerReap, consumerRegister, consumerUnregister, consumerWakeCount } from './consumers';
export { controlBind, controlCreate, controlLayout, controlPublish, controlValidate } from './control';
export { reliableAdvance, reliableJoin, reliableNext, reliablePin, reliableSkip, reliableTimes } from './reliable-cursor';
export { chooseGeometry } from './history';
export {
  readerCopyBegin,
  readerCopyEnd,
  readerHold,
  readerIntact,
  readerLatest,
  readerNewest,
  readerPin,
  readerRest,
  readerSpin,
  readerUnhold,
  readerUnpin,
  readerUnpinTo,
} from './reader';
export {
  writerBegin,
  writerBlocker,
  writerClose,
  writerCommit,
  writerCountOverrun,
  writerCountRefused,
  writerCountWait,
  writerOpen,
  writerOverruns,
  writerSequence,
  writerSetWaiting,
  writerTakeArmed,
} from './writer';
export { xxh64 } from './xxh64';
