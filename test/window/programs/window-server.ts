// The example's loopback server, as a process of its own.

import '../../../examples/electron/serve';
