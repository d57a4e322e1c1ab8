// docs/tutorial.md, followed word by word in an empty folder: its files are saved, its commands typed into terminals, Ctrl-C pressed where it
// says so. Only the pool has another name.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TensorConsumer } from 'tensor-ipc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { nodePrograms, Sandbox } from './support/package-sandbox';
import { hasFfmpeg, noTerminal, stepsOf, Walkthrough } from './support/walkthrough';

const tutorial = suite('the tutorial');
if (noTerminal !== null) console.log(`skip: the tutorial: ${noTerminal}`);
if (!hasFfmpeg) console.log('skip: pictures of ffmpeg in the tutorial: ffmpeg is not installed (apt install ffmpeg)');
const test = noTerminal === null ? tutorial : tutorial.skip;

const POOL = 'front_camera';
const SHAPE = [240, 320, 3];
const FRAME_BYTES = SHAPE.reduce((product, extent) => product * extent, 1);

const sandbox = await Sandbox.open();
const project = sandbox.project({ node: realpathSync(process.execPath), ...nodePrograms() });
tutorial.after(() => sandbox[Symbol.asyncDispose]());

const page = readFileSync('docs/tutorial.md', 'utf8');
const pool = poolName('tutorial');
const steps = stepsOf(page.replaceAll(POOL, pool));
const saved = join(project.folder, 'robot');

test('whoever follows it ends with a camera, a policy and a recording of every frame', async () => {
  assert.equal(
    steps.map((step) => (step.kind === 'file' ? step.name : step.kind)).filter((name) => name.endsWith('.mjs')),
    ['camera.mjs', 'policy.mjs', 'recorder.mjs'],
  );
  await using walk = new Walkthrough(project);
  await walk.follow(steps, 'robot');

  // What the second camera says that it has published, and what the recorder has written.
  const published = [...walk.outputOf(1).matchAll(/published (\d+) frames/g)].map(([, count]) => Number(count));
  assert.is(published.length, 2);
  const { shape, frames } = JSON.parse(readFileSync(join(saved, 'recording.json'), 'utf8')) as {
    shape: number[];
    frames: { sequence: number; timestampNs: string }[];
  };
  assert.equal(shape, SHAPE);
  assert.is(frames.length, published[1]);
  assert.equal(
    frames.map(({ sequence }) => sequence),
    frames.map((_, index) => index),
  );
  const recording = readFileSync(join(saved, 'recording.rgb'));
  assert.is(recording.length, frames.length * FRAME_BYTES);
  const picture = (index: number) => recording.subarray(index * FRAME_BYTES, (index + 1) * FRAME_BYTES);
  assert.ok(frames.length > 30 && !picture(0).equals(picture(30)), 'pictures that move');
  assert.match(walk.outputOf(2), /the camera is gone: closed[\s\S]*the camera is there[\s\S]*the camera is gone: closed/);
  assert.ok(statSync(join(saved, 'picture.png')).size > 500);
  if (hasFfmpeg) assert.ok(statSync(join(saved, 'recording.mp4')).size > 1000);
  assert.equal(leftovers(pool), []);
});

test('without ffmpeg the camera draws its pictures', async () => {
  // node and npm alone are on its PATH.
  const [PATH = ''] = (project.env['PATH'] ?? '').split(':');
  const running = project.start('node robot/camera.mjs', { PATH });
  using consumer = TensorConsumer.attach<Uint8Array>(pool, { delivery: 'all' });
  const reds = new Set<number>();
  for await (const frame of consumer) {
    // Where the first red pixel of the middle row is.
    const row = frame.data.subarray(120 * 320 * 3, 121 * 320 * 3);
    reds.add(row.indexOf(230));
    if (reds.size > 5) break;
  }
  running.signalGroup('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  assert.is(code, 0, stderr);
  assert.match(stdout, /published \d+ frames/);
  assert.equal(
    leftovers(pool).filter((name) => !name.includes('-bell')),
    [],
  );
});

tutorial.run();
