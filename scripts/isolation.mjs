// A /dev/shm and a network of a suite's own, so that two suites can run side by side: neither sees the other's pools or DDS participants.
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';

/** Mounts, then becomes the command: a signal to it reaches the command itself. Loopback carries multicast, by which DDS looks for others. */
const SCRIPT = `mount -t tmpfs -o size="$0",mode=1777 tmpfs /dev/shm &&
ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"`;

/**
 * What to put in front of a command that is to be alone; null where this user may not have that, or where unshare (util-linux) or
 * ip (iproute2) is missing. A user namespace would do without root, but the tests become other users, whom it does not have.
 *
 * @returns {string[] | null}
 */
export function isolation() {
  const { blocks, bsize } = statfsSync('/dev/shm');
  const front = ['unshare', '--mount', '--net', '--propagation', 'private', 'sh', '-c', SCRIPT, String(blocks * bsize)];
  const { status } = spawnSync(front[0], [...front.slice(1), 'true'], { stdio: 'ignore' });
  return status === 0 ? front : null;
}
