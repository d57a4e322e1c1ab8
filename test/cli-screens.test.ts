// Every screen of the command line, as a terminal of 80 and of 120 columns shows it: real runs under tmux, kept in test/fixtures/screens.
// What varies from run to run is made equal by the rules of support/screens.ts. To write the fixtures anew, and then read them:
//
//   UPDATE_SCREENS=1 node scripts/test.mjs cli-screens

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../host/cli/commands';
import { Cli } from './support/cli-process';
import { findings, normal } from './support/screens';
import { Tmux, terminalsHere } from './support/tmux';

const test = suite('screens');
const FIXTURES = 'test/fixtures/screens';
const UPDATE = (process.env['UPDATE_SCREENS'] ?? '') !== '';
const WIDTHS = [80, 120] as const;
const HEIGHT = 24;

const here = terminalsHere();
if (typeof here === 'string') console.log(`skip: ${here}`);
const inTerminal = typeof here === 'string' ? test.skip : test;

test('terminals are there where nothing may be missing', () => {
  if (process.env['CI'] !== undefined) assert.not.type(here, 'string', String(here));
});

const scene = fileURLToPath(new URL('./screens-scene.mjs', import.meta.url));
const node = `"${process.execPath}" --no-warnings`;
const TI = `TI() { ${node} "${Cli.program}" "$@"; }; `;

/** Names of the fixtures, and the command lines whose output they are. */
const SCREENS: readonly (readonly [name: string, line: string])[] = [
  ['ls', 'ls'],
  ['info', 'info camera'],
  ['info-lidar', 'info lidar'],
  ['info-record', 'info wrist.camera'],
  ['info-dead', 'info arm'],
  ['watch', 'watch camera --count 4 --interval 300'],
  ['echo', 'echo wrist.camera --field depth --count 1'],
  ['hz', 'hz camera --count 2'],
  ['bw', 'bw camera --count 2'],
  ['snapshot', 'snapshot camera /dev/shm/out.png'],
  ['sub', 'sub camera --all --count 2 --output /dev/shm/out.y4m'],
  ['gc', 'gc --dry-run'],
  // Cyclone DDS complains on the standard error, in words of its own.
  ['doctor', 'doctor 2>/dev/null'],
  ['error-no-pool', 'info camra'],
  ['error-damaged', 'info map'],
  ['error-command', 'lst'],
  ['error-option', 'snapshot camera out.png --maximum 3'],
  ['error-value', 'pub new --shape 480,x'],
  ['error-live', 'rm camera'],
  ['error-name', "snapshot 'no/pool' out.png"],
  ['help', '--help'],
  ...commands.filter(({ hidden }) => hidden !== true).map(({ name }) => [`help-${name}`, `${name} --help`] as const),
];
const TOP = ['top', 'top-by-rate'] as const;

let terminals: Tmux | null = null;
const pids = new Map<string, string>();

function open(): Tmux {
  assert.ok(terminals !== null, 'the scene is set');
  return terminals;
}

/** Compares with the fixture, or writes it. */
function keep(name: string, screen: string): void {
  const path = `${FIXTURES}/${name}.txt`;
  if (UPDATE) {
    mkdirSync(FIXTURES, { recursive: true });
    writeFileSync(path, `${screen}\n`);
    return;
  }
  const hint = `${path}: if this is meant, run UPDATE_SCREENS=1 node scripts/test.mjs cli-screens, and read the fixture`;
  assert.ok(existsSync(path), hint);
  assert.is(screen, readFileSync(path, 'utf8').trimEnd(), hint);
}

inTerminal('the scene', async () => {
  terminals = new Tmux(here as readonly string[]);
  const roles = [
    ['producers', '4101'],
    ['dies', '4090'],
    ['viewer', '4117'],
  ] as const;
  for (const [role, called] of roles) {
    terminals.open(role, 80, HEIGHT, `${node} "${scene}" ${role}; exec sleep 900`);
    const pid = /^ready (\d+)$/m.exec(await terminals.shows(role, /^ready \d+$/m))?.[1] as string;
    pids.set(pid, called);
  }
});

inTerminal('all commands start', () => {
  const lines = SCREENS.map(([name, line]) => `printf '\\n@@ ${name}\\n'; TI ${line}; printf '[exit %d]\\n' $?`);
  const script = `${TI} ${lines.join('\n')}\nprintf '\\n@@ end\\n'; exec sleep 900`;
  for (const width of WIDTHS) open().open(`all-${width}`, width, HEIGHT, script);
});

