// What long work says of itself, on stderr: one line that changes on a terminal, a line now and then elsewhere.

const LINE_INTERVAL_MS = 5000;

let lastAt = -Infinity;

export function progress(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${text}`);
    return;
  }
  const now = performance.now();
  if (now - lastAt < LINE_INTERVAL_MS) return;
  lastAt = now;
  process.stderr.write(`${text}\n`);
}

/** Takes the changing line away. */
export function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
