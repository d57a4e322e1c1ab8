#!/bin/sh
# Node for arm64 under qemu-user, in place of a node binary: the program it runs, and the ones that program starts through
# process.execPath, are emulated. ARM64_PAGE_BYTES is the page size the program sees, ARM64_CPU one of "qemu-aarch64 -cpu help".
here=$(cd "$(dirname "$0")" && pwd)
# koffi asks for the binary package of its architecture by name: this is where it finds it, after the root's node_modules.
export NODE_PATH="$here/node_modules${NODE_PATH:+:$NODE_PATH}"
# Cyclone DDS and what it needs. Ordinary programs that are started from here pass over libraries of another architecture.
libraries="$here/debian/usr/lib/aarch64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec qemu-aarch64 -L "${QEMU_LD_PREFIX:-/usr/aarch64-linux-gnu}" \
  -E "LD_LIBRARY_PATH=$libraries" ${ARM64_PAGE_BYTES:+-p "$ARM64_PAGE_BYTES"} ${ARM64_CPU:+-cpu "$ARM64_CPU"} \
  "$here/node_modules/node-arm64/bin/node" --require "$here/preload.cjs" "$@"
