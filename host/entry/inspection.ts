// What the command line needs and programs do not: an entry inside the package, which promises nothing to anybody else.

import './main';

export { LAYOUT_VERSION } from '../../assembly/layout';
export { ddsLibrary } from '../dds/library';
export { type Removal, removeDead, removePool } from '../native/inspect-remove';
export { objectName } from '../native/trust';
export { printable, quoted } from '../runtime/printable';
export { platform } from '../runtime/system';
export { DTYPE_NAMES } from '../tensor/dtype';
export { isEncoding } from '../tensor/encodings';
export { checkName, showFieldShape } from '../tensor/metadata';
export { wireObject } from '../wire/form';
export { inspectPythonPool, listPythonPools, type PythonPoolInfo } from '../wire/inspect';
export { listenToPythonPools, type PythonPoolNews } from '../wire/inspect-listen';
export { isFree, type PythonSlotInfo } from '../wire/inspect-locks';
export { type PythonRemoval, pids, removeDeadPython, removePythonPool } from '../wire/inspect-remove';
export { type RepairReport, repairPythonPool, type SlotVerdict } from '../wire/repair';
