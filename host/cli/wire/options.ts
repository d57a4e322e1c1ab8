// Which wire a command means: said by --wire or --domain, or found out by what stands under the name.

import { checkName, objectName, platform, wireObject } from '../../entry/inspection';
import type { Wire, WireOptions } from '../../entry/main';
import { UsageError, wholeNumber } from '../command';

const WIRES: readonly Wire[] = ['native', 'tensor-ipc'];
const MAX_DOMAIN_ID = 232;

const DOMAIN_OPTION = { type: 'string', value: 'N', help: "DDS domain of the Python package's pools. Default 0." } as const;

/** Options of the commands that open one pool. */
export const WIRE_OPTIONS = {
  wire: {
    type: 'string',
    value: 'WIRE',
    choices: WIRES,
    help: "'native', or 'tensor-ipc' for a pool of the Python package. Default: whichever there is.",
  },
  domain: DOMAIN_OPTION,
} as const;

/** Options of a command that makes a pool. */
export const MAKE_OPTIONS = {
  wire: {
    type: 'string',
    value: 'WIRE',
    choices: WIRES,
    help: "'native' (default), or 'tensor-ipc' for readers with the Python package.",
  },
  domain: DOMAIN_OPTION,
} as const;

/** Of a command that makes a pool for the Python package. */
export const BACKEND_OPTION = {
  type: 'string',
  value: 'NAME',
  choices: ['numpy', 'torch'],
  help: "What Python readers take: 'numpy' (default) or 'torch'.",
} as const;

export { DOMAIN_OPTION, WIRES };

interface Values {
  readonly wire?: string;
  readonly domain?: string;
}

/** --domain, or undefined. */
export function domainOf(command: string, { domain }: Values): number | undefined {
  return wholeNumber(command, 'domain', domain, 0, MAX_DOMAIN_ID);
}

/** What was asked for; null where nothing was. */
export function saidWire(command: string, values: Values): Required<Pick<WireOptions, 'wire' | 'domainId'>> | null {
  const domainId = domainOf(command, values);
  const said = values.wire;
  if (said === undefined && domainId === undefined) return null;
  const wire = said === undefined ? 'tensor-ipc' : WIRES.find((candidate) => candidate === said);
  if (wire === undefined) throw new UsageError(`--wire is 'native' or 'tensor-ipc', found '${said}'`, command);
  if (wire === 'native' && domainId !== undefined) {
    throw new UsageError("--domain is of the Python package's pools: leave it out, or say --wire tensor-ipc", command);
  }
  return { wire, domainId: domainId ?? 0 };
}

/** How to open the pool of a name: what was asked for, or else the native pool, or else the Python pool, that there is. */
export function wireFor(command: string, name: string, values: Values): Required<Pick<WireOptions, 'wire' | 'domainId'>> {
  const said = saidWire(command, values);
  if (said !== null) return said;
  checkName(name);
  const system = platform().system();
  const python = system.statObject(objectName(name)) === null && system.statObject(wireObject(name)) !== null;
  return { wire: python ? 'tensor-ipc' : 'native', domainId: 0 };
}
