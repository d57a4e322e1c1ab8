// Completion in real shells, beside files of /dev/shm whose names are commands: nothing is executed, nothing is offered that a shell
// would act on.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TensorProducer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { poolName } from '../support/child';
import { Cli, cli } from '../support/cli-process';
import { plant, TAG, uproot } from './support/planted';

const WATCHDOG_MS = 90_000;
const test = suite('completion');

/** Commands as names: without a slash, so that what they do is done in the folder that the shell is in. */
const COMMANDS = [
  '$(touch ran1)',
  '`touch ran2`',
  ';touch ran3;',
  `$(touch\${IFS}ran4)`,
  '"$(touch ran5)"',
  '&touch ran6&',
  "'$(touch ran7)",
];
const UNWANTED = [...COMMANDS, 'a\tdescription', 'a b', '~', '*', '$HOME', 'a\\b', 'a\u001b[31m', 'a\nran8', 'é'];

const scratch = mkdtempSync(join(tmpdir(), 'tensor-ipc-completion-'));
/** Where the shells are, and what must stay as it is. */
const here = join(scratch, 'here');
const bin = join(scratch, 'bin');
const pool = poolName('complete');
const producer = TensorProducer.fromSample(pool, new Uint8Array(8));

/** The program, under its name. `more`: lines that another version of it prints beside the names, unchecked. */
function install(more: readonly string[] = []): void {
  const lines = more.map((line) => ` '${line.replaceAll("'", "'\\''")}'`).join('');
  const rest = more.length === 0 ? '' : `case "$*" in 'ls --names') printf '%s\\n'${lines};; esac\n`;
  writeFileSync(join(bin, 'tensor-ipc'), `#!/bin/sh\n${rest}exec '${process.execPath}' '${Cli.program}' "$@"\n`);
  chmodSync(join(bin, 'tensor-ipc'), 0o755);
}

