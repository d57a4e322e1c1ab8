// tensor-ipc/dds. The main entry installs the platform; with both there is one of everything.

import './main';

export * from '../dds/index';