for (const width of WIDTHS) {
  inTerminal(`${width} columns`, async () => {
    await open().shows(`all-${width}`, /^@@ end$/m);
    const screens = open().written(`all-${width}`).split(/^@@ /m).slice(1, -1);
    assert.is(screens.length, SCREENS.length);
    for (const [i, text] of screens.entries()) {
      const name = SCREENS[i]?.[0] ?? '';
      const screen = text.slice(text.indexOf('\n') + 1).trimEnd();
      for (const line of screen.split('\n')) assert.ok(line.length <= width, `${name}, ${width} columns: ${line}`);
      if (name === 'doctor') keepDoctor(`${name}-${width}`, screen);
      // Where it breaks depends on how long the pid is.
      else if (name === 'error-live') keep(`${name}-${width}`, normal(screen, pids).replaceAll('\n  ', ' '));
      else keep(`${name}-${width}`, normal(screen, pids));
    }
  });

  inTerminal(`top, ${width} columns`, async () => {
    const session = `top-${width}`;
    open().open(session, width, 12, `${TI} TI top --interval 400; printf '[exit %d]\\n' $?; exec sleep 900`);
    const keepPage = (name: string, screen: string) => {
      for (const line of screen.split('\n')) assert.ok(line.length <= width, line);
      const [head = ''] = screen.match(/^NAME.*$/m) ?? [];
      for (const title of ['STATE', 'PID', 'MB/s', 'LAG', 'AGE']) assert.ok(head.includes(title), `${title} is there: ${head}`);
      keep(`${name}-${width}`, normal(screen, pids));
    };
    keepPage(TOP[0], await open().shows(session, /^camera .*\d\/s [\s\S]*\[n name\]/m));
    open().press(session, 'r');
    keepPage(TOP[1], await open().shows(session, /^NAME .*\ncamera .*\d\/s [\s\S]*\[r rate\]/m));
    open().press(session, 'q');
    assert.is(await open().shows(session, /exit/), '[exit 0]', 'the screen is as it was before');
    open().close(session);
  });
}

/** Machines differ in what they have: a finding is compared where it came out as in the fixture. */
function keepDoctor(name: string, screen: string): void {
  const machine: readonly (readonly [RegExp, string])[] = [
    [/^(ok +kernel +)\S+/gm, '$16.1.0'],
    [/^(ok +system {2,}).+/gm, '$1linux x64'],
    [/^(ok +node +)\S+/gm, '$124.9.0'],
    [/^(ok +open files +at most )\S+/gm, '$120000'],
    [/^(\w+ +\/dev\/shm +).*free/gm, '$1537 MB of 537 MB free'],
    [/^(ok +ffmpeg +)\S+/gm, '$17.1.1'],
    [/^(ok +system calls +koffi \S+,)\s[\s\S]*?\n(?=ok)/gm, '$1 node_modules/…/koffi.node\n'],
    [/^(ok +(?:Cyclone DDS|CUDA driver) +)\S+/gm, '$1/usr/lib/x86_64-linux-gnu/….so'],
    [/for shared memory: \w+/g, 'for shared memory: never'],
  ];
  const text = machine.reduce((all, [pattern, put]) => all.replaceAll(pattern, put), screen);
  const path = `${FIXTURES}/${name}.txt`;
  if (UPDATE) {
    keep(name, text);
    return;
  }
  const kept = findings(readFileSync(path, 'utf8').trimEnd());
  let compared = 0;
  for (const [what, finding] of findings(text)) {
    const before = kept.get(what);
    if (before?.mark !== finding.mark) continue;
    // The last one carries the exit code, which is that of the machine.
    const bare = ({ text: lines }: typeof finding) => lines.replace(/\n\[exit \d\]$/, '').trimEnd();
    assert.is(bare(finding), bare(before), `${path}: ${what}`);
    compared += 1;
  }
  assert.ok(compared >= 4, `${path}: something to compare`);
}

test('no fixture is left over', () => {
  const names = new Set(
    [...SCREENS.map(([name]) => name), ...TOP].flatMap((name) => WIDTHS.map((width) => `${name}-${width}.txt`)),
  );
  for (const file of readdirSync(FIXTURES)) {
    if (UPDATE && !names.has(file)) rmSync(`${FIXTURES}/${file}`);
    else assert.ok(names.has(file), `${FIXTURES}/${file} is of no screen`);
  }
});

test.after(() => terminals?.[Symbol.dispose]());

test.run();
