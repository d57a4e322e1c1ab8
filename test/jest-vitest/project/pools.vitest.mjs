import * as lib from 'tensor-ipc';
import { expect, test, vi } from 'vitest';
import define from './cases.cjs';

const all = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];
const toFake = [...all, 'Date', 'performance', 'hrtime', 'queueMicrotask'];
define(lib, { test, expect, fake: { on: () => vi.useFakeTimers({ toFake }), off: () => vi.useRealTimers() } });
