// Text in lines that a terminal holds.

import { widthOf } from './terminal';

/** Lines of text that is read rather than looked up are no longer than this: the eye loses its place in longer ones. */
const READABLE = 120;
/** Where nothing says how wide the reader's window is: a pipe to a pager, a file. */
const USUAL = 80;

/** Columns for text: those of the terminal up to a readable line, 80 elsewhere. */
export function textWidth(stream: NodeJS.WriteStream): number {
  return Math.min(READABLE, widthOf(stream) ?? USUAL);
}

/** Breaks a text between words; a word that is longer than a line is broken inside. */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(8, width);
  const lines: string[] = [];
  let line = '';
  for (const whole of text.split(' ')) {
    let word = whole;
    const joined = line === '' ? word : `${line} ${word}`;
    if (joined.length <= room) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    for (; word.length > room; word = word.slice(room)) lines.push(word.slice(0, room));
    line = word;
  }
  return [...lines, line];
}

/**
 * Rows as columns, the last of which is text: it goes on below itself where the line ends. Left of it, a column that leaves the text too
 * little room stands on a line of its own. Without a width every row is one line.
 */
export function hanging(rows: readonly (readonly string[])[], width: number | null, gap = '  '): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length)) - 1;
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const indent = widths.reduce((sum, column) => sum + column + gap.length, 0);
  return rows.flatMap((row) => {
    const before = widths.map((column, i) => `${(row[i] ?? '').padEnd(column)}${gap}`).join('');
    const text = row[count] ?? '';
    if (width === null) return [`${before}${text}`.trimEnd()];
    if (width - indent < Math.min(24, text.length)) {
      return [before.trimEnd(), ...wrap(text, width - 4).map((line) => `    ${line}`)].flatMap((line) => wrapWord(line, width));
    }
    return wrap(text, width - indent).map((line, i) => `${i === 0 ? before : ' '.repeat(indent)}${line}`.trimEnd());
  });
}

function wrapWord(line: string, width: number): string[] {
  return line.length <= width ? [line] : wrap(line, width);
}

/** Paragraphs, each set anew for the width. Lines that begin with blanks are commands, and keep their words together. */
export function paragraphs(text: string, width: number): string[] {
  return text.split('\n\n').flatMap((paragraph, i) => {
    const command = /^\s/.test(paragraph);
    const lines = command ? commandLine(paragraph.trim(), width, '  ') : wrap(paragraph.replaceAll('\n', ' '), width);
    return i === 0 ? lines : ['', ...lines];
  });
}

/** Words of a command line that stay on one line: an option and its value, a redirection and its file. */
const TOGETHER = /(?<=\s)(-{1,2}[A-Za-z][\w-]*|[|<>]) (?=-$|- |[^-|<>])/g;
const GLUE = '\u00a0';

/** A command line for a shell: broken with backslashes, so that it can be pasted. */
export function commandLine(text: string, width: number, indent: string): string[] {
  const lines = wrap(text.replaceAll(TOGETHER, `$1${GLUE}`), width - indent.length - 4).map((line) => line.replaceAll(GLUE, ' '));
  return lines.map((line, i) => `${indent}${i === 0 ? '' : '  '}${line}${i === lines.length - 1 ? '' : ' \\'}`);
}
