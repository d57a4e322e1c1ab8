// The programs that the tests of the package run as its user: two processes that send each other frames and wait for each other.

import { transformSync } from 'esbuild';

/** What the exchange says when all is well. */
export const ROUNDS = 40;
export const SENT = `sent ${ROUNDS}`;
export const RECEIVED = `received ${ROUNDS}, missed 0`;
/** Printed when the producer may start. */
export const WAITING = 'waiting';

/** TypeScript without its imports, so that each module system can have its own. */
const BODY = `
const ROUNDS = ${ROUNDS};
const SHAPE = [4, 8, 3];

/** Bytes that tell to which frame they belong. */
function picture(sequence: number): Uint8Array {
  return Uint8Array.from({ length: 96 }, (_, i) => (sequence * 31 + i * 7) & 255);
}

/** Puts a frame and waits until the other process says that it has it. */
async function produce(name: string): Promise<void> {
  const replies = TensorConsumer.attach<Float64Array>(name + '-back');
  const producer = TensorProducer.fromSample(name, { data: picture(0), shape: SHAPE }, { historyLen: 4 });
  for (let k = 0; k < ROUNDS; k++) {
    producer.put({ data: picture(k), shape: SHAPE });
    const reply = await replies.next({ timeoutMs: 30_000 });
    if (reply?.data[0] !== k) throw new Error('frame ' + k + ' was answered by ' + reply?.data[0]);
  }
  console.log('sent ' + ROUNDS);
  producer.close();
  replies.close();
}

/** Waits for each frame, looks at it byte by byte, and answers. */
async function consume(name: string): Promise<void> {
  const replies = TensorProducer.fromSample(name + '-back', new Float64Array(1), { historyLen: 4 });
  const consumer = TensorConsumer.attach<Uint8Array>(name, { delivery: 'all', from: 'oldest' });
  const over = new Promise((resolve) => consumer.once('disconnect', resolve));
  console.log('${WAITING}');
  let missed = 0;
  for (let k = 0; k < ROUNDS; k++) {
    const frame = await consumer.next({ timeoutMs: 30_000 });
    if (frame === null) throw new Error('no frame ' + k);
    const wanted = picture(k);
    const same = frame.data.length === wanted.length && frame.data.every((value, i) => value === wanted[i]);
    if (!same || frame.sequence !== k || frame.shape.join() !== SHAPE.join()) throw new Error('frame ' + k + ' came as ' + frame.sequence);
    missed += frame.missed;
    replies.put(Float64Array.of(k));
  }
  // The other has read the last answer when it closes its pool. An event alone keeps no process alive.
  const watchdog = setTimeout(() => {
    throw new Error('the producer does not end');
  }, 30_000);
  await over;
  clearTimeout(watchdog);
  console.log('received ' + ROUNDS + ', missed ' + missed);
  consumer.close();
  replies.close();
}

const [role, pool] = process.argv.slice(2);
if (pool === undefined) throw new Error('which pool?');
(role === 'produce' ? produce(pool) : consume(pool)).catch((error) => {
  console.error(error instanceof TensorIpcError ? error.code + ': ' + error.message : error);
  process.exitCode = 1;
});
`;

const NAMES = 'TensorConsumer, TensorIpcError, TensorProducer';

/** The same without types. */
const PLAIN_BODY = transformSync(BODY, { loader: 'ts', format: 'esm', target: 'esnext' }).code;

/** TypeScript, and JavaScript modules. \`from\` is what the library is imported as. */
export const typescript = (from = 'tensor-ipc') =>
  `import process from 'node:process';\nimport { ${NAMES} } from '${from}';\n${BODY}`;
export const esm = (from = 'tensor-ipc') =>
  `import process from 'node:process';\nimport { ${NAMES} } from '${from}';\n${PLAIN_BODY}`;

/** CommonJS. */
export const cjs = `const { ${NAMES} } = require('tensor-ipc');\n${PLAIN_BODY}`;

/** A module that requires. */
export const requiring = `import { createRequire } from 'node:module';
import process from 'node:process';
const { ${NAMES} } = createRequire(import.meta.url)('tensor-ipc');
${PLAIN_BODY}`;

/** Deno: a consumer in a process that a producer starts, with Deno's own means and with node:child_process. */
export const denoSpawning = (from: string) => `import { ${NAMES} } from '${from}';
import { spawn } from 'node:child_process';
const [means, pool] = Deno.args;
const replies = TensorConsumer.attach(pool + '-back');
const producer = TensorProducer.fromSample(pool, new Uint8Array(8), { historyLen: 4 });
const args = ['run', '--no-prompt', '--allow-ffi', '--allow-read', import.meta.url.replace(/parent\\.mjs$/, 'child.mjs'), pool];
const ended = means === 'Command'
  ? new Deno.Command('deno', { args, stdout: 'inherit', stderr: 'inherit' }).spawn().status.then(({ code }) => code)
  : new Promise((resolve) => spawn('deno', args, { stdio: 'inherit' }).on('close', resolve));
if (!replies.connected) await new Promise((resolve) => replies.once('connect', resolve));
producer.put(Uint8Array.from({ length: 8 }, (_, i) => i * 3));
console.log('child ended with', await ended);
replies.close();
producer.close();
`;
export const denoSpawned = (from: string) => `import { ${NAMES} } from '${from}';
const [pool] = Deno.args;
const consumer = TensorConsumer.attach(pool, { delivery: 'all', from: 'oldest' });
const replies = TensorProducer.fromSample(pool + '-back', new Uint8Array(1));
const frame = await consumer.next({ timeoutMs: 30_000 });
console.log('the child got', frame === null ? 'nothing' : frame.data.join());
consumer.close();
replies.close();
`;

/** The first call of a program that must not make one: what it is told, and whether koffi was loaded for it. */
const REFUSED_BODY = `
const loaded = () => readFileSync('/proc/self/maps', 'utf8').includes('koffi');
const before = loaded();
for (const call of [() => TensorConsumer.attach('x'), () => TensorProducer.fromSample('x', new Uint8Array(1)), () => list()]) {
  try {
    call();
    console.log('no error');
  } catch (error) {
    console.log(error instanceof TensorIpcError, error.code, error.message);
  }
}
console.log('koffi', before, loaded());
`;
export const refused = (from = 'tensor-ipc') =>
  `import { readFileSync } from 'node:fs';\nimport { ${NAMES}, list } from '${from}';\n${REFUSED_BODY}`;
export const refusedCjs = `const { readFileSync } = require('node:fs');\nconst { ${NAMES}, list } = require('tensor-ipc');\n${REFUSED_BODY}`;

/** What the refused program prints if every call failed alike. */
export function refusals(line: string): string {
  return `${`true ${line}\n`.repeat(3)}koffi false false\n`;
}

/** Loaded before a program: the platform is another one from here on. As ESM and as CommonJS. */
export const pretend = (platform: string) => `import process from 'node:process';\n${overriding(platform)}`;
export const pretendCjs = (platform: string) => overriding(platform);
function overriding(platform: string): string {
  return `Object.defineProperty(process, 'platform', { value: '${platform}' });\n`;
}
