/** Start of phase `authenticating` where the gatekeeper takes attestations in the stream. Its first features are
 *  answered with the attestation before anything of the client's is read. */
import { signalsElement } from '../../signals/nonza.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import type { GatekeeperAttestations } from '../signals/attestations.ts';
import { relayAuthentication } from './authenticating.ts';
import type { XmppConnected } from './connected.ts';

/** Waits for the features, and answers them. The client stays held until then. */
export function attestConnection(connected: XmppConnected, attestations: GatekeeperAttestations): void {
  const { machine, client, gatekeeper } = connected;
  client.receive({
    stanza: refuseUnasked,
    whitespace: () => {},
    end: () => connected.closedBy('client'),
  });
  gatekeeper.receive({
    header: (header) => connected.forwardHeader(header, 'to-client'),
    stanza: (stanza) => {
      if (stanza.is(0, ns.streams, 'features')) {
        const nonza = attestations.nonza(machine.evidence, gatekeeper.socket, offersSignals(stanza));
        if (nonza !== undefined) gatekeeper.write(nonza);
        relayAuthentication(connected);
        connected.take(stanza, 'to-client');
        gatekeeper.afterChunk(() => client.release());
      } else if (!connected.take(stanza, 'to-client') || !connected.endedBy(stanza)) refuseUnasked();
    },
    whitespace: () => {},
    end: () => connected.closedBy('gatekeeper'),
  });
}

function offersSignals(features: Stanza): boolean {
  const { names } = features;
  return features.child(0, names.namespace(ns.signals), names.local(signalsElement)) !== -1;
}

/** Refuses an element before the features; only a stream error may come first (RFC 6120 §4.3.2).
 *  @throws StreamError ERR_GATEKEEPER_NEGOTIATION */
function refuseUnasked(): never {
  throw new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
}
