// The program `tensor-ipc`, as a program that tests can start.

import '../../host/cli/main';
