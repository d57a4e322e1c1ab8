// What Cyclone has to say. It writes a line to standard error for every sample that it cannot read, as fast as strangers send them. No
// JavaScript runs on its threads, and the texts lie behind a pointer there: so a function of libc notes just that there was something.

import type { Address } from '../host/runtime/system';
import type { DdscCalls } from './ddsc-bind';

const FLAG_BYTES = 64;

export class DdscLog {
  readonly #calls: DdscCalls;
  readonly #strcpy: Address;
  // Never freed: threads of Cyclone's may outlast this one.
  readonly #flag: Address;
  readonly #seen = new Uint8Array(8);

  constructor(calls: DdscCalls) {
    this.#calls = calls;
    this.#strcpy = Number(calls.c.dlsym(0, 'strcpy'));
    this.#flag = Number(calls.c.calloc(1, FLAG_BYTES));
  }

  /** Its lines go to standard error, as they do by default. */
  print(): void {
    this.#calls.dds.set_log_sink(0, 0);
  }

  /**
   * Of its lines is kept that there were some. strcpy(argument, data) has the form of a log sink: `data` begins with the kind of line, one of
   * FATAL 1, ERROR 2, WARNING 4 …, as a number of four bytes, of which all but the first are zero: so what it copies are two bytes.
   */
  note(): void {
    if (this.#strcpy !== 0 && this.#flag !== 0) this.#calls.dds.set_log_sink(this.#strcpy, this.#flag);
  }

  /** Whether there were some since this was asked last. */
  take(): boolean {
    if (this.#flag === 0) return false;
    this.#calls.c.copyOut(this.#seen, this.#flag, 1);
    if (this.#seen[0] === 0) return false;
    this.#calls.c.memset(this.#flag, 0, 1);
    return true;
  }
}
