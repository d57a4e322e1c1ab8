// docs/cookbook.md: each recipe is followed as it stands, in a project with the packed library; what cannot run here is checked by the tool
// that would read it.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, poolName } from './support/child';
import { nodePrograms, Sandbox } from './support/package-sandbox';
import { hasFfmpeg, noTerminal, type Step, stepsOf, Walkthrough } from './support/walkthrough';

const test = suite('the cookbook');

/** Every pool of the page, by the name that it has in this run. */
const POOLS = [
  'lobby_film',
  'wheel_ticks',
  'wrist_rgbd',
  'arm_joints',
  'eye_camera',
  'arm_state',
  'large_frames',
  'front_camera',
];
const names = new Map(POOLS.map((name) => [name, poolName(name.replace('_', '-'))]));
let page = readFileSync('docs/cookbook.md', 'utf8');
for (const [name, unique] of names) {
  assert.ok(page.includes(name), `the cookbook has no pool ${name}`);
  page = page.replaceAll(name, unique);
}
/** The page's recipes by their headings. */
const recipes = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), stepsOf(text)] as const),
);

function recipe(heading: string): Step[] {
  const steps = recipes.get(heading);
  if (steps === undefined) throw new Error(`docs/cookbook.md has no recipe "${heading}"`);
  return steps;
}

const sandbox = await Sandbox.open();
const project = sandbox.project({ node: realpathSync(process.execPath), ...nodePrograms() });
const path = (name: string) => join(project.folder, name);
test.before(async () => {
  project.write('package.json', '{ "private": true }\n');
  await project.done('npm install tensor-ipc');
});
test.after(() => sandbox[Symbol.asyncDispose]());

/** Saves the files of a recipe. */
function save(heading: string): string[] {
  const files = recipe(heading).flatMap((step) => (step.kind === 'file' ? [step] : []));
  for (const { name, text } of files) project.write(name, text);
  return files.map(({ name }) => name);
}

async function follow(steps: readonly Step[]): Promise<void> {
  await using walk = new Walkthrough(project);
  await walk.follow(steps);
}

const RUN: readonly [heading: string, needsFfmpeg: boolean][] = [
  ['A camera by ffmpeg', true],
  ['A recorder that ends with its producer', false],
  ['RGB-D', false],
  ['Reconnect', false],
  ['Several pools in one process', false],
  ['Worker threads', false],
];
if (noTerminal !== null) console.log(`skip: recipes of the cookbook: ${noTerminal}`);
if (!hasFfmpeg) console.log('skip: recipes of the cookbook: ffmpeg is not installed (apt install ffmpeg)');

for (const [heading, needsFfmpeg] of RUN) {
  (noTerminal === null && (hasFfmpeg || !needsFfmpeg) ? test : test.skip)(heading, () => follow(recipe(heading)));
}

test('the recording holds what was put, in order', () => {
  if (noTerminal !== null) return;
  const { buffer, byteOffset, length } = readFileSync(path('ticks.f64'));
  assert.equal([...new Float64Array(buffer.slice(byteOffset, byteOffset + length))], [...Array(100).keys()]);
});

const runners = resolve('test/jest-vitest/node_modules');
const hasJest = existsSync(join(runners, 'jest'));
if (!hasJest) console.log('skip: Jest in the cookbook: run "npm run peers jest-vitest"');
(hasJest && noTerminal === null ? test : test.skip)('Jest', async () => {
  // As if npm had installed it.
  for (const name of readdirSync(runners)) {
    if (!existsSync(path(`node_modules/${name}`))) symlinkSync(join(runners, name), path(`node_modules/${name}`));
  }
  if (!existsSync(path('node_modules/.bin/jest'))) symlinkSync(join(runners, 'jest/bin/jest.js'), path('node_modules/.bin/jest'));
  await follow(
    recipe('Jest').map((step) =>
      step.kind === 'commands' ? { ...step, lines: step.lines.filter((line) => !line.startsWith('npm install')) } : step,
    ),
  );
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasSystemd) console.log('skip: the systemd units of the cookbook: systemd-analyze is not installed (apt install systemd)');
(hasSystemd ? test : test.skip)('systemd', () => {
  const units = save('systemd');
  assert.equal(units, ['camera.service', 'policy.service']);
  const verify = () =>
    spawnSync('systemd-analyze', ['verify', '--man=no', ...units.map(path)], { encoding: 'utf8', cwd: project.folder });
  const { status, stderr } = verify();
  assert.is(status, 0, stderr);
  assert.not.match(stderr, /camera\.service|policy\.service/);
  // It tells a mistake.
  writeFileSync(
    path('camera.service'),
    readFileSync(path('camera.service'), 'utf8').replace('Restart=always', 'Restart=allways'),
  );
  assert.match(verify().stderr, /camera\.service.*allways/);
});

interface Compose {
  readonly services: Record<string, Record<string, unknown>>;
}

(hasJest ? test : test.skip)('Docker: YAML that says what it means', () => {
  assert.equal(save('Docker'), ['compose.yaml', 'Dockerfile']);
  // js-yaml comes with Jest.
  const { load } = createRequire(join(runners, 'index.js'))('js-yaml') as { load(text: string): Compose };
  const { services } = load(readFileSync(path('compose.yaml'), 'utf8'));
  assert.equal(Object.keys(services), ['camera', 'policy']);
  assert.is(services['camera']?.['ipc'], 'shareable');
  assert.is(services['policy']?.['ipc'], 'service:camera');
});

const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0;
if (!hasCompose) console.log('skip: the compose file of the cookbook: there is no "docker compose" (apt install docker-compose)');
(hasCompose ? test : test.skip)('Docker: the compose file, as docker reads it', () => {
  save('Docker');
  const { status, stderr } = spawnSync('docker', ['compose', 'config', '--quiet'], { cwd: project.folder, encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

const electron = resolve('test/window/node_modules/electron');
const hasElectron = existsSync(join(electron, 'electron.d.ts'));
if (!hasElectron) console.log('skip: the types of Electron in the cookbook: run "npm run peers window"');
test('Electron: the three programs parse, and fit the types of Electron', () => {
  const files = save('Electron');
  assert.equal(files, ['main.cjs', 'preload.cjs', 'page.js']);
  for (const file of files) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', path(file)], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
  }
  if (!hasElectron) return;
  for (const [name, target] of [
    ['electron', electron],
    ['@types', resolve('node_modules/@types')],
  ] as const) {
    if (!existsSync(path(`node_modules/${name}`))) symlinkSync(target, path(`node_modules/${name}`));
  }
  const flags =
    '--noEmit --allowJs --checkJs --skipLibCheck --target es2023 --lib es2023,dom,esnext.disposable --module nodenext --types node'.split(
      ' ',
    );
  const tsc = resolve('node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...flags, 'main.cjs', 'preload.cjs'], {
    cwd: project.folder,
    encoding: 'utf8',
  });
  assert.is(status, 0, stdout);
});

test('every recipe is checked, and none leaves a pool behind', () => {
  assert.equal([...recipes.keys()], [...RUN.map(([heading]) => heading), 'Jest', 'systemd', 'Docker', 'Electron']);
  assert.equal([...names.values()].flatMap(leftovers), []);
});

test.run();
