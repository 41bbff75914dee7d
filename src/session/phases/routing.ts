/** Phase `routing`: waits for the client's stream header, whose domain chooses the gatekeeper. */
import { randomUUID } from 'node:crypto';
import { StreamError } from '../../stanza/error.ts';
import type { StanzaProtocol } from '../../stanza/protocol.ts';
import type { StreamHeader } from '../../stream/header.ts';
import { SessionRecord } from '../facts.ts';
import type { XmppLeg } from '../leg.ts';
import { requireCapacity } from '../capacity.ts';
import type { GatekeeperRoute, Machine, PhaseState } from '../machine.ts';

/** Waits for the header, and begins the negotiation with its gatekeeper.
 *  @param client a leg with TLS up from which nothing was read */
export function awaitHeader(machine: Machine, client: XmppLeg): void {
  const { options } = machine;
  const state: PhaseState & { header?: StreamHeader } = { name: 'routing', client };
  client.receive({
    header: (header) => {
      state.header = header;
      client.hold();
      requireCapacity(machine);
      const { domain, route } = chooseRoute(machine, header);
      const { protocol, negotiation, stages = options.stages } = route;
      const limits = route.limits ?? { stream: options.limits, rates: options.rates };
      const facts = factsOf(machine, domain, route);
      negotiation.begin({ machine, facts, client, header, limits, protocol, stages });
    },
    stanza: () => {
      throw new StreamError('not-authorized', { code: 'ERR_NEGOTIATION' });
    },
    whitespace: () => {},
    end: () => machine.end({ kind: 'closed', by: 'client' }),
  });
  machine.enter(state);
  client.start();
}

/** Chooses the gatekeeper by the header (RFC 6120 §4.7.2, §4.9.3.6). The name in TLS and the domain must agree
 *  (XEP-0368), unless it is the name of a host that serves several domains.
 *  @throws StreamError ERR_STREAM_HEADER, ERR_STREAM_VERSION, ERR_UNKNOWN_DOMAIN, ERR_SNI_MISMATCH */
function chooseRoute(
  { options, evidence, sharedNames }: Machine,
  { attributes, scope }: StreamHeader,
): { readonly domain: string; readonly route: GatekeeperRoute } {
  if (!/^1\.[0-9]+$/.test(attributes.get('version') ?? ''))
    throw new StreamError('unsupported-version', { code: 'ERR_STREAM_VERSION' });
  const domain = (attributes.get('to') ?? '').toLowerCase();
  const route = options.route(domain);
  if (route === undefined) throw new StreamError('host-unknown', { code: 'ERR_UNKNOWN_DOMAIN' });
  refuseOtherNamespace(scope.contentNamespace, route.protocol);
  const serverName = evidence.handshake?.serverName?.toLowerCase();
  if (serverName !== undefined && serverName !== domain && !sharedNames.has(serverName))
    throw new StreamError('host-unknown', { code: 'ERR_SNI_MISMATCH' });
  return { domain, route };
}

/** Refuses a stream whose content namespace is not that of the gatekeeper's protocol (RFC 6120 §4.8.2).
 *  @throws StreamError ERR_STREAM_HEADER */
export function refuseOtherNamespace(contentNamespace: string, { namespace }: StanzaProtocol): void {
  if (contentNamespace !== namespace)
    throw new StreamError('invalid-namespace', { code: 'ERR_STREAM_HEADER' });
}

function factsOf(machine: Machine, domain: string, route: GatekeeperRoute): SessionRecord {
  const { startedAt, listener, options, evidence } = machine;
  const { name: gatekeeper, channelBinding } = route;
  return new SessionRecord({
    // Copied to one string: Node concatenates a UUID from its digits, and V8 would keep every part.
    session: Buffer.from(randomUUID(), 'latin1').toString('latin1'),
    startedAt,
    listener,
    domain,
    gatekeeper,
    channelBinding,
    region: options.regionOf(evidence),
  });
}
