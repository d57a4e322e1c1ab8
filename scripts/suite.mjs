// One bundled test file in a process of its own: run, watched, and its summary read.
import { spawn } from 'node:child_process';

/** A file that hangs is killed and counts as failed. A watchdog, not a limit on how fast tests must be. */
const WATCHDOG_MS = Number(process.env.TEST_WATCHDOG_MS ?? 600_000);

/** How to end the suites that run. They are in groups of their own, so Ctrl-C reaches this process alone. */
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const kill of running) kill();
    process.kill(process.pid, signal);
  });
}

/**
 * @param {string} node The binary that runs it.
 * @param {string} program Path of the bundle.
 * @param {NodeJS.ProcessEnv} environment
 * @param {readonly string[]} front A command that runs the rest of its arguments.
 * @returns {Promise<{ output: string, total: number, passed: number, failed: number, skipped: number, seconds: string }>}
 */
export async function runSuite(node, program, environment, front = []) {
  const started = Date.now();
  const { output, ended } = await run([...front, node, '--expose-gc', '--no-warnings', program], environment);
  // uvu's own summary is the last: a test may show that of a suite that it has run.
  const count = (label) => Number([...output.matchAll(new RegExp(`^\\s+${label}:\\s+(\\d+)`, 'gm'))].at(-1)?.[1] ?? 0);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  // A file that died, or ran nothing, has failed however its summary looks.
  const failed = Math.max(total - passed, ended !== 0 || total + skipped === 0 ? 1 : 0);
  return { output, total, passed, failed, skipped, seconds: ((Date.now() - started) / 1000).toFixed(1) };
}

function run([command, ...args], environment) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      // A group of its own: a watchdog ends what the suite has started, too, and with it what holds the output open.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    let output = '';
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const watchdog = setTimeout(() => {
      output += `\nwatchdog: still running after ${WATCHDOG_MS} ms, killed\n`;
      kill();
    }, WATCHDOG_MS);
    const kill = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    running.add(kill);
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      running.delete(kill);
      resolve({ output, ended: code ?? signal });
    });
  });
}
