import { expect, jest, test } from '@jest/globals';
import * as lib from 'tensor-ipc';
import define from './cases.cjs';

define(lib, { test, expect, fake: { on: () => jest.useFakeTimers(), off: () => jest.useRealTimers() } });
