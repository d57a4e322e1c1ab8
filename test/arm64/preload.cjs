// First thing in every emulated Node. /proc/self/exe names the arm64 binary, which this machine cannot start by itself: child
// processes go through the wrapper instead, and so are emulated as well.

const { join } = require('node:path');

// koffi's package reads process.execPath, an ELF file until now, to tell glibc from musl: so it is loaded before the change.
require(join(__dirname, 'node_modules', '@koromix', 'koffi-linux-arm64'));

process.execPath = join(__dirname, 'node.sh');
process.argv[0] = process.execPath;
