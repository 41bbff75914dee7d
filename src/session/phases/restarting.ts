/** Phase `restarting`: the new stream headers that SASL 1 asks for (RFC 6120 §6.4.6). */
import { StreamError } from '../../stanza/error.ts';
import type { SessionFacts } from '../facts.ts';
import { liftLimits, type XmppConnected } from './connected.ts';
import { establish } from './established.ts';

/** Restarts both streams. The client's header comes first, and must name the same domain.
 *  @throws StreamError ERR_RESTART_PIPELINED when the client has sent something before the success */
export function restartStreams(connected: XmppConnected): void {
  const { client, gatekeeper } = connected;
  if (!client.atBoundary) throw new StreamError('policy-violation', { code: 'ERR_RESTART_PIPELINED' });
  liftLimits(connected);
  connected.enter('restarting');
  client.restart();
  gatekeeper.restart();
  let asked = false;
  client.receive({
    header: (header) => {
      refuseOtherDomain(connected.facts, header.attributes.get('to'));
      connected.forwardHeader(header, 'to-gatekeeper');
      asked = true;
    },
    stanza: (stanza) => void connected.take(stanza, 'to-gatekeeper'),
    whitespace: () => {},
    end: () => connected.closedBy('client'),
  });
  gatekeeper.receive({
    header: (header) => {
      if (!asked) throw new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
      establish(connected);
      connected.forwardHeader(header, 'to-client');
    },
    stanza: (stanza) => {
      if (connected.take(stanza, 'to-client')) connected.endedBy(stanza);
    },
    whitespace: () => {},
    end: () => connected.closedBy('gatekeeper'),
  });
}

/** Refuses a second header that names another domain than the first.
 *  @throws StreamError ERR_UNKNOWN_DOMAIN */
export function refuseOtherDomain({ domain }: SessionFacts, to: string | undefined): void {
  if (to !== undefined && to.toLowerCase() !== domain)
    throw new StreamError('host-unknown', { code: 'ERR_UNKNOWN_DOMAIN' });
}