test.before(async () => {
  mkdirSync(here);
  mkdirSync(bin);
  for (const name of UNWANTED) {
    plant('tensoripc.', name);
    plant('tensoripc_', name);
    plant('tensoripc_', `${TAG}${name}`);
    plant('sem.tensoripc_', `${TAG}sem${name}`, '_f0_mutex', Buffer.alloc(32));
  }
  plant('tensoripc_', `${TAG}-python`);
  writeFileSync(join(here, '$(touch ran9)'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await cli('completion', shell);
    assert.is(code, 0, stderr);
    writeFileSync(join(scratch, `completion.${shell}`), stdout);
  }
});

test.after(() => {
  producer.close();
  uproot();
  rmSync(scratch, { recursive: true });
});

const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, HOME: scratch, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
const installed = (program: string, ...args: string[]) => spawnSync(program, args).error === undefined;

function nothingRan(what: string): void {
  assert.equal(readdirSync(here), ['$(touch ran9)'], what);
}

/** The words that a shell offers, as it would insert them. */
type Complete = (...words: string[]) => string[];

const bash: Complete = (...words) => {
  const script =
    `source '${join(scratch, 'completion.bash')}'; COMP_WORDS=(tensor-ipc "$@"); COMP_CWORD=$#; ` +
    `_tensor_ipc; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-ic', script, 'bash', ...words], { cwd: here, env, encoding: 'utf8' });
  assert.not.match(stderr, /tensor|syntax|command not found/, stderr);
  return stdout.split('\n').filter((line) => line !== '');
};

const fish: Complete = (...words) => {
  const script = `source '${join(scratch, 'completion.fish')}'; complete -C "$argv"`;
  const line = ['tensor-ipc', ...words].join(' ');
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script, line], { cwd: here, env, encoding: 'utf8' });
  assert.is(stderr, '');
  return stdout.split('\n').flatMap((offer) => offer.split('\t')[0] || []);
};

/** compadd is what zsh's completion ends in: what it is given, it would offer. */
const zsh: Complete = (...words) => {
  const script = `compdef() { : }; compadd() { print -rl -- "\${(@P)argv[-1]}" }; source '${join(scratch, 'completion.zsh')}'; _tensor_ipc_pools`;
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { cwd: here, env, encoding: 'utf8' });
  assert.is(stderr, '');
  return stdout.split('\n').filter((offer) => offer !== '' && offer.startsWith(words.at(-1) ?? ''));
};

for (const [shell, complete] of [
  ['bash', bash],
  ['fish', fish],
  ['zsh', zsh],
] as const) {
  test(`${shell} offers the pools that there are, executes none and garbles none`, () => {
    if (!installed(shell, '--version')) {
      console.log(`skip: ${shell}: apt install ${shell}`);
      return;
    }
    // With the program as it is, and with one that prints whatever lies in /dev/shm.
    for (const more of [[], UNWANTED]) {
      install(more);
      for (const command of ['info', 'gc']) {
        const offered = complete(command, '');
        nothingRan(`${shell} ${command}`);
        assert.ok(offered.includes(pool), `${shell}: ${offered.join(' ')}`);
        assert.ok(offered.includes(`${TAG}-python`), `${shell}: ${offered.join(' ')}`);
        for (const offer of offered) assert.match(offer, /^[A-Za-z0-9_.-]+$/, `${shell} ${command}`);
      }
      assert.equal(
        complete('info', pool.slice(0, -1)).filter((offer) => offer !== pool && offer.startsWith(`${pool}x`)),
        [],
      );
      assert.ok(complete('info', `${TAG}-py`).includes(`${TAG}-python`));
    }
    install();
    // What was typed already is no command either.
    if (shell !== 'zsh') for (const word of ['$(touch ran0)', '`touch ran0`', "'$(touch ran0)"]) complete('info', word);
    nothingRan(`${shell}: a word that is a command`);
  });
}

for (const [shell, complete] of [
  ['bash', bash],
  ['fish', fish],
] as const) {
  test(`${shell} offers the values of an option that is one of a few`, () => {
    if (!installed(shell, '--version')) return;
    install();
    for (const [words, offered] of [
      [
        ['pub', 'cam', '--wire', ''],
        ['native', 'tensor-ipc'],
      ],
      [['snapshot', 'cam', '--color-map', 't'], ['turbo']],
      [
        ['pub', 'cam', '--dtype', 'float'],
        ['float16', 'float32', 'float64'],
      ],
      [['bridge', 'cam', '--to', 'n'], ['native']],
      [
        ['pub', 'cam', '--encoding', 'depth'],
        ['depth16u', 'depth32f'],
      ],
    ] as const) {
      assert.equal(complete(...words).sort(), [...offered].sort(), `${shell} ${words.join(' ')}`);
    }
  });
}

/** A shell on a terminal of its own: types, and gives the line as it stands after that. */
async function typed(shell: readonly string[], setUp: string, keys: string): Promise<string> {
  const child = spawn('script', ['-qec', shell.join(' '), '/dev/null'], { cwd: here, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), WATCHDOG_MS);
  let output = '';
  const has = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output);
        if (match !== null) resolve(match);
      };
      child.stdout.on('data', look);
      child.on('close', () => reject(new Error(`${shell.join(' ')} ended: ${JSON.stringify(output)}`)));
      look();
    });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  try {
    child.stdin.write(`${setUp}; printf 'REA%s\\n' DY\n`);
    await has(/READY\r?\n/);
    child.stdin.write(`${keys}\u0018`);
    return (await has(/LINE<([\s\S]*?)>LINE/))[1] as string;
  } finally {
    child.stdin.end('\u0003\u0015exit\n');
    child.kill();
    clearTimeout(watchdog);
    await new Promise((resolve) =>
      child.exitCode === null && child.signalCode === null ? child.once('close', resolve) : resolve(0),
    );
  }
}

const TERMINALS: readonly (readonly [shell: string, argv: readonly string[], setUp: () => string])[] = [
  [
    'bash',
    ['bash', '--norc', '--noprofile', '-i'],
    () =>
      `PS1=; bind 'set bell-style none'; source '${join(scratch, 'completion.bash')}'; ` +
      `bind -x '"\\C-x": printf "LI%s<%s>LINE\\n" NE "$READLINE_LINE"'`,
  ],
  [
    'zsh',
    ['zsh', '-f', '-i'],
    () =>
      `PS1=; setopt no_beep; autoload -Uz compinit; compinit -u -D; source '${join(scratch, 'completion.zsh')}'; ` +
      'show() { print -r -- LI"NE<$BUFFER>LINE"; BUFFER= }; zle -N show; bindkey "^X" show; bindkey "^I" complete-word',
  ],
];

for (const [shell, argv, setUp] of TERMINALS) {
  test(`${shell} on a terminal: the Tab key inserts a pool, and quotes files`, async () => {
    if (!installed(shell, '--version') || !installed('script', '--version')) {
      console.log(`skip: ${shell} on a terminal: apt install ${shell} bsdutils`);
      return;
    }
    install();
    assert.is((await typed(argv, setUp(), `tensor-ipc info ${TAG}-py\t`)).trim(), `tensor-ipc info ${TAG}-python`);
    install(UNWANTED);
    assert.is((await typed(argv, setUp(), `tensor-ipc rm ${pool.slice(0, -2)}\t`)).trim(), `tensor-ipc rm ${pool}`);
    await typed(argv, setUp(), 'tensor-ipc info \t\t');
    nothingRan(`${shell}: pools`);
    // A file's name that is a command, as an argument that may be a file: inserted so that the shell takes it for a name.
    const line = (await typed(argv, setUp(), 'tensor-ipc snapshot cam \t')).trim();
    assert.match(line, /^tensor-ipc snapshot cam (\\\$\\\(touch\\ ran9\\\)|'\$\(touch ran9\)'?)$/, line);
    nothingRan(`${shell}: files`);
  });
}

test.run();
