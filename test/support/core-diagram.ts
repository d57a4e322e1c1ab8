// Reads the tables of fields: from the comment in assembly/layout.ts, and from docs/pool-format.md.

import * as layout from '../../assembly/layout';

export const STRUCTS = ['header', 'consumer', 'slot'] as const;
export type StructName = (typeof STRUCTS)[number];

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly note: string;
}

export const constants: Readonly<Record<string, number>> = { ...layout };

/** camelCase to SCREAMING_SNAKE_CASE. */
export function screaming(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

export function structBytes(struct: StructName): number {
  return constants[`${struct.toUpperCase()}_BYTES`] as number;
}

/** The fields of a struct, by the columns of the diagram: offset at 24 to 28, bytes at 32 to 35, name from 37. */
export function fieldsOfDiagram(source: string, struct: StructName): Field[] {
  const lines = source.split('\n');
  const title = lines.findIndex((line) => line.startsWith(`//   ${struct} `) && line.includes('offset'));
  if (title < 0) throw new Error(`no diagram of ${struct}`);
  const header = lines[title] as string;
  const offsetEnd = header.indexOf('offset') + 'offset'.length;
  const bytesEnd = header.indexOf('bytes') + 'bytes'.length;
  const nameStart = header.indexOf('field');
  const noteStart = header.indexOf('written by');
  const fields: Field[] = [];
  for (const line of lines.slice(title + 1)) {
    if (line.trim() === '//' || !line.startsWith('//')) break;
    if (line.includes('------')) continue;
    fields.push({
      name: line.slice(nameStart, noteStart).trim(),
      offset: Number(line.slice(offsetEnd - 6, offsetEnd)),
      bytes: Number(line.slice(bytesEnd - 5, bytesEnd)),
      note: line.slice(noteStart).trim(),
    });
  }
  return fields;
}

/** The fields of a struct from the byte table of the document. */
export function fieldsOfDocument(markdown: string, struct: StructName): Field[] {
  const start = markdown.indexOf(`<!-- generated: ${struct} -->`);
  const table = markdown.slice(start, markdown.indexOf('<!-- end -->', start)).split('\n');
  return table.slice(3).flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length < 6) return [];
    const [, offset, bytes, name, note] = cells as [string, string, string, string, string];
    return [{ name: name.replaceAll('`', ''), offset: Number(offset), bytes: Number(bytes), note }];
  });
}

/** The text that the layout signature is the hash of. */
export function canonicalText(source: string): string {
  let text = `layout ${layout.LAYOUT_VERSION}\n`;
  for (const struct of STRUCTS) {
    for (const { name, offset, bytes } of fieldsOfDiagram(source, struct)) text += `${struct} ${name} ${offset} ${bytes}\n`;
    text += `${struct} ${structBytes(struct)}\n`;
  }
  return text;
}
