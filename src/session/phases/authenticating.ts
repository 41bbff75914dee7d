/** Phase `authenticating`: SASL passes between client and gatekeeper (RFC 6120 §6, XEP-0388). */
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { liftLimits, type XmppConnected } from './connected.ts';
import { establish } from './established.ts';
import { logInInline } from './inline-login.ts';
import { restartStreams } from './restarting.ts';

/** Relays until the gatekeeper's success. White space is not passed on: it must not come in the middle of an
 *  authentication (XEP-0388 §2.6). */
export function relayAuthentication(connected: XmppConnected): void {
  const { client, gatekeeper } = connected;
  client.receive({
    stanza: (stanza) => void connected.take(stanza, 'to-gatekeeper'),
    whitespace: () => {},
    end: () => connected.closedBy('client'),
  });
  gatekeeper.receive({
    header: (header) => connected.forwardHeader(header, 'to-client'),
    stanza: (stanza) => {
      if (connected.take(stanza, 'to-client')) conclude(connected, stanza);
      else if (connected.inlineRequest !== undefined) logInInline(connected, connected.inlineRequest);
    },
    whitespace: () => {},
    end: () => connected.closedBy('gatekeeper'),
  });
}

/** Enters `restarting` after a success of SASL 1 (RFC 6120 §6.4.6), `established` after one of SASL 2 (XEP-0388
 *  §2.6). */
function conclude(connected: XmppConnected, passed: Stanza): void {
  if (connected.endedBy(passed)) return;
  if (passed.is(0, ns.sasl, 'success')) restartStreams(connected);
  else if (passed.is(0, ns.sasl2, 'success')) {
    liftLimits(connected);
    establish(connected);
  }
}
