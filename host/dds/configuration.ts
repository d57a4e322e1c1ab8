// How a domain is configured where neither the program nor the environment says.

import { TensorIpcError } from '../runtime/errors';
import { messageOf } from '../runtime/realm';
import type { DdsHandle, DdsLibrary } from './library';

function domain(interfaces: string, discovery = ''): string {
  return (
    `<CycloneDDS><Domain Id="any"><General><Interfaces>${interfaces}</Interfaces>` +
    // Datagrams as large as they can be, and room for many: images of megabytes then arrive whole.
    '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize></General>' +
    '<Internal><SocketReceiveBufferSize max="8MB"/></Internal>' +
    // A process that was killed is missed within a second.
    `<Discovery>${discovery}<LeaseDuration>1s</LeaseDuration></Discovery></Domain></CycloneDDS>`
  );
}

const LOOPBACK = '<NetworkInterface name="lo" multicast="true"/>';

/** This machine only. Meets processes that are configured likewise, but not those that Cyclone's defaults put on the network. */
export const LOOPBACK_CONFIGURATION = domain(LOOPBACK);

/** The same without multicast: for at most sixty processes, each of which must be configured so. */
export const UNICAST_CONFIGURATION = domain(
  '<NetworkInterface name="lo" multicast="false"/>',
  '<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>60</MaxAutoParticipantIndex>' +
    '<Peers><Peer Address="127.0.0.1"/></Peers>',
);

/**
 * The default: the interface that Cyclone itself would choose, so that processes with its defaults (the Python package's) are met,
 * and the loopback device, for those that keep to it.
 */
export const DEFAULT_CONFIGURATION = domain(`<NetworkInterface autodetermine="true"/>${LOOPBACK}`);

/** In this order; the first that the machine lets Cyclone use. */
const CANDIDATES = [DEFAULT_CONFIGURATION, LOOPBACK_CONFIGURATION, UNICAST_CONFIGURATION];

/** A participant, configured as the program says, or the environment, or as well as the machine allows. */
export function openParticipant(
  library: DdsLibrary,
  domainId: number,
  configuration: string | undefined,
): { handle: DdsHandle; configuration: string } {
  const given = configuration ?? library.environment;
  let failure: unknown;
  for (const candidate of given === null ? CANDIDATES : [given]) {
    try {
      return { handle: library.createParticipant(domainId, candidate), configuration: candidate };
    } catch (error) {
      failure ??= error;
    }
  }
  const source = configuration !== undefined ? 'the given configuration' : given === null ? 'any default' : 'CYCLONEDDS_URI';
  const why = messageOf(failure);
  throw new TensorIpcError('DDS', `no participant of domain ${domainId} with ${source}: ${why}`, { cause: failure });
}
