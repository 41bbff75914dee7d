/** The negotiation with an XMPP gatekeeper: it is dialled as soon as the domain is known, and the client's SASL
 *  exchange is relayed to it. With `channelBinding: reauthenticate` a stage replaces the SASL messages by the
 *  proxy's own (authentication/reauthentication.ts); the order of the phases stays the same. */
import type { Negotiation } from '../machine.ts';
import { dialGatekeeper, type XmppGatekeeper } from '../phases/dialling.ts';

export function relaySasl(gatekeeper: XmppGatekeeper): Negotiation {
  return { begin: (routed) => void dialGatekeeper(routed, gatekeeper) };
}
