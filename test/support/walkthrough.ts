// A page of documentation as its reader follows it: files are saved, commands are typed into terminals, Ctrl-C is pressed, and what the page
// shows as output must come. Numbers may differ.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { until } from './child';
import type { Project } from './package-sandbox';

export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'commands'; readonly terminal: number; readonly lines: readonly string[] }
  | { readonly kind: 'output'; readonly terminal: number; readonly lines: readonly string[] }
  | { readonly kind: 'interrupt'; readonly terminal: number };

const hasScript = spawnSync('script', ['--version']).status === 0;
export const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

/** Why no terminal can be had here, and what to do about it; null if one can. */
export const noTerminal: string | null = hasScript ? null : 'script is not installed (apt install bsdutils)';

/**
 * The steps of a text, in order. The first line of a block says what it is: `// name.mjs` or `# name.service` a file, `# terminal 2` commands;
 * a block of `text` is output, of the terminal that it names or else of the one that was typed into last.
 */
export function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  let typed = 1;
  for (const [, language = '', block = '', interrupted] of text.matchAll(
    /^```(\w+)\n([\s\S]*?)^```$|\*\*[Pp]ress Ctrl-C in terminal (\d)\*\*/gm,
  )) {
    const [first = '', ...rest] = block.trimEnd().split('\n');
    const terminal = /^# terminal (\d)$/.exec(first)?.[1];
    const name = /^(?:\/\/|#) ([\w./@-]+\.\w+|Dockerfile)$/.exec(first)?.[1];
    if (interrupted !== undefined) {
      steps.push({ kind: 'interrupt', terminal: Number(interrupted) });
    } else if (language === 'text') {
      steps.push({
        kind: 'output',
        terminal: Number(terminal ?? typed),
        lines: terminal === undefined ? [first, ...rest] : rest,
      });
    } else if (terminal !== undefined) {
      typed = Number(terminal);
      steps.push({ kind: 'commands', terminal: typed, lines: rest.filter((line) => line !== '') });
    } else if (name !== undefined) {
      steps.push({ kind: 'file', name, text: block });
    }
  }
  return steps;
}

/** A line of the page as a pattern: any number will do. Before it may stand the prompt, or the sign of Ctrl-C. */
function patternOf(line: string): RegExp {
  const escaped = line.trimEnd().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const anyNumber = escaped.replaceAll(/-?\d+(?:\\\.\d+)?/g, '-?\\d+(?:\\.\\d+)?');
  return new RegExp(`(?:^|\\^C|bash-[\\d.]+[#$] )${anyNumber}\\r?$`, 'm');
}

/** bash on a terminal of its own, typed into line by line. */
class Terminal {
  output = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #typed = 0;
  #over = false;
  /** How much of the output the page has been through. */
  #at = 0;

  constructor({ folder, env }: Project) {
    this.#child = spawn('script', ['-q', '-c', 'bash --norc --noprofile --noediting -i', '/dev/null'], {
      cwd: folder,
      env: { ...env, TERM: 'dumb', SHELL: '/bin/bash', PS1: '', PROMPT_COMMAND: 'printf "[done %s]\\n" $?' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', () => {
        this.#over = true;
        resolve();
      });
    });
  }

  /** Exit codes of what has been typed, as far as it has ended. */
  get #codes(): number[] {
    return [...this.output.matchAll(/\[done (\d+)\]/g)].slice(1).map(([, code]) => Number(code));
  }

  async type(line: string): Promise<void> {
    await this.idle();
    this.#typed += 1;
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits until what was typed last has ended, as it should. */
  async idle(codes: readonly number[] = [0, 130]): Promise<void> {
    await this.#until(() => this.#codes.length >= this.#typed && /\[done /.test(this.output), 'the command ends');
    const code = this.#codes.at(-1) ?? 0;
    if (!codes.includes(code)) throw new Error(`a command ended with ${code}`);
  }

  async prints(line: string): Promise<void> {
    const pattern = patternOf(line);
    const hasFailed = () => this.#codes.length >= this.#typed && ![0, 130].includes(this.#codes.at(-1) ?? 0);
    await this.#until(() => pattern.test(this.output.slice(this.#at)) || hasFailed(), `"${line}" is printed`);
    if (!pattern.test(this.output.slice(this.#at))) throw new Error(`"${line}" was not printed`);
    const match = pattern.exec(this.output.slice(this.#at));
    this.#at += (match?.index ?? 0) + (match?.[0].length ?? 0);
  }

  interrupt(): void {
    this.#child.stdin?.write('\x03');
  }

  async close(): Promise<void> {
    // The terminal goes, and with it all that runs in it.
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    try {
      await until(() => condition() || this.#over, what);
    } catch (cause) {
      throw new Error(`${String(cause)}`, { cause });
    }
    if (!condition()) throw new Error(`the terminal is closed before ${what}`);
  }
}

/** Follows a page in a project. Ends when every command has. */
export class Walkthrough implements AsyncDisposable {
  readonly #project: Project;
  readonly #terminals = new Map<number, Terminal>();

  constructor(project: Project) {
    this.#project = project;
  }

  /** @param folder where files are saved, below the project's */
  async follow(steps: readonly Step[], folder = ''): Promise<void> {
    try {
      await this.#follow(steps, folder);
    } catch (cause) {
      const shown = [...this.#terminals].map(([number, { output }]) => `terminal ${number}:\n${output}`);
      throw new Error(`${String(cause)}\n${shown.join('\n')}`, { cause });
    }
  }

  async #follow(steps: readonly Step[], folder: string): Promise<void> {
    for (const [index, step] of steps.entries()) {
      if (step.kind === 'file') this.#project.write(`${folder}/${step.name}`, step.text);
      else if (step.kind === 'interrupt') this.#terminal(step.terminal).interrupt();
      else if (step.kind === 'output') for (const line of step.lines) await this.#terminal(step.terminal).prints(line);
      else await this.#type(step.terminal, step.lines, steps[index + 1]);
    }
    for (const terminal of this.#terminals.values()) await terminal.idle();
  }

  outputOf(terminal: number): string {
    return this.#terminal(terminal).output;
  }

  async #type(number: number, lines: readonly string[], next: Step | undefined): Promise<void> {
    const terminal = this.#terminal(number);
    for (const [index, line] of lines.entries()) {
      if (line.startsWith('ffmpeg ') && !hasFfmpeg) continue;
      await terminal.type(line);
      // What prints something that the page shows may go on; everything else ends, and well.
      const goesOn = index === lines.length - 1 && next?.kind === 'output' && next.terminal === number;
      if (!goesOn) await terminal.idle([0]);
    }
  }

  #terminal(number: number): Terminal {
    const found = this.#terminals.get(number) ?? new Terminal(this.#project);
    this.#terminals.set(number, found);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const terminal of this.#terminals.values()) await terminal.close();
  }
}
