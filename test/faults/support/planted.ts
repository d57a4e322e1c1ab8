// Files that somebody else may plant in /dev/shm: their names are bytes, and nothing in them is anybody's friend.

import { rmSync, writeFileSync } from 'node:fs';

const FOLDER = Buffer.from('/dev/shm/');

/** Marks the names of this process, so that other tests beside it are not disturbed. */
export const TAG = `hn${process.pid}`;

/** Sets the terminal's title, writes its clipboard, turns colours on, goes up a line, starts a row. */
export const NASTY: readonly (readonly [label: string, text: string | Buffer])[] = [
  ['title', `${TAG}\u001b]0;owned\u0007`],
  ['clipboard', `${TAG}\u001b]52;c;b3duZWQ=\u001b\\`],
  ['C1', `${TAG}\u009b31m\u0085\u0090`],
  ['up a line', `${TAG}\u001b[1A\u001b[2K`],
  ['a row of its own', `${TAG}\nFORGED${TAG}  native  live  uint8  [1]`],
  ['over its own row', `${TAG}\rFORGED${TAG}  native  live`],
  ['columns', `${TAG}  native  live  uint8  [1]`],
  ['tab', `${TAG}\tdescription`],
  ['delete', `${TAG}\u007f\u007f\u007f`],
  ['right to left', `${TAG}\u202egpj\u202c\u2066x\u2069\u200f\u200e`],
  ['no width', `${TAG}\u200b\u200d\ufeff\u2060\u00ad\u3164`],
  ['separators', `${TAG}\u2028FORGED${TAG}\u2029`],
  ['spaces that look like one', `${TAG}\u00a0\u2003`],
  ['not UTF-8', Buffer.concat([Buffer.from(TAG), Buffer.from([0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80])])],
  ['not UTF-8, another', Buffer.concat([Buffer.from(TAG), Buffer.from([0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80])])],
  ['quotes', `${TAG}' or "x" \\u001b`],
];

/** What a terminal acts on or does not show, and what breaks rows: nothing of it may leave the program but the ends of its own lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is for.
export const UNFIT = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u00a0\u00ad\u200b-\u200f\u2003\u2028-\u202e\u2060-\u2069\u3164\ufeff\ufffd]/;

const planted: Buffer[] = [];

/** Makes a file in /dev/shm under exactly these bytes. */
export function plant(prefix: string, name: string | Buffer, suffix = '', content: string | Buffer = 'x'.repeat(100)): void {
  const path = Buffer.concat([FOLDER, Buffer.from(prefix), Buffer.from(name), Buffer.from(suffix)]);
  writeFileSync(path, content);
  planted.push(path);
}

/** Removes what is left of what was planted. */
export function uproot(): void {
  for (const path of planted.splice(0)) rmSync(path, { force: true });
}

/** Every kind of file of the library's and of the Python package's, under every nasty name. */
export function plantAll(): void {
  for (const [, name] of NASTY) {
    plant('tensoripc.', name);
    plant('tensoripc_', name);
    plant('sem.tensoripc_', name, '_f0_mutex', Buffer.alloc(32));
    plant('tensoripc_', name, '_f0_cnt', Buffer.alloc(8));
    plant('tensoripc-bell.', name, '.0123456789abcdef');
  }
}
