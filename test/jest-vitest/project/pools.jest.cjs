/* global jest, test, expect */
const define = require('./cases.cjs');
const lib = require('tensor-ipc');

define(lib, { test, expect, fake: { on: () => jest.useFakeTimers(), off: () => jest.useRealTimers() } });
