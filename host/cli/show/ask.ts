// What a terminal says that it can: asked with escape sequences, answered on the standard input.

/** A terminal that does not answer is asked no longer than this. */
const PATIENCE_MS = 300;

export interface Answer {
  readonly kitty: boolean;
  readonly sixel: boolean;
  /** Pixels of a cell, where it says so. */
  readonly cell: readonly [width: number, height: number] | null;
}

/** One picture of one pixel to think about, the size of a cell, and last the device's attributes, which every terminal tells. */
const QUESTION = '\u001b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u001b\\\u001b[16t\u001b[c';

export function readAnswer(text: string): Answer {
  const cell = /\[6;(\d+);(\d+)t/.exec(text);
  const attributes = /\[\?([\d;]+)c/.exec(text)?.[1]?.split(';') ?? [];
  return {
    kitty: /_Gi=31;OK/.test(text),
    sixel: attributes.slice(1).includes('4'),
    cell: cell === null ? null : [Number(cell[2]), Number(cell[1])],
  };
}

/** Asks the terminal of the standard input and output; null where there is none. */
export async function askTerminal(): Promise<Answer | null> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return null;
  const wasRaw = stdin.isRaw;
  let text = '';
  stdin.setRawMode(true);
  try {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, PATIENCE_MS);
      function take(chunk: Buffer) {
        text += chunk.toString('latin1');
        if (/\[\?[\d;]+c/.test(text)) done();
      }
      function done() {
        clearTimeout(timer);
        stdin.removeListener('data', take);
        resolve();
      }
      stdin.on('data', take);
      stdout.write(QUESTION);
    });
  } finally {
    stdin.setRawMode(wasRaw);
    stdin.pause();
  }
  return readAnswer(text);
}
