// What is said of fields and pools beside their form, for people: encodings, units, coordinate frames, attributes.

import { printable, showFieldShape } from '../../entry/inspection';
import type { Attributes, FieldMeaning, FieldMetadata } from '../../entry/main';
import { cut, showBytes } from '../format';
import { textWidth } from '../wrap';

/** Attributes that people read; programs take --json. */
const MAX_LINES = 16;

/** "rgb8", "unit m", "frame lidar_top": what is said of a field. */
export function showMeaning({ encoding, unit, frameId }: FieldMeaning): string[] {
  return [encoding ?? '', unit === undefined ? '' : `unit ${unit}`, frameId === undefined ? '' : `frame ${frameId}`].filter(
    (part) => part !== '',
  );
}

/** "float32 [≤300000, 3], at most 3.60 MB at 64". */
export function showForm(field: FieldMetadata, plain: boolean): string {
  const most = field.maxLength === undefined ? '' : 'at most ';
  return `${field.dtype} ${showFieldShape(field)}, ${most}${showBytes(field.bytes)}${plain ? '' : ` at ${field.byteOffset}`}`;
}

/** A row of `info`: the label once, and the value on as many lines as it takes behind labels of this width. */
export function wrapped(label: string, parts: readonly string[], labelWidth: number): [string, string][] {
  const room = textWidth(process.stdout) - labelWidth - 2;
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + part.length <= room) lines[lines.length - 1] = `${last}, ${part}`;
    // A text without commas is cut: programs take --json.
    else lines.push(cut(part, room - 1));
  }
  return lines.map((line, i) => [i === 0 ? label : '', i === lines.length - 1 ? line : `${line},`]);
}

/** One line for each attribute, its value as JSON, cut where it is long. */
export function showAttributes(attributes: Attributes, labelWidth: number): string[] {
  const room = textWidth(process.stdout) - labelWidth - 2;
  const entries = Object.entries(attributes).map(([key, value]) => [printable(key), printable(JSON.stringify(value))] as const);
  const widest = Math.min(24, Math.max(0, ...entries.map(([key]) => key.length)));
  const lines = entries.map(([key, value]) => cut(`${key.padEnd(widest)}  ${value}`, room));
  return lines.length <= MAX_LINES ? lines : [...lines.slice(0, MAX_LINES - 1), `… ${lines.length - MAX_LINES + 1} more: --json`];
}
