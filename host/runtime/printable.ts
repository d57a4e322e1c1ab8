// Text that comes from outside (file names of /dev/shm, metadata, what arrives over DDS), made fit for terminals, logs and messages.

/**
 * What a terminal acts on, and what an eye does not see: control characters (C0, DEL, C1), separators of lines and paragraphs, marks that
 * turn the direction of text, what has no width, lone surrogates, and spaces that only look like one.
 */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;

/** The text with everything unseen as \u001b: ASCII that means the same in JSON. Never longer than one line. */
export function printable(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** A string in double quotes, with quotes and backslashes escaped: no two strings look alike, and none looks like what stands around it. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text));
}

/** As UTF-16 code units, which is what JSON knows. */
function escaped(character: string): string {
  if (character === '\n') return '\\n';
  return Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

/** A value of unknown origin, for a message: nothing that nests or never ends. */
export function brief(value: unknown): string {
  return typeof value === 'string' ? quoted(value.slice(0, 80)) : typeof value;
}
