import { createRequire } from 'node:module';
import { expect, test, vi } from 'vitest';
import define from './cases.cjs';

const lib = createRequire(import.meta.url)('tensor-ipc');
define(lib, { test, expect, fake: { on: () => vi.useFakeTimers(), off: () => vi.useRealTimers() } });
