// The documents as tests read them: their code and their links.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const read = (path: string): string => readFileSync(path, 'utf8');

/** Every document of the repository, those of the examples included. */
export function documents(): string[] {
  const inFolder = (folder: string) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(folder, file));
  return ['README.md', 'CHANGELOG.md', ...['examples', 'examples/electron', 'docs', 'docs/design'].flatMap(inFolder)];
}

/** The blocks of code that a document marks with exactly this language: `ts` leaves `ts no-run` out. */
export function blocks(path: string, language: string): string[] {
  return [...read(path).matchAll(/^```([^\n]*)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] as string);
}

/**
 * A page's TypeScript as one program: the first block at the top, the others each in a scope of its own, while the producer of the
 * first block puts its frames. Pools get names that no other run uses.
 */
export function pageProgram(path: string, pools: Readonly<Record<string, string>>): string {
  const imports = new Set<string>();
  const [first, ...others] = blocks(path, 'ts').map((block) =>
    block.replaceAll(/^import .*;\n/gm, (line) => {
      imports.add(line);
      return '';
    }),
  );
  const program = [
    ...joined(imports),
    first,
    'const ticking = setInterval(() => void producer.put(image), 5);',
    ...others.map((body) => `{\n${body}}\n`),
    'clearInterval(ticking);',
    `console.log('${path} has run');`,
  ].join('\n');
  return Object.entries(pools).reduce((text, [name, unique]) => text.replaceAll(`'${name}'`, `'${unique}'`), program);
}

/** The imports of all blocks, each name once. */
function joined(lines: ReadonlySet<string>): string[] {
  const names = new Map<string, Set<string>>();
  const rest: string[] = [];
  for (const line of lines) {
    const match = /^import \{([^}]*)\} from '([^']+)';/.exec(line);
    if (match === null) rest.push(line);
    else
      for (const name of (match[1] as string).split(',')) {
        const module = match[2] as string;
        names.set(module, (names.get(module) ?? new Set()).add(name.trim()));
      }
  }
  return [...rest, ...[...names].map(([module, all]) => `import { ${[...all].join(', ')} } from '${module}';`)];
}

/** The anchors that GitHub gives to the headings of a document: of equal ones the second gets -1. */
export function anchors(path: string): Set<string> {
  const found = new Set<string>();
  const seen = new Map<string, number>();
  for (const match of withoutCode(read(path)).matchAll(/^#+ (.*)$/gm)) {
    const anchor = (match[1] as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    found.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return found;
}

/** Code blocks hold no links and no headings. */
const withoutCode = (text: string) => text.replaceAll(/^```.*?^```$/gms, '');

export interface Link {
  readonly target: string;
  /** The path from the root, or null for an address on the web. */
  readonly path: string | null;
  readonly anchor: string | null;
}

/** The links and pictures of a document. */
export function links(path: string): Link[] {
  return [...withoutCode(read(path)).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => {
    const target = match[1] as string;
    const [file = '', anchor = null] = target.split('#');
    if (/^https?:/.test(file)) return { target, path: null, anchor };
    return { target, path: file === '' ? path : normalize(join(dirname(path), file)), anchor };
  });
}
