// top on a terminal: its keys, another size, and a terminal that is as it was however top ends. Real runs under tmux.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cli } from './support/cli-process';
import { Tmux, terminalsHere } from './support/tmux';

const test = suite('top');
const here = terminalsHere();
if (typeof here === 'string') console.log(`skip: ${here}`);
const inTerminal = typeof here === 'string' ? test.skip : test;

const node = `"${process.execPath}" --no-warnings`;
const scene = fileURLToPath(new URL('./screens-scene.mjs', import.meta.url));
const TI = `TI() { ${node} "${Cli.program}" "$@"; }; `;
/** Says how top ended, and whether the terminal shows what is typed. */
const folder = mkdtempSync(join(tmpdir(), 'tensor-ipc-top-'));
const AFTER = `printf '[exit %d]' $?; stty -a | grep -qw -- -echo && printf '[no echo]'; stty -a | grep -qw -- -icanon && printf '[raw]'; exec sleep 900`;

let terminals: Tmux | null = null;
function open(): Tmux {
  assert.ok(terminals !== null, 'the scene is set');
  return terminals;
}

/** Names in the order in which a page has them. */
function namesOn(screen: string): string[] {
  const lines = screen.split('\n');
  const head = lines.findIndex((line) => line.startsWith('NAME'));
  return lines.slice(head + 1).flatMap((line) => /^(?!Order:)(\S+) {2,}\S/.exec(line)?.slice(1, 2) ?? []);
}

/** A page on which rates are known, with this in brackets. */
const ordered = (by: string) => new RegExp(`\\d/s [\\s\\S]*\\[${by.replace('/', '\\/')}\\]`);

inTerminal('without a pool it says so', async () => {
  terminals = new Tmux(here as readonly string[]);
  open().open('none', 80, 8, `${TI} TI top; ${AFTER}`);
  assert.match(await open().shows('none', /no pools/), /^0 pools, 0 live/);
  open().press('none', 'q');
  await open().shows('none', /^\[exit 0\]$/m);
});

inTerminal('each key orders the pools, and again the other way round; those without a number stay last', async () => {
  open().open('producers', 80, 8, `${node} "${scene}" producers; exec sleep 900`);
  await open().shows('producers', /^ready/m);
  open().open('dies', 80, 8, `${node} "${scene}" dies; exec sleep 900`);
  await open().shows('dies', /^ready/m);
  open().open('viewer', 80, 8, `${node} "${scene}" viewer; exec sleep 900`);
  await open().shows('viewer', /^ready/m);
  open().open('keys', 120, 12, `${TI} TI top --interval 300; ${AFTER}`);
  // The killed producer's death, and the rates of the others, are known.
  await open().shows('keys', /^arm +\S* +dead[\s\S]*^camera .*[1-9.]+\/s/m);
  const orders: readonly (readonly [key: string, label: string, names: readonly string[], reversed: readonly string[]])[] = [
    ['r', 'r rate', ['camera', 'lidar', 'wrist.camera', 'arm', 'map'], ['wrist.camera', 'lidar', 'camera', 'arm', 'map']],
    ['b', 'b MB/s', ['lidar', 'camera', 'wrist.camera', 'arm', 'map'], ['wrist.camera', 'camera', 'lidar', 'arm', 'map']],
    ['n', 'n name', ['arm', 'camera', 'lidar', 'map', 'wrist.camera'], ['wrist.camera', 'map', 'lidar', 'camera', 'arm']],
  ];
  for (const [key, label, names, reversed] of orders) {
    open().press('keys', key);
    assert.equal(namesOn(await open().shows('keys', ordered(label))), names, key);
    open().press('keys', key);
    assert.equal(namesOn(await open().shows('keys', ordered(`${label} ↑`))), reversed, `${key} ${key}`);
  }
  // The one pool that has a consumer, or a reader that lags; the dead one's last frame is the oldest.
  for (const [key, label, first] of [
    ['c', 'c consumers', 'camera'],
    ['l', 'l lag', 'camera'],
    ['a', 'a age', 'arm'],
  ] as const) {
    open().press('keys', key);
    assert.is(namesOn(await open().shows('keys', ordered(label)))[0], first, key);
  }
  // Any other key is none.
  open().press('keys', 'x', 'Escape', 'F5', 'q');
  assert.is(await open().shows('keys', /exit/), '[exit 0]');
});

