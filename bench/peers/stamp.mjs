// What every frame of the benchmark carries, and what every reader of it notes: when it was written, in its first 8 bytes.

/** CLOCK_MONOTONIC, the same in all processes of the machine. */
export function nowNs() {
  return Number(process.hrtime.bigint());
}

/** Writes the time, and touches the end. */
export function stamp(data) {
  data[data.length - 1] = 1;
  new DataView(data.buffer, data.byteOffset, 8).setFloat64(0, nowNs(), true);
}

/** Latencies in ns of the frames that were read. */
export class Arrivals {
  #latenciesNs = [];
  checksum = 0;

  note(data) {
    const now = nowNs();
    this.#latenciesNs.push(now - new DataView(data.buffer, data.byteOffset, 8).getFloat64(0, true));
    this.checksum += data[data.length - 1];
  }

  collect() {
    return this.#latenciesNs.splice(0);
  }
}