inTerminal('another size: drawn anew at once, and what matters stays visible', async () => {
  open().open('size', 120, 12, `${TI} TI top --interval 60000; ${AFTER}`);
  await open().shows('size', /^NAME .*DTYPE/m);
  open().resize('size', 60, 10);
  // The next table is a minute away: it is the size that draws.
  const narrow = await open().shows('size', /^NAME(?!.*DTYPE)/m);
  for (const line of narrow.split('\n')) assert.ok(line.length <= 60, line);
  const head = /^NAME.*$/m.exec(narrow)?.[0] ?? '';
  for (const title of ['STATE', 'PID', 'MB/s', 'LAG', 'AGE']) assert.ok(head.includes(title), `${title}: ${head}`);
  open().resize('size', 120, 12);
  await open().shows('size', /^NAME .*DTYPE/m);
  open().press('size', 'q');
  await open().shows('size', /^\[exit 0\]$/m);
});

inTerminal('more pools than lines: arrows and pages scroll, the footer says where', async () => {
  open().open('scroll', 120, 5, `${TI} TI top --interval 300; ${AFTER}`);
  const at = async (first: number, last: number) => namesOn(await open().shows('scroll', new RegExp(`${first}-${last} of 5`)));
  assert.equal(await at(1, 2), ['arm', 'camera']);
  open().press('scroll', 'Down');
  assert.equal(await at(2, 3), ['camera', 'lidar']);
  open().press('scroll', 'PageDown');
  assert.equal(await at(4, 5), ['map', 'wrist.camera']);
  open().press('scroll', 'j', 'j', 'j', 'k');
  assert.equal(await at(3, 4), ['lidar', 'map']);
  open().press('scroll', 'PageUp', 'PageUp', 'Up');
  assert.equal(await at(1, 2), ['arm', 'camera']);
  open().press('scroll', 'q');
  await open().shows('scroll', /^\[exit 0\]$/m);
});

for (const [how, code] of [
  ['Ctrl-C', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  inTerminal(`${how}: the terminal is as it was`, async () => {
    const session = how.toLowerCase();
    const pidFile = join(folder, session);
    // Ctrl-C goes to the whole line, the shell too, which goes on.
    const line = `trap : INT; printf before; bash -c 'echo $$ > "${pidFile}"; exec ${node} "${Cli.program}" top'; ${AFTER}`;
    open().open(session, 80, 8, line);
    await open().shows(session, /q quit/);
    if (how === 'Ctrl-C') open().press(session, 'C-c');
    else process.kill(Number(readFileSync(pidFile, 'utf8')), how);
    assert.match(
      await open().shows(session, /exit/),
      new RegExp(`^before(\\^C)?\\s*(Terminated|Hangup)?.*\\[exit ${code}\\]$`, 's'),
    );
  });
}

inTerminal('Ctrl-Z: the shell has its terminal; fg draws again', async () => {
  const line = `${TI} set -m; printf before; TI top --interval 300; printf '[stopped]'; read -r; fg >/dev/null; ${AFTER}`;
  open().open('stop', 80, 8, line);
  await open().shows('stop', /q quit/);
  open().press('stop', 'C-z');
  const between = await open().shows('stop', /\[stopped\]/);
  assert.match(between, /^before/);
  open().press('stop', 'Enter');
  await open().shows('stop', /q quit/);
  open().press('stop', 'q');
  await open().shows('stop', /\[exit 0\]$/m);
});

test.after(() => {
  terminals?.[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test.run();
